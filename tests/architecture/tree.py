"""What the tests of the tree look at: the files that git tracks, or would."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("transfer_service", "schemas", "migrations", "config")


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every tracked file that is there, relative to the root of the repository."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(path for name in listed.split("\0") if name and (ROOT / (path := Path(name))).is_file())


def python_files(*packages: str) -> list[Path]:
    """The tracked Python files below some packages, relative to the root."""
    return [path for path in tracked_files() if path.suffix == ".py" and path.parts[0] in packages]


def parsed(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))


def dotted_names(path: Path) -> Iterator[tuple[int, str]]:
    """Each dotted name that a file uses, as written, with its line: `datetime.now`, `os.environ`."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Attribute | ast.Name):
            yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
