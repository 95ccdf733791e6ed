"""Moving what the field keys protect to the primary one, so that an older key can be taken out of FIELD_KEYS.

Encrypted columns, blind indexes and the authentication of public keys are rewritten row by row; every old value is
opened or checked first, and one that is not what the service wrote stays as it is. Each round is a transaction of its
own; run it again after a kill. Details beside the log are counted and never rewritten: the log only grows. Passwords
move to the first pepper at each person's next sign-in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import LargeBinary, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from transfer_service.crypto import formats
from transfer_service.crypto.errors import CryptoError
from transfer_service.crypto.fields import key_id_of
from transfer_service.db.models import (
    Alert,
    BackupCodeHash,
    LogDetail,
    Model,
    Person,
    PersonKey,
    RecoveryKey,
    SchoolEpoch,
    Transfer,
)
from transfer_service.db.session import Database
from transfer_service.domain.errors import CannotOpen
from transfer_service.domain.events import Basis, Event
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.origins import authenticate_origin, has_origin
from transfer_service.use_cases.keys.public_keys import authentic_epoch, authentic_person_key, authentic_recovery_key
from transfer_service.use_cases.recording import record
from transfer_service.use_cases.transfers.pupils import open_pupil, seal_pupil

AT_ONCE: Final = 200
_KEY_ID_BYTES: Final = 2
_PEPPER: Final = re.compile(r"keyid=(\d+)\$")
Column = InstrumentedAttribute[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One table's columns that hold a key's number first, and how one of its rows is rewritten."""

    model: type[Model]
    columns: tuple[str, ...]
    rewrite: Callable[[Installation, Any], None]

    @property
    def id(self) -> Column:
        """The table's primary key."""
        return self.column("id")

    def column(self, name: str) -> Column:
        """One column of the table."""
        found: Column = getattr(self.model, name)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrapped:
    """What a run did: rows rewritten, and rows that stayed because they are not as the service wrote them."""

    rows: int
    damaged: int


def count_by_key(session: Session) -> Mapping[str, Mapping[int, int]]:
    """Count the stored values by `table.column` and number of the field key.

    `log_detail.sealed` and `backup_code.hash` are among them, which stay under the key that they were made with.
    """
    counts: dict[str, Mapping[int, int]] = {}
    for place in PLACES:
        for name in place.columns:
            counts[f"{place.model.__tablename__}.{name}"] = _count(session, place.column(name))
    counts["log_detail.sealed"] = _count(session, LogDetail.sealed)
    counts["backup_code.hash"] = _count(session, BackupCodeHash.hash)
    return counts


def count_by_pepper(session: Session) -> Mapping[int, int]:
    """Count the passwords by the number of their pepper."""
    found: Counter[int] = Counter()
    for parameters in session.scalars(
        select(Person.password_parameters).where(Person.password_parameters.is_not(None))
    ):
        number = _PEPPER.search(parameters or "")
        found[int(number[1]) if number else 0] += 1
    return found


def list_unused_keys(at: Installation, counts: Mapping[str, Mapping[int, int]]) -> tuple[int, ...]:
    """List the older field keys under which nothing is left: they can be taken out of FIELD_KEYS."""
    used = {key_id for by_key in counts.values() for key_id in by_key}
    return tuple(key_id for key_id in at.field_keys.ids if key_id not in used and key_id != at.field_keys.primary_id)


def rewrap_all(
    database: Database, at: Installation, *, progress: Callable[[int], None] = lambda _rows: None
) -> Rewrapped:
    """Move everything that can be moved to the primary field key; `progress` is told how many rows."""
    rows = damaged = 0
    for place in PLACES:
        after: UUID | None = None
        while True:
            with database.writing() as session:
                done, last = rewrap_round(session, at, place, after=after)
            rows, damaged, after = rows + done.rows, damaged + done.damaged, last
            progress(rows)
            if last is None:
                break
    return Rewrapped(rows=rows, damaged=damaged)


def rewrap_round(
    session: Session, at: Installation, place: Place, *, after: UUID | None = None
) -> tuple[Rewrapped, UUID | None]:
    """Move the next rows of one place, and leave a leaf; returns what was done and the last row, None at the end."""
    primary = at.field_keys.primary_id.to_bytes(_KEY_ID_BYTES, "big")
    is_older = [_key_bytes(place.column(name)) != primary for name in place.columns]
    statement = select(place.model).where(or_(*is_older)).order_by(place.id).limit(AT_ONCE).with_for_update()
    if after is not None:
        statement = statement.where(place.id > after)
    found: list[Any] = list(session.scalars(statement))
    damaged = 0
    for row in found:
        try:
            place.rewrite(at, row)
        except (CryptoError, CannotOpen, ValueError):
            damaged += 1
    if len(found) > damaged:
        session.flush()
        detail = {"table": place.model.__tablename__, "rows": len(found) - damaged, "key": at.field_keys.primary_id}
        record(session, at, None, Event.FIELD_KEYS_REWRAPPED, basis=Basis.COMMAND_LINE, detail=detail)
    last = found[-1].id if len(found) == AT_ONCE else None
    return Rewrapped(rows=len(found) - damaged, damaged=damaged), last


def _count(session: Session, column: Column) -> Mapping[int, int]:
    start = _key_bytes(column)
    counted = list(session.execute(select(start, func.count()).where(column.is_not(None)).group_by(start)))
    return {key_id_of(bytes(key)): number for key, number in counted}


def _key_bytes(column: Column) -> Any:
    return func.substr(column, 1, _KEY_ID_BYTES, type_=LargeBinary())


def _rewrite_transfer(at: Installation, row: Transfer) -> None:
    seal_pupil(at, row, open_pupil(at, row), row.upn_choice)


def _rewrite_person(at: Installation, row: Person) -> None:
    if row.totp_seed is not None:
        seed = at.field_keys.open_field(row.totp_seed, table="person", column="totp_seed", row=row.id)
        row.totp_seed = at.field_keys.seal_field(seed, table="person", column="totp_seed", row=row.id)


def _rewrite_alert(at: Installation, row: Alert) -> None:
    if row.secret is not None:
        secret = at.field_keys.open_field(row.secret, table="alert", column="secret", row=row.id)
        row.secret = at.field_keys.seal_field(secret, table="alert", column="secret", row=row.id)


def _rewrite_epoch(at: Installation, row: SchoolEpoch) -> None:
    public = authentic_epoch(at, row).public
    if has_origin(at, row):
        row.origin_mac = authenticate_origin(at, row)
    row.mac = at.field_keys.authenticate_public_key(
        public, kind=formats.KeyKind.EPOCH, owner=row.school_id, epoch=row.number, state=row.state.value
    )


def _rewrite_person_key(at: Installation, row: PersonKey) -> None:
    public = authentic_person_key(at, row)
    row.mac = at.field_keys.authenticate_public_key(
        public, kind=formats.KeyKind.PERSON, owner=row.person_id, epoch=row.version, state=row.state.value
    )


def _rewrite_recovery_key(at: Installation, row: RecoveryKey) -> None:
    public = authentic_recovery_key(at, row)
    row.mac = at.field_keys.authenticate_public_key(
        public, kind=formats.KeyKind.RECOVERY, owner=row.authority_id, epoch=row.number, state=row.state.value
    )


PLACES: Final = (
    Place(
        model=Transfer,
        columns=("forename", "surname", "date_of_birth", "upn", "upn_index", "name_index"),
        rewrite=_rewrite_transfer,
    ),
    Place(model=Person, columns=("totp_seed",), rewrite=_rewrite_person),
    Place(model=Alert, columns=("secret",), rewrite=_rewrite_alert),
    Place(model=SchoolEpoch, columns=("mac", "origin_mac"), rewrite=_rewrite_epoch),
    Place(model=PersonKey, columns=("mac",), rewrite=_rewrite_person_key),
    Place(model=RecoveryKey, columns=("mac",), rewrite=_rewrite_recovery_key),
)
"""Everything that the field keys protect, but the details of the log, and backup codes: a hash is not made anew."""
