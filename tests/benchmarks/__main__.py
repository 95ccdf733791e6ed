"""`python -m tests.benchmarks [WORD …]`: measure everything, or what has one of the words in its name."""

import importlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.measuring import BENCHMARKS, Bench, Result, table, write_json

HERE = Path(__file__).parent
WRITTEN = Path("benchmarks.json")


def find_benchmarks() -> None:
    """Import every module beside this one, so that each registers what it measures."""
    for path in sorted(HERE.glob("*.py")):
        if path.stem not in {"__main__", "measuring"}:
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
    bench = Bench(folder)
    results: list[Result] = []
    try:
        for name in chosen:
            print(f"measuring {name}", file=sys.stderr, flush=True)
            results.append(BENCHMARKS[name](bench))
    finally:
        if not (folder / "postgresql").exists():
            shutil.rmtree(folder)
    print(table(results))
    write_json(results, WRITTEN)
    print(f"\nAlso in {WRITTEN}. PostgreSQL runs here without waiting for the disk, ours and floor alike.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
