"""The files a data set is made from: in a directory the user names, or downloaded once."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import filelock

from harness.spec import HarnessError, Source
from harness.system.redact import hidden, masked
from harness.system.text import quoted

RETRIES = 2
"""Attempts after a failed download."""


def cache_root() -> Path:
    """Where downloads and prepared data are kept: `HARNESS_CACHE`, or the user's cache folder.

    Raises:
        HarnessError: the variable begins with the home of a user who is none.
    """
    import pooch

    chosen = os.environ.get("HARNESS_CACHE")
    try:
        folder = Path(chosen or pooch.os_cache("keras-automl-harness")).expanduser()
    except RuntimeError:
        raise HarnessError(
            f"HARNESS_CACHE={chosen}: there is no such home; expected the path of a folder"
        ) from None
    return folder.absolute()  # it is handed to processes that may work in another folder


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(
    sources: Sequence[Source],
    data_dir: Path | None,
    offline: bool,
    progress: bool,
    beside: Path | None = None,
) -> dict[str, Path]:
    """Finds or downloads files and checks what they hold.

    Args:
        sources: the files.
        data_dir: looked in first, as `<data_dir>/<dataset>/<file>`.
        offline: whether downloading is forbidden.
        progress: whether to show a progress bar of each download.
        beside: folder of the file that defines the task, for `Source.path`.

    Returns:
        The path of each file by its name.

    Raises:
        HarnessError: a file cannot be had, or its SHA-256 is not the one expected.
    """
    if data_dir is not None and not data_dir.is_dir():
        raise HarnessError(f"{data_dir}: no such directory; expected the one that holds the data")
    return {
        source.file: own_file(source, data_dir, beside)
        if source.sha256 is None
        else _locate(source, data_dir, offline, progress)
        for source in sources
    }


def own_file(source: Source, data_dir: Path | None, beside: Path | None) -> Path:
    """Where a file of the person's own lies, that has no SHA-256 to be held to.

    Args and errors as of `fetch`.
    """
    if source.path is None:
        place = Path(source.dataset, source.file)
        if data_dir is None:
            raise HarnessError(f"{place}: not found; put it at {_wanted(place, data_dir)}")
        path = data_dir / place
    else:
        path = Path(beside or "", source.path).absolute()
    if not path.is_file():
        raise HarnessError(f"{path}: no such file; a task names it as one of its sources")
    return path


def downloaded(source: Source) -> Path | None:
    """Where a file lies that has been downloaded."""
    path = cache_root() / "downloads" / source.dataset / source.file
    return path if path.is_file() else None


def _locate(source: Source, data_dir: Path | None, offline: bool, progress: bool) -> Path:
    place = Path(source.dataset, source.file)
    if data_dir is not None and (data_dir / place).is_file():
        return _checked(source, data_dir / place)
    downloaded = cache_root() / "downloads" / place
    if offline or source.url is None:
        if downloaded.is_file():
            return _checked(source, downloaded)
        why = (
            "--offline forbids downloading it" if source.url else "its licence asks you to bring it"
        )
        raise HarnessError(f"{place}: not found, and {why}; put it at {_wanted(place, data_dir)}")
    shown = masked(source.url)
    if not source.url.startswith("https://"):
        raise HarnessError(f"{place}: expected an https address, found {shown!r}")
    try:
        return _download(source, source.url, downloaded, progress)
    except OSError as error:  # a failed request is one, too
        raise HarnessError(
            f"{place}: cannot be downloaded from {shown} ({_deepest(error, source.url)}); "
            f"try again, or put it at {_wanted(place, data_dir)}"
        ) from error
    except ValueError as error:  # what pooch raises for a wrong checksum
        raise HarnessError(
            f"{place}: what {shown} holds is not the expected file ({_deepest(error, source.url)})"
        ) from error


def _checked(source: Source, path: Path) -> Path:
    try:
        found = sha256(path)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read ({error.strerror})") from error
    if found != source.sha256:
        raise HarnessError(f"{path}: expected SHA-256 {source.sha256}, found {found}")
    return path


def _download(source: Source, url: str, path: Path, progress: bool) -> Path:
    """Downloads into a folder beside the final name, checks, then renames; waits for others
    doing the same."""
    import pooch

    pooch.get_logger().setLevel("WARNING")
    path.parent.mkdir(parents=True, exist_ok=True)
    work = path.with_name(f".{path.name}.part")
    with filelock.FileLock(path.with_name(f".{path.name}.lock")):
        if path.is_file() and sha256(path) == source.sha256:
            return path
        shutil.rmtree(work, ignore_errors=True)  # of a process that was killed
        store = pooch.create(
            path=work,
            base_url="",
            registry={source.file: f"sha256:{source.sha256}"},
            urls={source.file: url},
            retry_if_failed=RETRIES,
        )
        downloader = pooch.HTTPDownloader(
            progressbar=progress, hooks={"response": _refuse_to_leave_https}
        )
        try:
            Path(store.fetch(source.file, downloader=downloader)).replace(path)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return path


def _refuse_to_leave_https(response: Any, **_: Any) -> None:
    """Follows no redirection to an address that others on the way can read and alter."""
    if not response.is_redirect:
        return
    target = urljoin(response.url, response.headers["location"])
    if not target.lower().startswith("https://"):
        addresses = f"{masked(response.url)}: redirects to {masked(target)}"
        raise HarnessError(f"{addresses}; expected an https address")


def _wanted(place: Path, data_dir: Path | None) -> str:
    return str(data_dir / place) if data_dir else f"DIR/{place} and name --data-dir DIR"


def _deepest(error: Exception, url: str) -> str:
    """The deepest reason, which is the one that says what went wrong with an address."""
    while isinstance(error.__cause__ or error.__context__, Exception):
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return quoted(hidden(f"{type(error).__name__}: {error}", url), 300)
