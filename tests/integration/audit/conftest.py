"""A log to write into, on each kind of database, with a key, a state file and a seal."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from transfer_service.audit.leaf import LeafFields
from transfer_service.audit.log import Entry, LeafPosition, append_all
from transfer_service.audit.signer import SignOutcome, sign_committed
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.db.session import Database

START = datetime(2026, 9, 3, 8, 0, tzinfo=UTC)
ORIGIN = "transfer.example/log"


def uuid(number: int) -> UUID:
    return UUID(int=number)


def keystream(idx: int, length: int) -> bytes:
    return hashlib.shake_256(f"detail {idx}".encode()).digest(length)


def seal(idx: int, opened: bytes) -> bytes:
    """A seal bound to the index, so that two details cannot be exchanged unnoticed; not a cipher to use elsewhere."""
    hidden = bytes(a ^ b for a, b in zip(opened, keystream(idx, len(opened)), strict=True))
    return hashlib.sha256(idx.to_bytes(8, "big") + opened).digest()[:8] + hidden


def open_seal(idx: int, sealed: bytes) -> bytes:
    hidden = sealed[8:]
    opened = bytes(a ^ b for a, b in zip(hidden, keystream(idx, len(hidden)), strict=True))
    if hashlib.sha256(idx.to_bytes(8, "big") + opened).digest()[:8] != sealed[:8]:
        raise ValueError("another index, or altered")
    return opened


@dataclass
class Log:
    """A log with its signer."""

    database: Database
    owner: Database
    state_file: Path
    kind: str
    key: LogSigningKey = field(default_factory=lambda: LogSigningKey(name=ORIGIN, seed=b"\x07" * 32))
    now: datetime = START

    def later(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def write(self, count: int = 1, *, detail: bytes | None = None, **said) -> list[LeafPosition]:
        fields = LeafFields(**{"event": "dispatch.sent", "actor": uuid(1), "org": uuid(2), "transfer": uuid(3), **said})
        entries = [
            Entry(leaf=fields, detail=detail, salt=bytes([number % 256]) * 32 if detail is not None else None)
            for number in range(count)
        ]
        with self.database.writing() as session:
            return append_all(session, entries=entries, now=self.later(), seal_detail=seal)

    def sign(self) -> SignOutcome:
        return sign_committed(self.database, key=self.key, state_file=self.state_file, now=self.later())

    def as_owner(self, *statements: str) -> None:
        """Run statements as whoever owns the database, with the guards out of the way: an attacker with the disk."""
        with self.owner.engine.connect() as connection, connection.begin():
            tables = ("log_leaf", "log_node", "log_head", "log_checkpoint", "log_cosignature", "log_detail")
            if self.kind == "postgresql":
                for table in tables:
                    connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
                for statement in statements:
                    connection.exec_driver_sql(statement)
                for table in tables:
                    connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")
                return
            guards = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
            for name, _ in guards:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
            for statement in statements:
                connection.exec_driver_sql(statement)
            for _, sql in guards:
                connection.exec_driver_sql(sql)


@pytest.fixture
def log(database, tmp_path):
    reached = Database(database.url)
    owner = Database(database.owner_url) if database.owner_url else reached
    yield Log(reached, owner, tmp_path / "state" / "log.json", database.kind)
    reached.dispose()
    owner.dispose()


def hex_literal(log: Log, digits: str) -> str:
    """Bytes as the database's SQL writes them."""
    return f"'\\x{digits}'" if log.kind == "postgresql" else f"x'{digits}'"
