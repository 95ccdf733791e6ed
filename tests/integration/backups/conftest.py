"""A service with a signer and a store, backups of it, and empty databases to put them into."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from tests import factories
from tests.cast import Cast, Clock, Service
from tests.database import migrated_database
from transfer_service.audit.export import export_log
from transfer_service.audit.leaf import decode_leaf
from transfer_service.audit.signer import SignOutcome, sign_committed
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.db.models import Dispatch, LogLeaf
from transfer_service.db.session import Database
from transfer_service.domain.transfer import Status
from transfer_service.jobs.retention import Retention
from transfer_service.storage.blobs import Storage
from transfer_service.storage.settings import FolderLocation
from transfer_service.use_cases.backups.making import BackupReport, make_backup
from transfer_service.use_cases.backups.restoring import RestoreFrom, RestoreReport, restore_backup
from transfer_service.use_cases.installation import Installation

KEY = LogSigningKey(name="transfer.example/log", seed=b"\x07" * 32)
REVISION = "0001"


@dataclass(frozen=True)
class Living:
    """A service that is used, signed and copied."""

    database: Database
    at: Installation
    clock: Clock
    storage: Storage
    cast: Cast
    folder: Path
    key: LogSigningKey = KEY
    dispatches: dict[str, UUID] = field(default_factory=dict)

    @property
    def state_file(self) -> Path:
        return self.folder / "signer" / "state.json"

    def sign(self) -> SignOutcome:
        return sign_committed(self.database, key=self.key, state_file=self.state_file, now=self.clock())

    def back_up(self, name: str = "backup") -> BackupReport:
        return make_backup(self.database, self.at, self.storage, self.folder / name, revision=REVISION)

    def export(self, name: str = "export", *, with_sealed: bool = True) -> Path:
        with self.database.reading() as session:
            export_log(session, self.folder / name, with_sealed=with_sealed)
        return self.folder / name

    def shred_due(self) -> list[UUID]:
        job = Retention(database=self.database, at=self.at, store=self.storage)
        return [one.dispatch_id for one in job.shred_due()]

    def acknowledged(self, **more: Any) -> UUID:
        """A file that the receiving school has acknowledged, exported and filed: due for shredding in 30 days."""
        alma, cora = self.cast.alma, self.cast.cora
        dispatch_id = factories.dispatch_in(self, Status.ACKNOWLEDGED, sender=alma, receiver=cora, **more)
        with self.database.writing() as session:
            dispatch = session.get_one(Dispatch, dispatch_id)
            dispatch.exported_at = dispatch.filed_at = self.clock()
        return dispatch_id

    def restored(self, database: Database, name: str = "restored") -> "Living":
        """The same service over another database and an empty store; the signer's state file is the same."""
        return replace(self, database=database, storage=Storage(FolderLocation(self.folder / f"{name}-blobs")))

    def restore(self, backup: str = "backup", **changes: Any) -> RestoreReport:
        """Put a backup of the first service into this one's database."""
        given: dict[str, Any] = {
            "directory": self.folder / backup,
            "revision": REVISION,
            "key": self.key,
            "keys": [self.key.verifier],
            "state_file": self.state_file,
        }
        source = RestoreFrom(**{**given, **changes})
        return restore_backup(self.database, self.at, self.storage, source, secret_files={})

    def events(self) -> list[str]:
        with self.database.reading() as session:
            return [
                decode_leaf(body).said.event for body in session.scalars(select(LogLeaf.body).order_by(LogLeaf.idx))
            ]


@pytest.fixture
def living(service: Service, cast: Cast, tmp_path: Path) -> Living:
    storage = Storage(FolderLocation(tmp_path / "blobs"))
    return Living(service.database, service.at, service.clock, storage, cast, tmp_path)


@pytest.fixture
def new_database(service: Service, run_folder: Path, tmp_path: Path) -> Iterator[Callable[[], Database]]:
    """Make an empty, migrated database of the service's kind."""
    kind = "sqlite" if service.database.is_sqlite else "postgresql"
    with ExitStack() as stack:

        def make() -> Database:
            folder = tmp_path / f"database-{len(list(tmp_path.glob('database-*')))}"
            folder.mkdir()
            made = stack.enter_context(migrated_database(kind, run_folder=run_folder, folder=folder))
            database = Database(made.url)
            stack.callback(database.dispose)
            return database

        yield make


@pytest.fixture
def elsewhere(living: Living, new_database: Callable[[], Database]) -> Living:
    """The service over an empty database and an empty store."""
    return living.restored(new_database())
