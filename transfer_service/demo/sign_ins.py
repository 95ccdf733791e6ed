"""How everybody of the demonstration signs in, kept as a file in its folder so that a page can show it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE: Final = "sign-ins.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """One sign-in. Nothing in it is secret: it guards made-up data on the machine of whoever tries the service out."""

    email: str
    password: str
    totp_secret: str
    role: str
    role_label: str
    name: str
    organisation: str
    waits: bool
    """Whether the person still waits to be approved, and so sees little."""


def write_sign_ins(directory: Path, sign_ins: Sequence[SignIn]) -> None:
    """Write the sign-ins into the demonstration's folder."""
    rows = [dataclasses.asdict(one) for one in sign_ins]
    (directory / FILE).write_text(json.dumps(rows, indent=1, ensure_ascii=False), encoding="utf-8")


def read_sign_ins(directory: Path) -> list[SignIn]:
    """Read the sign-ins of a demonstration; none where it is not prepared yet."""
    path = directory / FILE
    if not path.exists():
        return []
    return [SignIn(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
