"""Commands as processes of their own, as they run in earnest."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.cli.conftest import PREFIX

PATIENCE = 30.0


@contextmanager
def running(*words: str, environ: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the block ends; its group is killed then, whatever happened."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with log.open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "transfer_service", *words],
            env={**clean, **environ},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that another process does; fails after half a minute."""
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends, f"waited in vain: {what}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def fetch(port: int, path: str) -> tuple[int, bytes] | None:
    """The status and body of a page, None while nobody answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read()
    except OSError:
        return None
