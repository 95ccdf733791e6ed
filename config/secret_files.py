"""The files beside the database without which nothing opens: where the environment says they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from config.settings import FILE_SUFFIX, PREFIX

SECRETS: Final = ("secret_key", "field_keys", "peppers", "log_signing_key")
"""The settings that `keys new` writes into files of their own."""


def list_secret_files(environ: Mapping[str, str]) -> dict[str, Path]:
    """Return the path of each secret that is given as a file, by the name of its setting."""
    named = {name.upper(): environ.get(f"{PREFIX}{name.upper()}{FILE_SUFFIX}") for name in SECRETS}
    return {name: Path(path) for name, path in named.items() if path}
