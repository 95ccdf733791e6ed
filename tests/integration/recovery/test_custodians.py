"""Who keeps the shares, what is wrong with them, drills, and a recovery key that takes the place of another."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import select

from tests.integration.recovery.conftest import drill_bundle
from tests.observing import alerts, leaves
from transfer_service.crypto.recovery_files import RecoveryPublic
from transfer_service.crypto.suites import RecoveryKey
from transfer_service.crypto.values import Seed
from transfer_service.db.models import KeyGrant
from transfer_service.db.models import RecoveryKey as RecoveryKeyRow
from transfer_service.domain.errors import AlreadyDone, Invalid, NotFound, PermissionRefused, RuleForbids
from transfer_service.domain.keys import GranteeKind
from transfer_service.use_cases.keys.custodians import (
    CustodianTold,
    end_custodian,
    get_custody,
    record_custodian,
    replace_recovery_key,
)
from transfer_service.use_cases.keys.waiting import WaitingAct, complete_waiting_acts
from transfer_service.use_cases.oversight.recovery_bundles import export_for_drill
from transfer_service.use_cases.oversight.recovery_imports import import_verdict

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)

NEXT = RecoveryKey.from_seed(Seed(b"\x47" * 32)).public


def keeper(share: int, **told: bool) -> CustodianTold:
    flags = {"works_for_authority": False, "is_head_of_service": False, "operates_service": False, **told}
    return CustodianTold(share=share, name=f"Keeper {share}", employer="A school", **flags)


def tell(service, member, told: CustodianTold):
    with service.database.writing() as session:
        return record_custodian(session, service.at, member.actor, told=told)


def custody(service, member):
    with service.database.reading() as session:
        return get_custody(session, service.at, member.actor)


def judge(service, member, text: str):
    with service.database.writing() as session:
        return import_verdict(session, service.at, member.actor, text=text)


def test_five_custodians_of_whom_one_works_for_the_authority_are_well(cast, service):
    assert [one.value for one in custody(service, cast.olive).problems] == ["too_few"]
    for share in range(1, 6):
        tell(service, cast.olive, keeper(share, works_for_authority=share == 1))
    found = custody(service, cast.olive)
    assert (found.problems, found.free_shares, len(found.custodians)) == ((), (), 5)
    assert [leaf.event for leaf in leaves(service)][-5:] == ["custodian.recorded"] * 5


@pytest.mark.parametrize(
    "first, second, problems",
    [
        ({"works_for_authority": True}, {"works_for_authority": True}, ["too_many_of_authority"]),
        ({"is_head_of_service": True}, {}, ["head_of_service"]),
        ({"is_head_of_service": True}, {"works_for_authority": True}, ["too_many_of_authority", "head_of_service"]),
        ({"operates_service": True}, {}, ["operates_service"]),
    ],
)
def test_who_must_not_keep_a_share_is_red(cast, service, first, second, problems):
    for share, told in enumerate((first, second, {}, {}, {}), 1):
        tell(service, cast.olive, keeper(share, **told))
    assert [one.value for one in custody(service, cast.olive).problems] == problems


def test_a_share_has_one_keeper_until_the_record_is_ended(cast, service):
    first = tell(service, cast.olive, keeper(2))
    with pytest.raises(AlreadyDone):
        tell(service, cast.olive, keeper(2))
    with pytest.raises(Invalid):
        tell(service, cast.olive, keeper(6))
    with service.database.writing() as session, pytest.raises(NotFound):
        end_custodian(session, service.at, cast.oscar.actor, custodian_id=first)
    with service.database.writing() as session:
        end_custodian(session, service.at, cast.olive.actor, custodian_id=first)
    tell(service, cast.olive, keeper(2))
    assert leaves(service)[-2].event == "custodian.ended"


def test_only_the_authority_says_who_they_are(cast, service):
    for member in (cast.alma, cast.hugh, cast.ada):
        with pytest.raises(NotFound):
            tell(service, member, keeper(1))
    with pytest.raises(PermissionRefused):
        tell(service, replace(cast.olive, actor=replace(cast.olive.actor, roles=frozenset())), keeper(1))


def test_a_drill_that_opens_everything_is_counted_from(cast, service, custodians):
    assert custody(service, cast.olive).drill_is_due
    verdict = custodians.drill(drill_bundle(service, cast.olive))
    outcome = judge(service, cast.olive, verdict)
    assert (outcome.opened, outcome.failed) == (3, 0)
    service.clock.move(days=40)
    found = custody(service, cast.olive)
    assert (found.days_since_drill, found.drill_is_due, found.last_drill_failed) == (40, False, 0)
    service.clock.move(days=325)
    assert custody(service, cast.olive).drill_is_due
    assert leaves(service)[-1].event == "drill.recorded"
    with pytest.raises(AlreadyDone):
        judge(service, cast.olive, verdict)


def test_a_grant_that_the_verdict_leaves_out_or_that_did_not_open_has_failed(cast, service, custodians):
    verdict = json.loads(custodians.drill(drill_bundle(service, cast.olive)))
    verdict["results"][0]["ok"] = False
    del verdict["results"][1]
    outcome = judge(service, cast.olive, json.dumps(verdict))
    assert (outcome.opened, outcome.failed) == (1, 2)
    assert custody(service, cast.olive).last_drill_failed == 2
    assert custody(service, cast.olive).drill_is_due
    assert ("doctor.failed", "olive.hartley@example.org") in alerts(service)


@pytest.mark.parametrize(
    "change", [{"deployment": "x"}, {"bundle_sha256": "0" * 64}, {"recovery_fingerprint": "ab" * 32}, {"format": 9}]
)
def test_a_verdict_about_something_else_is_refused(cast, service, custodians, change):
    verdict = json.loads(custodians.drill(drill_bundle(service, cast.olive)))
    with pytest.raises(Invalid):
        judge(service, cast.olive, json.dumps({**verdict, **change}))
    with pytest.raises(Invalid):
        judge(service, cast.oscar, json.dumps(verdict))


def test_another_authority_exports_nothing_of_these_schools(cast, service):
    with service.database.writing() as session, pytest.raises(NotFound):
        export_for_drill(session, service.at, cast.oscar.actor, authority_id=cast.warwickshire, is_demo=True)


def test_a_new_recovery_key_is_sealed_to_school_after_school_and_the_old_grants_go_after_a_drill(
    cast, service, custodians
):
    replaced(service)
    assert (custody(service, cast.olive).escrowed, custody(service, cast.olive).epochs) == (0, 3)
    for member in (cast.alma, cast.cora, cast.stella):
        with service.database.writing() as session:
            done = complete_waiting_acts(session, service.at, member.actor, person_key=member.person_key)
        assert done == (WaitingAct.ESCROW,)
    assert custody(service, cast.olive).escrowed == 3
    assert former_grants(service) == 3
    bundle = drill_bundle(service, cast.olive)
    for number, share in enumerate(shares_of(b"\x47" * 32), 1):
        (custodians.folder / "shares" / f"share-{number}.txt").write_text(share)
    outcome = judge(service, cast.olive, custodians.drill(bundle))
    assert (outcome.opened, outcome.former_grants_deleted) == (3, 3)
    assert former_grants(service) == 0


def shares_of(seed: bytes) -> list[str]:
    from shamir_mnemonic import generate_mnemonics

    return generate_mnemonics(1, [(3, 5)], seed)[0]


def replaced(service) -> None:
    """The custodians held a new ceremony, and the setting names its key."""
    service.at.recovery_keys["937"] = NEXT.fingerprint.hex
    with service.database.writing() as session:
        recovery = RecoveryPublic(public=NEXT, authority="Warwickshire", demo=False)
        replace_recovery_key(session, service.at, la_code="937", recovery=recovery, is_demo=False)


def former_grants(service) -> int:
    with service.database.reading() as session:
        former = select(RecoveryKeyRow.id).where(RecoveryKeyRow.state == "retired")
        chosen = select(KeyGrant).where(KeyGrant.grantee_kind == GranteeKind.RECOVERY, KeyGrant.grantee_id.in_(former))
        return len(session.scalars(chosen).all())


def test_a_recovery_key_is_replaced_only_by_one_that_the_setting_names(cast, service):
    def put(public, la_code="937", *, demo: bool = False):
        with service.database.writing() as session:
            recovery = RecoveryPublic(public=public, authority="", demo=demo)
            replace_recovery_key(session, service.at, la_code=la_code, recovery=recovery, is_demo=False)

    with pytest.raises(RuleForbids) as refusal:
        put(NEXT)
    assert refusal.value.rule == "recovery_key_differs"
    with pytest.raises(RuleForbids) as refusal:
        put(NEXT, demo=True)
    assert refusal.value.rule == "demo_recovery_key"
    with pytest.raises(NotFound):
        put(NEXT, "999")
    from tests.cast import WARWICKSHIRE_RECOVERY

    with pytest.raises(AlreadyDone):
        put(WARWICKSHIRE_RECOVERY.public)


def test_escrow_grants_that_somebody_swapped_fail_the_drill(cast, service, custodians):
    with service.database.writing() as session:
        chosen = select(KeyGrant).where(KeyGrant.grantee_kind == GranteeKind.RECOVERY).order_by(KeyGrant.id)
        one, other, _ = session.scalars(chosen).all()
        one.sealed, other.sealed = other.sealed, one.sealed
    outcome = judge(service, cast.olive, custodians.drill(drill_bundle(service, cast.olive)))
    assert (outcome.opened, outcome.failed) == (1, 2)
