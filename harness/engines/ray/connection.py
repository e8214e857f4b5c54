"""The connection to a Ray cluster: made, or refused in one line."""

import contextlib
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

from harness import cause
from harness.spec import HarnessError

NAMESPACE = "keras-automl-harness"
"""Ray's namespace of the actors of all sweeps."""
_REACH_SECONDS = 10.0
_MODE = "RAY_AUTH_MODE"
_OWN_PORT = 10001
"""Of `ray://` addresses that name none."""


@contextlib.contextmanager
def connected(address: str) -> Iterator[None]:
    """Connects this process to a cluster.

    Args:
        address: `auto`, the cluster that was started on this machine; `HOST:PORT` of a head;
            `ray://HOST:PORT` from outside; `local`, a cluster of this machine alone that lives as
            long as this.

    Raises:
        HarnessError: Ray is not installed, or the cluster cannot be reached.
    """
    ray = _installed()
    _reach(address)
    # Ray sets a handler of its own for what ends a sweep.
    main = threading.current_thread() is threading.main_thread()
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)} if main else {}
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    options: dict[str, Any] = {"namespace": NAMESPACE, "log_to_driver": False}
    if not address.startswith("ray://"):
        options["logging_level"] = logging.CRITICAL
    if address == "local":
        options["include_dashboard"] = False
    try:
        ray.init(address=address, **options)
    except Exception as error:
        raise HarnessError(f"--address {address}: {_reason(address, error)}") from error
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    _warn(address)
    try:
        yield
    finally:
        ray.shutdown()


def _warn(address: str) -> None:
    """Says where anybody may run programs on the cluster."""
    host = address.removeprefix("ray://").rpartition(":")[0]
    with contextlib.suppress(ValueError):  # a name, or no address at all
        if ipaddress.ip_address(host).is_global and os.environ.get(_MODE) != "token":
            print(
                f"harness: warning: --address {address} is public, and Ray asks nobody who they "
                f"are; {_MODE}=token on all nodes has it ask",
                file=sys.stderr,
            )


def _installed() -> Any:
    try:
        import ray
    except ImportError:
        raise HarnessError(
            "--engine ray: Ray is not installed; python -m pip install 'keras-automl-harness[ray]'"
        ) from None
    return ray


def _reach(address: str) -> None:
    """Looks whether something listens at an address: Ray itself waits for minutes.

    Raises:
        HarnessError: nothing does, or it is no address.
    """
    if address in ("auto", "local"):
        return
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon and address.startswith("ray://"):
        host, port = port, str(_OWN_PORT)
    if not host or not port.isdigit():
        raise HarnessError(
            f"--address {address}: expected auto, local, HOST:PORT or ray://HOST:PORT"
        )
    try:
        with socket.create_connection((host, int(port)), _REACH_SECONDS):
            pass
    except (OSError, OverflowError) as error:
        reason = cause.told(error)
        raise HarnessError(f"--address {address}: cannot be reached ({reason})") from None


def _reason(address: str, error: Exception) -> str:
    if isinstance(error, ConnectionError) and address == "auto":
        return "no cluster runs on this machine; ray start --head starts one"
    return f"Ray cannot connect ({cause.told(error)})"


def last_line(error: BaseException) -> str:
    """The line of an error of Ray that says what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
