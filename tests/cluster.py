"""One temporary PostgreSQL server for a whole test run, shared by its workers.

The first test that needs it starts it, under a file lock; a watchdog stops it and removes its folder as soon as the
process that runs the tests has gone, however that process ended.
"""

import fcntl
import os
import re
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

OLDEST = 15
OWNER = "transfer_owner"
APPLICATION = "transfer_app"
MISSING = "PostgreSQL 15 or newer is not installed here. Run `make test`, or install the Debian package postgresql."

# Nothing here outlives the run, so nothing needs to reach a disk.
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "autovacuum": "off",
}

WATCHDOG = """
while kill -0 "$1" 2>/dev/null; do sleep 1; done
shift; folder=$1; shift
"$@" >/dev/null 2>&1
rm -rf "$folder"
"""


@dataclass(frozen=True)
class Cluster:
    """A running server: its port on loopback. Roles are trusted, so there are no passwords."""

    port: int

    def url(self, role: str, name: str) -> str:
        return f"postgresql+psycopg://{role}@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: str) -> None:
        """Run one statement as the superuser, outside any transaction."""
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)

    def create(self, name: str, *, template: str = "template1") -> None:
        """Create a database that the owner's role owns and in which the application's role owns nothing."""
        self.execute(f'CREATE DATABASE "{name}" OWNER {OWNER} TEMPLATE "{template}" STRATEGY FILE_COPY')

    def drop(self, name: str) -> None:
        self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def new_name() -> str:
    return f"t_{uuid.uuid4().hex}"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file lock, so that of several workers one does the work and the others find it done."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def running_cluster(folder: Path) -> Cluster:
    """The server of this test run, started when it does not run yet; `folder` is the run's own folder."""
    note = folder / "postgresql.port"
    with locked(folder / "postgresql.lock"):
        if not note.exists():
            note.write_text(str(_start(folder / "postgresql").port))
    return Cluster(port=int(note.read_text()))


def programs() -> Path | None:
    """The folder of the newest PostgreSQL server programs on this machine, None when there are none new enough."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    if found := shutil.which("initdb"):
        folders.append(Path(found).resolve().parent)
    versions = {_version(folder): folder for folder in folders if (folder / "initdb").exists()}
    newest = max(versions, default=0)
    return versions[newest] if newest >= OLDEST else None


def _version(folder: Path) -> int:
    said = subprocess.run([folder / "initdb", "--version"], capture_output=True, text=True, check=True).stdout
    number = re.search(r"\d+", said)
    return int(number.group()) if number else 0


def _start(folder: Path) -> Cluster:
    binaries = programs()
    if binaries is None:
        raise RuntimeError(MISSING)
    folder.mkdir(mode=0o755)
    as_server: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres")
        as_server = ["runuser", "-u", "postgres", "--"]
    data = folder / "data"
    initialise = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
    _run(as_server + [str(word) for word in initialise], folder)
    cluster = Cluster(port=_free_port())
    options = {**OPTIONS, "port": str(cluster.port), "unix_socket_directories": str(folder)}
    words = " ".join(f"-c {key}={value}" for key, value in options.items())
    control = [*as_server, str(binaries / "pg_ctl"), "-D", str(data)]
    _run([*control, "-w", "-t", "60", "-l", str(folder / "log"), "-o", words, "start"], folder)
    _watch(folder, [*control, "-m", "immediate", "stop"])
    cluster.execute(f"CREATE ROLE {OWNER} LOGIN")
    cluster.execute(f"CREATE ROLE {APPLICATION} LOGIN")
    return cluster


def _run(command: list[str], folder: Path) -> None:
    # Output goes to a file: the server inherits it, and a pipe would never reach its end.
    with (folder / "setup").open("a") as output:
        done = subprocess.run(command, stdout=output, stderr=output, cwd=folder, check=False)
    if done.returncode:
        logs = [path.read_text() for path in (folder / "setup", folder / "log") if path.exists()]
        raise RuntimeError("PostgreSQL for the tests could not be started.\n" + "\n".join(logs))


def _watch(folder: Path, stop: list[str]) -> None:
    command = ["sh", "-c", WATCHDOG, "watchdog", os.environ["TRANSFER_TESTS_RUNNER"], str(folder.parent), *stop]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True, cwd="/", close_fds=True
    )
    # Meant to outlive us: said so, else Python warns about a child nobody waited for.
    process.returncode = 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(None if programs() else MISSING)
