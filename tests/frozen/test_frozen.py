"""What an earlier version sealed opens under this one: people sign in with what they know, and read their file."""

import gzip
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pyotp
import pytest

from tests.cast import HOME, STARTS_AT, WARWICKSHIRE_RECOVERY, Service, actor_of, new_service
from transfer_service.crypto.suites import EpochKey, PersonKey
from transfer_service.db.migrate import upgrade
from transfer_service.db.models import RecoveryKey as RecoveryKeyRow
from transfer_service.db.queries.recovery import find_recovery_key_row, list_escrow_grants
from transfer_service.db.session import Database
from transfer_service.domain.keys import GranteeKind
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import key_grant_info, open_school_keys
from transfer_service.use_cases.keys.public_keys import authentic_epoch
from transfer_service.use_cases.people.recovery_codes import open_with_recovery_code
from transfer_service.use_cases.people.signing_in import begin_sign_in, finish_sign_in
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.use_cases.transfers.reading import prepare_reading

FROZEN = sorted(path for path in Path(__file__).parent.iterdir() if (path / "known.json").exists())


@pytest.fixture(params=FROZEN, ids=[path.name for path in FROZEN])
def frozen(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """One frozen installation, brought to the newest revision."""
    path = tmp_path / "transfer.db"
    path.write_bytes(gzip.decompress((request.param / "transfer.db.gz").read_bytes()))
    upgrade(f"sqlite:///{path}")
    database = Database(f"sqlite:///{path}")
    service = new_service(database, start=STARTS_AT)
    service.clock.move(hours=2)
    storage = Storage.from_url(f"file://{tmp_path}/blobs")
    yield SimpleNamespace(
        service=service, storage=storage, known=json.loads((request.param / "known.json").read_text())
    )
    database.dispose()


def sign_in(service: Service, person: dict[str, str]) -> bytes:
    begun = begin_sign_in(
        service.database,
        service.at,
        service.work,
        email=person["email"],
        password=person["password"],
        device=HOME,
    )
    code = pyotp.TOTP(person["totp"]).at(service.clock())
    return finish_sign_in(service.database, service.at, cookie=begun.cookie, code=code, device=HOME).cookie


def test_there_is_a_frozen_installation():
    assert [path.name for path in FROZEN][:1] == ["v1"]


@pytest.mark.parametrize("name", ["alma", "ben", "cora"])
def test_its_people_sign_in_and_read_the_file(frozen: Any, name: str):
    service, known = frozen.service, frozen.known
    cookie = sign_in(service, known["people"][name])
    actor = actor_of(service, cookie)
    with service.database.reading() as session:
        prepared = prepare_reading(
            session,
            service.at,
            actor,
            dispatch_id=UUID(known["dispatch"]),
            person_key=open_person_key(session, service.at, cookie=cookie),
            storage=frozen.storage,
        )
    contents = prepared.contents
    assert contents.failure is None
    assert [part.note.text for part in contents.notes if part.note] == [known["note"]]
    assert contents.pupil is not None
    assert contents.pupil.surname == known["surname"]


def test_a_recovery_code_of_then_opens_the_same_key(frozen: Any):
    service, person = frozen.service, frozen.known["people"]["dev"]
    cookie = sign_in(service, person)
    with service.database.reading() as session:
        key = open_person_key(session, service.at, cookie=cookie)
        actor = actor_of(service, cookie)
        opened = open_with_recovery_code(session, service.at, actor.person_id, person["recovery_code"])
        assert opened is not None
        assert PersonKey.from_seed(opened[1]).fingerprint == key.fingerprint
        assert sorted(open_school_keys(session, service.at, actor, key).epochs) == [1]


def test_its_escrow_grants_open_through_the_quorum(frozen: Any):
    at: Installation = frozen.service.at
    with frozen.service.database.reading() as session:
        row: RecoveryKeyRow | None = find_recovery_key_row(session, authority_of(session))
        assert row is not None
        grants = list_escrow_grants(session, row.id)
        assert len(grants) == 3
        for grant, epoch in grants:
            public = authentic_epoch(at, epoch).public
            info = key_grant_info(
                at,
                suite=grant.suite,
                school_id=epoch.school_id,
                epoch=epoch.number,
                epoch_fingerprint=public.fingerprint,
                grantee_kind=GranteeKind.RECOVERY,
                grantee_id=row.id,
                grantee_version=row.number,
                grantee_fingerprint=WARWICKSHIRE_RECOVERY.fingerprint,
            )
            assert EpochKey.from_seed(WARWICKSHIRE_RECOVERY.open_seed(grant.sealed, info=info)).public == public


def authority_of(session: Any) -> UUID:
    from transfer_service.db.queries.authorities import find_authority_id

    found = find_authority_id(session, "937")
    assert found is not None
    return found
