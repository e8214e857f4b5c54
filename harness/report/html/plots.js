"use strict";
// Plots of the searches, as SVG from the JSON beside each: a dot is a trial, a step the best so far.
(() => {
  const find = (selector, root = document) => [...root.querySelectorAll(selector)];
  const HEIGHT = 380, LEFT = 66, RIGHT = 12, TOP = 10, BOTTOM = 46;
  const NEAR = 14; // pixels from which a trial is pointed at

  const make = (parent, name, attributes = {}, text = "") => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.textContent = text; // text alone, never HTML: names and messages come from data
    parent.append(node);
    return node;
  };

  // Round numbers from low to high: of a logarithmic axis 1, 2 and 5 of each power of ten.
  const ticks = ([low, high], most, log) => {
    const round = [];
    for (let power = Math.floor(low); log && power <= high; power++) {
      for (const times of high - low > 2 ? [1] : [1, 2, 5]) round.push(times * 10 ** power);
    }
    const known = round.filter((value) => Math.log10(value) >= low && Math.log10(value) <= high);
    if (known.length > 1) return known;
    const [first, last] = log ? [10 ** low, 10 ** high] : [low, high];
    const power = 10 ** Math.floor(Math.log10((last - first) / most));
    const step = power * ([1, 2, 5].find((times) => times * power * most >= last - first) ?? 10);
    const count = Math.floor(last / step + 1e-9) - Math.ceil(first / step - 1e-9) + 1;
    return Array.from({ length: count }, (_, i) => (Math.ceil(first / step - 1e-9) + i) * step);
  };
  const written = (value) => String(Number(value.toPrecision(6)));

  const begin = (box) => {
    const data = JSON.parse(find(`script[data-plot="${box.id}"]`)[0].textContent);
    const whole = { x: data.x, y: data.log ? data.y.map(Math.log10) : data.y };
    const hidden = new Set();
    let view = whole, placed = [], width = 0;
    const raise = data.log ? Math.log10 : (value) => value;
    const across = (x) => LEFT + ((x - view.x[0]) / (view.x[1] - view.x[0])) * (width - LEFT - RIGHT);
    const up = (y) => {
      const share = (raise(y) - view.y[0]) / (view.y[1] - view.y[0]);
      return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP);
    };

    const axes = (svg) => {
      const frame = make(svg, "g", { class: "axis" });
      for (const x of ticks(view.x, width / 110, false)) {
        make(frame, "line", { x1: across(x), x2: across(x), y1: TOP, y2: HEIGHT - BOTTOM });
        make(frame, "text", { x: across(x), y: HEIGHT - BOTTOM + 17, "text-anchor": "middle" }, written(x));
      }
      for (const y of ticks(view.y, 6, data.log)) {
        make(frame, "line", { x1: LEFT, x2: width - RIGHT, y1: up(y), y2: up(y) });
        make(frame, "text", { x: LEFT - 7, y: up(y) + 4, "text-anchor": "end" }, written(y));
      }
      const middle = (HEIGHT - BOTTOM) / 2;
      make(frame, "text", { x: (LEFT + width) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, data.names[0]);
      make(frame, "text", { transform: `translate(13 ${middle}) rotate(-90)`, "text-anchor": "middle" }, data.names[1]);
    };

    const draw = () => {
      width = box.clientWidth;
      const svg = make(box, "svg", { width, height: HEIGHT });
      axes(svg);
      const clip = make(make(svg, "clipPath", { id: `${box.id}-frame` }), "rect", {
        x: LEFT, y: TOP, width: Math.max(0, width - LEFT - RIGHT), height: HEIGHT - TOP - BOTTOM,
      });
      const inside = make(svg, "g", { "clip-path": `url(#${clip.parentNode.id})` });
      placed = [];
      data.spaces.forEach((space, number) => {
        if (hidden.has(`space-${number}`)) return;
        const group = make(inside, "g", { "data-name": `space-${number}`, stroke: space.colour, fill: space.colour });
        let path = "";
        space.line.forEach(([x, y]) => { path += path ? `H${across(x)}V${up(y)}` : `M${across(x)} ${up(y)}`; });
        make(group, "path", { d: path, fill: "none", "stroke-width": 2, "stroke-dasharray": space.dash });
        for (const trial of space.trials) {
          const [, x, y] = trial;
          const at = [across(x), y === null ? HEIGHT - BOTTOM - 7 : up(y)];
          if (y === null) make(group, "path", { d: `M${at[0] - 3} ${at[1] - 3}l6 6m0 -6l-6 6`, "stroke-width": 1.4 });
          else make(group, "circle", { cx: at[0], cy: at[1], r: space.trials.length > 100 ? 2.5 : 4, "fill-opacity": 0.45 });
          placed.push([...at, space, trial]);
        }
      });
      box.replaceChildren(svg);
    };

    const tell = (space, [number, , y, score, status, epochs, took, config, training]) => {
      const told = (names, values) => names
        .map((name, i) => (values[i] === null ? "" : `${name} ${values[i]}`)).filter(Boolean).join(", ");
      const name = document.createElement("strong");
      name.textContent = `${space.name}, trial ${number}`;
      const facts = [
        y === null ? "" : `score ${score}`, status, `${epochs} epochs in ${took}`,
        told(space.config, config), told(space.training, training),
      ];
      find(".told", box.parentNode)[0].replaceChildren(name, ` · ${facts.filter(Boolean).join(" · ")}`);
    };
    const point = ({ offsetX, offsetY }) => {
      const apart = ([x, y]) => Math.hypot(x - offsetX, y - offsetY);
      const [nearest] = [...placed].sort((a, b) => apart(a) - apart(b));
      if (nearest && apart(nearest) < NEAR) tell(nearest[2], nearest[3]);
    };

    // A mouse draws a box to look into; a finger moves the page.
    let from = null, band = null;
    const back = (event) => {
      const rect = box.getBoundingClientRect();
      return [event.clientX - rect.left, event.clientY - rect.top];
    };
    box.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button) return;
      from = back(event);
      band = make(box.firstChild, "rect", { class: "band" });
      box.setPointerCapture(event.pointerId);
    });
    box.addEventListener("pointermove", (event) => {
      const [x, y] = back(event);
      if (!from) return point({ offsetX: x, offsetY: y });
      const sides = { x: Math.min(x, from[0]), y: Math.min(y, from[1]), width: Math.abs(x - from[0]), height: Math.abs(y - from[1]) };
      for (const [key, value] of Object.entries(sides)) band.setAttribute(key, value);
    });
    box.addEventListener("pointerup", (event) => {
      if (!from) return;
      const to = back(event), ends = [[from[0], to[0]], [from[1], to[1]]];
      from = null;
      band.remove();
      if (ends.some(([a, b]) => Math.abs(a - b) < 8)) return;
      const share = (at, first, length) => (at - first) / length;
      const into = (range, shares) => shares.map((s) => range[0] + s * (range[1] - range[0])).sort((a, b) => a - b);
      view = {
        x: into(view.x, ends[0].map((at) => share(at, LEFT, width - LEFT - RIGHT))),
        y: into(view.y, ends[1].map((at) => 1 - share(at, TOP, HEIGHT - TOP - BOTTOM))),
      };
      draw();
    });
    box.addEventListener("click", (event) => {
      const [offsetX, offsetY] = back(event);
      point({ offsetX, offsetY });
    });
    box.addEventListener("dblclick", () => { view = whole; draw(); });
    find(".keys", box.parentNode)[0].addEventListener("click", (event) => {
      const key = event.target.closest("button");
      if (!key) return;
      const shown = key.getAttribute("aria-pressed") !== "true";
      key.setAttribute("aria-pressed", shown);
      hidden[shown ? "delete" : "add"](key.dataset.name);
      draw();
    });
    new ResizeObserver(() => { if (box.clientWidth !== width) draw(); }).observe(box);
    draw();
  };

  // Each is drawn when it comes near, so that the page opens at once.
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      begin(target);
    }
  }, { rootMargin: "600px" });
  find(".canvas").forEach((box) => near.observe(box));
})();
