"""Data of one's own, as people have it, in a few lines."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from harness.own import file


def write(path, text, encoding="utf-8"):
    """A file of text, its lines ending as they are written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def image(path, height=8, width=8, value=None, mode="L"):
    """A picture of noise, or of one value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(len(str(path.name)) + height)
    shape = (height, width) if mode == "L" else (height, width, len(mode))
    pixels = random.integers(0, 256, shape) if value is None else np.full(shape, value)
    Image.fromarray(pixels.astype("uint8")).save(path)
    return path


def reviews(count=40, header="text,label"):
    """A table of texts of two classes."""
    rows = [f"a {'good' if n % 2 else 'bad'} film number {n},{n % 2}" for n in range(count)]
    return "\n".join([header, *rows]) + "\n"


def series(count=200, step="h"):
    """A table of hours and two numbers."""
    times = pd.date_range("2024-01-01", periods=count, freq=step)
    rows = [f"{time},{n % 24},{n % 7}" for n, time in enumerate(times)]
    return "\n".join(["date,load,heat", *rows]) + "\n"


def made(folder, text):
    """The one task of the `[data.mine]` table in a sweep file in a folder."""
    path = write(folder / "mine.toml", f"[data.mine]\n{text}")
    return file.tasks(path)["mine"]


def prepared(task):
    """A task's data, prepared in this process."""
    return task.prepare({source.file: Path(source.path) for source in task.sources})
