"""Somebody who can write the database exchanges bytes between two rows of a table: neither of them opens any more.

Every column of bytes is judged here. A new one is sealed, hashed or signed for its own place and stands in `IN_PLACE`;
or another test exchanges it, which `ELSEWHERE` names; or it stands in `OPEN` with what makes an exchange harmless.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import LargeBinary, select
from sqlalchemy.orm import Session

from tests import factories
from tests.cast import Member
from tests.integration.transfers.stage import Stage, everybody
from tests.integration.transfers.test_attacks import grant_of, item_of, swap
from transfer_service.crypto.errors import CryptoError
from transfer_service.db import models
from transfer_service.db.models import Model
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import CannotOpen, KeyMissing, NotFound, SessionEnded
from transfer_service.use_cases.alerting import alert_person
from transfer_service.use_cases.keys.holding import open_school_keys
from transfer_service.use_cases.keys.origins import has_origin
from transfer_service.use_cases.keys.public_keys import authentic_epoch, authentic_person_key, authentic_recovery_key
from transfer_service.use_cases.people import one_time_codes
from transfer_service.use_cases.people.held_forms import keep_for_person, open_kept
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.use_cases.recording import open_detail
from transfer_service.use_cases.transfers import opening
from transfer_service.use_cases.transfers.pupils import open_pupil

on_one_kind = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
REFUSED = (CryptoError, CannotOpen, KeyMissing, NotFound, SessionEnded)
PEOPLE, KEYS, AUDIT = "tests/integration/people", "tests/integration/keys", "tests/integration/audit"

IN_PLACE = (
    "alert.secret", "dispatch.manifest", "dispatch.manifest_hash", "dispatch.manifest_signature",
    "held_form.ciphertext", "held_form.sealed_key", "item.ciphertext", "item.commitment",
    "item.content_digest", "item_grant.sealed", "key_grant.grantee_fingerprint",
    "key_grant.sealed", "person.totp_seed", "person_key.fingerprint", "person_key.kem_public",
    "person_key.mac", "recovery_key.fingerprint", "recovery_key.kem_public", "recovery_key.mac",
    "school_epoch.fingerprint", "school_epoch.kem_public", "school_epoch.mac", "school_epoch.origin_mac",
    "school_epoch.signing_public", "sign_in_session.wrapped_seed", "transfer.date_of_birth", "transfer.forename",
    "transfer.surname", "transfer.upn",
)  # fmt: skip
ELSEWHERE = {
    "acknowledgement.signature": f"{KEYS}/test_attacks_on_acknowledgements.py",
    "acknowledgement.signed_bytes": f"{KEYS}/test_attacks_on_acknowledgements.py",
    "backup_code.hash": f"{PEOPLE}/test_backup_codes.py",
    "item_grant.fingerprint": "tests/integration/transfers/test_attacks.py",
    "item_reencryption.signature": f"{KEYS}/test_attacks_on_reencryption.py",
    "item_reencryption.statement": f"{KEYS}/test_attacks_on_reencryption.py",
    "log_checkpoint.note": f"{AUDIT}/test_verify_checkpoints.py",
    "log_cosignature.key_id": f"{AUDIT}/test_verify_checkpoints.py",
    "log_cosignature.signature": f"{AUDIT}/test_verify_checkpoints.py",
    "log_detail.sealed": "tests/integration/transfers/test_swapped_columns.py",
    "log_head.frontier": f"{AUDIT}/test_verify.py",
    "log_leaf.body": f"{AUDIT}/test_verify.py",
    "log_leaf.hash": f"{AUDIT}/test_verify.py",
    "log_node.hash": f"{AUDIT}/test_verify.py",
    "person.password_verifier": f"{PEOPLE}/test_signing_in.py",
    "school_epoch.previous_signature": f"{KEYS}/test_vouching.py",
    "unlock.wrapped_seed": f"{PEOPLE}/test_second_factor.py",
}
OPEN = {
    "item.ciphertext_sha256": "the manifest names the digest that is compared with the bytes",
    "invitation.token_hash": "only finds an invitation, and who accepts one has no key until a colleague grants it",
    "recovery_request.key_fingerprint": "says which key a request was for; what is sealed is sealed to a checked key",
    "sign_in_attempt.subject": "only counts",
    "sign_in_session.lookup": "only finds a session, whose seed another cookie does not open",
    "transfer.name_index": "only finds a transfer, whose sealed name is opened and shown",
    "transfer.upn_index": "only finds a transfer, whose sealed UPN is opened and shown",
    "trusted_device.token_hash": "stands for the code alone: no password, and so no key",
}


def open_file(session: Session, stage: Stage, row: Any) -> None:
    """Open the file that a row belongs to as the receiving school does; raises its first failure."""
    prepared = opening.prepare_opening(
        session,
        stage.at,
        stage.cora.actor,
        dispatch_id=row.id if isinstance(row, models.Dispatch) else _dispatch_of(session, row),
        person_key=stage.cora.person_key,
        storage=stage.storage,
    )
    for failure in filter(None, [prepared.failure, *(one for _, one in prepared.failures)]):
        raise failure


def open_session(session: Session, stage: Stage, row: Any) -> None:
    open_person_key(session, stage.at, cookie=member_of(stage, row.person_id).cookie)


def open_grant(session: Session, stage: Stage, row: Any) -> None:
    member = member_of(stage, row.grantee_id)
    _ = open_school_keys(session, stage.at, member.actor, member.person_key).active


def open_form(session: Session, stage: Stage, row: Any) -> None:
    if open_kept(stage.at, row, member_of(stage, row.person_id).person_key) is None:
        raise NotFound("form")


def open_epoch(session: Session, stage: Stage, row: Any) -> None:
    authentic_epoch(stage.at, row)
    assert has_origin(stage.at, row)


OPENERS: dict[str, Callable[[Session, Stage, Any], object]] = {
    "alert": lambda _, stage, row: stage.at.field_keys.open_text(
        row.secret, table="alert", column="secret", row=row.id
    ),
    "dispatch": open_file,
    "held_form": open_form,
    "item": open_file,
    "item_grant": open_file,
    "key_grant": open_grant,
    "person": lambda _, stage, row: one_time_codes.open_secret(stage.at, row),
    "person_key": lambda _, stage, row: authentic_person_key(stage.at, row),
    "recovery_key": lambda _, stage, row: authentic_recovery_key(stage.at, row),
    "school_epoch": open_epoch,
    "sign_in_session": open_session,
    "transfer": lambda _, stage, row: open_pupil(stage.at, row),
}


def two_rows(session: Session, stage: Stage, table: str) -> tuple[Any, Any]:
    """Two rows that are as alike as rows of this table can be: of one school, person or kind, where there are two."""
    cast = stage.cast
    alma, ben = stage.alma.person_id, stage.ben.person_id
    if table in {"dispatch", "item", "item_grant", "transfer"}:
        first, second = sorted(session.scalars(select(models.Dispatch)), key=lambda one: one.id)
        return {
            "dispatch": (first, second),
            "item": tuple(item_of(session, one.id) for one in (first, second)),
            "item_grant": tuple(grant_of(session, stage, one.id) for one in (first, second)),
            "transfer": (first.transfer, second.transfer),
        }[table]  # type: ignore[return-value]
    chosen = {
        "alert": select(models.Alert).where(models.Alert.secret.is_not(None)),
        "held_form": select(models.HeldForm).where(models.HeldForm.person_id == alma),
        "key_grant": select(models.KeyGrant).where(models.KeyGrant.grantee_id.in_((alma, ben))),
        "person": select(models.Person).where(models.Person.id.in_((alma, ben))),
        "person_key": select(models.PersonKey).where(models.PersonKey.person_id.in_((alma, ben))),
        "recovery_key": select(models.RecoveryKey),
        "school_epoch": select(models.SchoolEpoch).where(
            models.SchoolEpoch.school_id.in_((cast.sending, cast.receiving))
        ),
        "sign_in_session": select(models.SignInSession).where(models.SignInSession.person_id.in_((alma, ben))),
    }[table]
    first, second = session.scalars(chosen.limit(2))
    return first, second


@pytest.fixture
def filled(stage: Stage) -> Stage:
    """Two files under way, two forms of one person kept, two mails with links."""
    for upn in ("H801200001001", "B801200005001"):
        pupil = replace(factories.PUPIL, upn=upn)
        factories.send(stage, stage.alma, factories.draft(stage, stage.alma, stage.cast.receiving, pupil=pupil))
    with stage.database.writing() as session:
        for text in (b"one", b"two"):
            keep_for_person(session, stage.at, person_id=stage.alma.person_id, label="/transfers", body=text)
        for member in (stage.alma, stage.ben):
            person = session.get_one(models.Person, member.person_id)
            alert_person(session, stage.at, AlertKind.PASSWORD_RESET, person, secret=f"/reset/{member.name}")
    return stage


def test_every_column_of_bytes_is_judged() -> None:
    found = {
        f"{table.name}.{column.name}"
        for table in Model.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    assert found == {*IN_PLACE, *ELSEWHERE, *OPEN}
    assert len(found) == len(IN_PLACE) + len(ELSEWHERE) + len(OPEN)
    assert all(Path(one).is_file() for one in ELSEWHERE.values())


@on_one_kind
@pytest.mark.parametrize("place", IN_PLACE)
def test_bytes_exchanged_between_two_rows_open_in_neither(filled: Stage, place: str) -> None:
    table, _, column = place.partition(".")
    with filled.database.writing() as session:
        rows = two_rows(session, filled, table)
        for row in rows:
            OPENERS[table](session, filled, row)
        swap(session, *rows, column)
        session.expire_all()
        for row in rows:
            with pytest.raises(REFUSED):
                OPENERS[table](session, filled, row)


@on_one_kind
@pytest.mark.parametrize("columns", [("forename", "surname"), ("surname", "date_of_birth"), ("upn", "forename")])
def test_bytes_exchanged_between_two_columns_of_a_row_open_in_neither(filled: Stage, columns: tuple[str, str]) -> None:
    with filled.database.writing() as session:
        transfer, _ = two_rows(session, filled, "transfer")
        first, second = (getattr(transfer, column) for column in columns)
        setattr(transfer, columns[0], second)
        setattr(transfer, columns[1], first)
        with pytest.raises(CryptoError):
            open_pupil(filled.at, transfer)


@on_one_kind
def test_what_stands_beside_an_entry_of_the_log_opens_beside_no_other(filled: Stage) -> None:
    with filled.database.reading() as session:
        first, second = session.scalars(select(models.LogDetail).limit(2))
    assert open_detail(filled.at, first.idx, first.sealed)
    for idx, sealed in ((second.idx, first.sealed), (first.idx, second.sealed)):
        with pytest.raises(CryptoError):
            open_detail(filled.at, idx, sealed)


def member_of(stage: Stage, person_id: UUID) -> Member:
    return next(one for one in everybody(stage.cast).values() if one.person_id == person_id)


def _dispatch_of(session: Session, row: Any) -> UUID:
    item_id = row.item_id if isinstance(row, models.ItemGrant) else row.id
    return session.scalars(select(models.DispatchItem.dispatch_id).where(models.DispatchItem.item_id == item_id)).one()
