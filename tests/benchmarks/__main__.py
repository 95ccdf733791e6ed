"""`python -m tests.benchmarks [WORD …]`: measure everything, or what has one of the words in its name."""

import importlib
import os
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.benchmarks.measuring import BENCHMARKS, Bench
from tests.benchmarks.showing import Board, describe_machine, warn_where_busy

HERE = Path(__file__).parent
WRITTEN = Path("benchmarks.json")
WITHOUT_BENCHMARKS = frozenset({"__main__", "measuring", "showing"})


def find_benchmarks() -> None:
    """Import every module beside this one, so that each registers what it measures."""
    for path in sorted(HERE.glob("*.py")):
        if path.stem not in WITHOUT_BENCHMARKS:
            importlib.import_module(f"tests.benchmarks.{path.stem}")


def main(words: list[str]) -> int:
    find_benchmarks()
    chosen = [name for name in BENCHMARKS if not words or any(word in name for word in words)]
    if not chosen:
        print(f"No benchmark has {' or '.join(words)} in its name. There are: {'; '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    # The PostgreSQL of the tests stops itself once the process of this number has ended.
    os.environ["TRANSFER_TESTS_RUNNER"] = str(os.getpid())
    folder = Path(tempfile.mkdtemp(prefix="transfer-benchmarks-"))
    folder.chmod(0o755)
    warn_where_busy()
    board = Board(chosen, WRITTEN, machine=describe_machine())
    board.begin()
    try:
        with Bench(folder) as bench:
            measure(chosen, bench, board)
    finally:
        if not (folder / "postgresql").exists():
            shutil.rmtree(folder)
    return board.end()


def measure(chosen: list[str], bench: Bench, board: Board) -> None:
    """Measure one after the other; what fails is named, with its trace on standard error."""
    for place, name in enumerate(chosen, start=1):
        print(f"{place} of {len(chosen)}: measuring {name}", file=sys.stderr, flush=True)
        started = time.perf_counter()
        try:
            result = BENCHMARKS[name](bench)
        except Exception as error:  # noqa: BLE001 - named on the board; the others are measured all the same
            traceback.print_exc()
            board.fail(name, error)
        else:
            board.add(result, seconds=time.perf_counter() - started)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
