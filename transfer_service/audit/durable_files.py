"""Small files outside the database that must be whole after a power cut, and never be seen half-written."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def replace_durably(path: Path, value: Mapping[str, Any]) -> None:
    """Write a value as JSON in one step that survives a power cut; its owner alone can read the file."""
    unfinished = path.with_name(path.name + ".new")
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(json.dumps(value, indent=1, sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
