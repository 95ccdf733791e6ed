"""The nightly visit of the doctor: alerts and a leaf where something is wrong with keys, grants or sealed items."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from transfer_service.db.session import Database
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.oversight.doctor import SealedBytes, examine, record_examination


@dataclass(frozen=True, slots=True, kw_only=True)
class Doctor:
    """Examines everything once a night."""

    database: Database
    at: Installation
    store: SealedBytes
    secret_files: Mapping[str, Path]

    def run(self, should_stop: Callable[[], bool]) -> str:
        """Examine, and record what was found."""
        del should_stop
        examination = examine(self.database, self.at, self.store, secret_files=self.secret_files)
        with self.database.writing() as session:
            record_examination(session, self.at, examination)
        found = len(examination.findings)
        return f"found {found}" if found else "healthy"
