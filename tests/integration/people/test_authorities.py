import json
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.cast import Cast, Service
from tests.observing import leaves
from transfer_service.crypto.recovery_files import RecoveryPublic
from transfer_service.crypto.suites import RecoveryKey
from transfer_service.crypto.values import Seed
from transfer_service.db.models import Authority
from transfer_service.db.models import RecoveryKey as RecoveryKeyRow
from transfer_service.domain.errors import AlreadyDone, Invalid, PermissionRefused, RuleForbids
from transfer_service.use_cases.people.authorities import create_authority, read_recovery_file

KEY = RecoveryKey.from_seed(Seed(b"\x44" * 32))


def create(service: Service, actor=None, *, la_code="330", name="Birmingham", demo=False, is_demo=False):
    with service.database.writing() as session:
        return create_authority(
            session,
            service.at,
            actor,
            la_code=la_code,
            name=name,
            recovery=RecoveryPublic(public=KEY.public, authority=name, demo=demo),
            is_demo=is_demo,
        )


def test_an_authority_joins_with_its_recovery_key(cast: Cast, service: Service):
    before = len(leaves(service))
    authority_id = create(service, cast.ada.actor)
    said = leaves(service)[before:]
    assert [(leaf.event, leaf.org, leaf.basis) for leaf in said] == [
        ("authority.created", authority_id, "role"),
        ("recovery_key.recorded", authority_id, "role"),
    ]
    assert said[1].key == KEY.fingerprint.hex
    with service.database.reading() as session:
        row = session.scalars(select(RecoveryKeyRow).where(RecoveryKeyRow.authority_id == authority_id)).one()
    assert (row.number, row.kem_public) == (1, KEY.public.kem_public)


def test_one_that_the_register_brought_keeps_its_id(cast: Cast, service: Service):
    with service.database.writing() as session:
        session.add(Authority(id=(known := service.at.new_id()), la_code="330", name="Birmingham City"))
    assert create(service) == known
    assert leaves(service)[-1].basis == "command_line"
    with pytest.raises(AlreadyDone):
        create(service)


def test_a_demonstrations_key_is_for_demonstrations(cast: Cast, service: Service):
    with pytest.raises(RuleForbids) as refused:
        create(service, demo=True)
    assert refused.value.rule == "demo_recovery_key"
    assert create(service, demo=True, is_demo=True)


def test_only_an_administrator_creates_one(cast: Cast, service: Service):
    for member in (cast.olive, cast.alma, cast.hugh):
        with pytest.raises(PermissionRefused):
            create(service, member.actor)


@pytest.mark.parametrize(
    ("la_code", "name", "field"), [("33", "B", "la_code"), ("３３０", "B", "la_code"), ("330", " ", "name")]
)
def test_what_is_entered_is_checked(cast: Cast, service: Service, la_code: str, name: str, field: str):
    with pytest.raises(Invalid) as refused:
        create(service, la_code=la_code, name=name)
    assert set(refused.value.fields) == {field}


def test_the_file_of_a_ceremony_is_read(tmp_path: Path):
    import base64

    content = {
        "format": 1,
        "suite": 2,
        "kem_public": base64.b64encode(KEY.public.kem_public).decode(),
        "fingerprint": KEY.fingerprint.hex,
        "authority": "Birmingham",
        "demo": False,
    }
    assert read_recovery_file(json.dumps(content)).public == KEY.public
    for broken in ("", "{}", json.dumps({**content, "fingerprint": "00" * 32})):
        with pytest.raises(Invalid) as refused:
            read_recovery_file(broken)
        assert set(refused.value.fields) == {"recovery_key"}
