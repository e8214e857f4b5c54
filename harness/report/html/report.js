"use strict";
(() => {
  const find = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Tables: a click on a heading sorts; rows without a value stay last.
  const order = new Intl.Collator("en", { numeric: true });
  const sort = (head) => {
    const table = head.closest("table");
    const column = [...head.parentNode.children].indexOf(head);
    const other = { ascending: "descending", descending: "ascending" };
    const way = other[head.getAttribute("aria-sort")] ?? head.dataset.first;
    const sign = way === "ascending" ? 1 : -1;
    const numbers = head.dataset.kind === "number";
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [row.cells[column].dataset.sort, row]);
    rows.sort(([a], [b]) => {
      if (a === "" || b === "") return (a === "") - (b === "");
      return sign * (numbers ? a - b : order.compare(a, b));
    });
    body.append(...rows.map(([, row]) => row));
    find("th[aria-sort]", table).forEach((th) => th.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", way);
  };
  for (const button of find("th > button")) {
    button.addEventListener("click", () => sort(button.parentNode));
  }

  // Boxes that scroll can be reached with the keyboard and fade where they go on.
  const boxes = find(".scroll");
  const reach = (box) => {
    const rest = box.scrollWidth - box.clientWidth;
    box.classList.toggle("more", box.scrollLeft < rest - 1);
    if (rest > 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  };
  for (const box of boxes) box.addEventListener("scroll", () => reach(box), { passive: true });
  new ResizeObserver(() => boxes.forEach(reach)).observe(document.body);

  // The contents are open beside the page, and closed above it.
  const contents = document.querySelector("nav details");
  const beside = matchMedia("(min-width: 72rem)");
  const place = () => { contents.open = beside.matches; };
  beside.addEventListener("change", place);
  place();
  contents.addEventListener("click", (event) => {
    if (event.target.closest("a") && !beside.matches) contents.open = false;
  });
})();
