"""A bar that shows how much is done: tqdm's on a terminal, an element of the page in a notebook."""

import sys
from html import escape
from typing import Any, Protocol

WIDTH = "width: 20em; vertical-align: middle"


class Bar(Protocol):
    """What shows how much is done."""

    def show(self, done: float, most: float, text: str) -> None:
        """Shows so much, and a few words behind it."""

    def write(self, line: str) -> None:
        """Prints a line beside it."""

    def close(self) -> None:
        """Leaves it as it is."""


class OfTerminal:
    """A line that is written anew.

    Args:
        name: in front of it.
        most: all there is to do.
    """

    def __init__(self, name: str, most: float) -> None:
        from tqdm import tqdm

        self._bar = tqdm(
            total=most, desc=name, file=sys.stdout, dynamic_ncols=True,
            bar_format="{l_bar}{bar:20}| {n:.0f}/{total:.0f} [{elapsed}]{postfix}",
        )  # fmt: skip

    def show(self, done: float, most: float, text: str) -> None:
        self._bar.n, self._bar.total = done, most
        self._bar.set_postfix_str(text)

    def write(self, line: str) -> None:
        self._bar.write(line, file=sys.stdout)

    def close(self) -> None:
        self._bar.close()


class OfNotebook:
    """An element that is replaced: what is kept of a notebook has its last state alone.

    Args:
        name: in front of it.
        most: all there is to do.
    """

    def __init__(self, name: str, most: float) -> None:
        from IPython import display

        self._name = name
        self._notebook: Any = display
        self._shown = self._notebook.display(self._page(0, most, ""), display_id=True)

    def show(self, done: float, most: float, text: str) -> None:
        self._shown.update(self._page(done, most, text))

    def write(self, line: str) -> None:
        print(line, flush=True)

    def close(self) -> None:
        pass

    def _page(self, done: float, most: float, text: str) -> Any:
        behind = f" · {escape(text)}" if text else ""
        return self._notebook.HTML(
            f'{escape(self._name)} <progress value="{done:g}" max="{most:g}" style="{WIDTH}">'
            f"</progress> {done:.0f}/{most:.0f}{behind}"
        )


def fitting(name: str, most: float) -> Bar | None:
    """The bar for where this process writes to; `None` where nobody looks on."""
    if _in_notebook():
        return OfNotebook(name, most)
    return OfTerminal(name, most) if sys.stdout.isatty() else None


def _in_notebook() -> bool:
    python = sys.modules.get("IPython")
    shell = None if python is None else python.get_ipython()
    return shell is not None and "IPKernelApp" in shell.config
