import base64
import json
from uuid import UUID

import pytest

from tests.unit.crypto.literals import FINGERPRINT, OTHER, PERSON, SENDER
from transfer_service.crypto.errors import MalformedText, Mismatch
from transfer_service.crypto.recovery_files import (
    DrillVerdict,
    EscrowGrant,
    RecoveryPublic,
    RecoveryRequest,
    bundle_sha256,
    read_recovered_grants,
    read_recovery_public,
    read_verdict,
    write_bundle,
)
from transfer_service.crypto.suites import EpochKey, PersonKey, RecoveryKey
from transfer_service.crypto.values import Seed

RECOVERY = RecoveryKey.from_seed(Seed(b"\x01" * 32)).public
EPOCH = EpochKey.from_seed(Seed(b"\x02" * 32)).public
NEW_PERSON = PersonKey.from_seed(Seed(b"\x03" * 32)).public

PUBLIC = {
    "format": 1,
    "suite": 2,
    "kem_public": base64.b64encode(RECOVERY.kem_public).decode(),
    "fingerprint": RECOVERY.fingerprint.hex,
    "words": [],
    "shares": 5,
    "threshold": 3,
    "authority": "Exampleshire",
    "demo": False,
}
VERDICT = {
    "format": 1,
    "deployment": "demo",
    "bundle_sha256": "ab" * 32,
    "recovery_fingerprint": RECOVERY.fingerprint.hex,
    "ok": True,
    "results": [{"organisation": str(SENDER), "epoch": 1, "fingerprint": FINGERPRINT.hex, "ok": True, "reason": None}],
}
GRANTS = {
    "format": 1,
    "deployment": "demo",
    "bundle_sha256": "ab" * 32,
    "request": str(OTHER),
    "person": str(PERSON),
    "key_version": 2,
    "person_fingerprint": FINGERPRINT.hex,
    "grants": [{"organisation": str(SENDER), "epoch": 1, "fingerprint": FINGERPRINT.hex, "suite": 2, "sealed": "AAEC"}],
}
UNREADABLE = ["", "x", "[]", "{}", '{"format": 2}', '{"format": 1}', '{"format": ' + "[" * 100_000]


def test_the_public_half_of_a_new_recovery_key_is_read():
    read = read_recovery_public(json.dumps(PUBLIC))
    assert read == RecoveryPublic(public=RECOVERY, authority="Exampleshire", demo=False)
    assert read_recovery_public(json.dumps(PUBLIC | {"demo": True})).demo


@pytest.mark.parametrize(
    "change",
    [
        {"suite": 1},
        {"suite": "2"},
        {"kem_public": "****"},
        {"kem_public": "AAEC"},
        {"kem_public": None},
        {"fingerprint": "ab"},
        {"fingerprint": 7},
        {"demo": "no"},
        {"demo": None},
        {"authority": None},
    ],
)
def test_a_recovery_key_that_cannot_be_read_is_refused(change: dict[str, object]):
    with pytest.raises(MalformedText, match=r"ceremony\.py"):
        read_recovery_public(json.dumps(PUBLIC | change))


def test_a_recovery_key_under_another_keys_fingerprint_is_refused():
    with pytest.raises(Mismatch) as refusal:
        read_recovery_public(json.dumps(PUBLIC | {"fingerprint": "ab" * 32}))
    assert refusal.value.reason == "fingerprint"


@pytest.mark.parametrize("text", UNREADABLE)
@pytest.mark.parametrize("reader", [read_recovery_public, read_verdict, read_recovered_grants])
def test_a_file_of_another_kind_is_refused(reader: object, text: str):
    with pytest.raises(MalformedText):
        reader(text)  # type: ignore[operator]


def test_a_bundle_for_a_drill_holds_grants_and_public_halves():
    grant = EscrowGrant(organisation=SENDER, epoch=1, public=EPOCH, sealed=b"\x00\x01\x02")
    bundle = write_bundle(
        deployment="demo",
        recovery=RecoveryPublic(public=RECOVERY, authority="", demo=True),
        grantee=OTHER,
        grantee_version=4,
        grants=[grant],
    )
    assert json.loads(bundle) == {
        "format": 1,
        "deployment": "demo",
        "recovery_key": {
            "id": "77777777-7777-7777-7777-777777777777",
            "version": 4,
            "suite": 2,
            "fingerprint": RECOVERY.fingerprint.hex,
            "demo": True,
        },
        "grants": [
            {
                "organisation": "44444444-4444-4444-4444-444444444444",
                "epoch": 1,
                "suite": 2,
                "kem_public": base64.b64encode(EPOCH.kem_public).decode(),
                "signing_public": base64.b64encode(EPOCH.signing_public).decode(),
                "sealed": "AAEC",
            }
        ],
    }
    assert len(bundle_sha256(bundle)) == 64


def test_a_bundle_for_an_opening_names_the_request_and_the_new_key():
    request = RecoveryRequest(request=OTHER, person=PERSON, key_version=2, public=NEW_PERSON)
    bundle = write_bundle(
        deployment="demo",
        recovery=RecoveryPublic(public=RECOVERY, authority="", demo=False),
        grantee=OTHER,
        grantee_version=1,
        grants=[],
        request=request,
    )
    assert json.loads(bundle)["request"] == {
        "id": str(OTHER),
        "person": str(PERSON),
        "key_version": 2,
        "suite": 2,
        "kem_public": base64.b64encode(NEW_PERSON.kem_public).decode(),
    }


def test_a_verdict_is_good_only_where_every_grant_opened_whatever_it_says_itself():
    assert read_verdict(json.dumps(VERDICT)).ok
    result = VERDICT["results"][0]
    for results in ([], [result | {"ok": False}], [result, result | {"ok": "yes"}]):
        assert not read_verdict(json.dumps(VERDICT | {"results": results})).ok


def test_a_verdict_is_read_value_by_value():
    verdict = read_verdict(json.dumps(VERDICT))
    assert isinstance(verdict, DrillVerdict)
    assert verdict.recovery_fingerprint == RECOVERY.fingerprint
    assert verdict.results[0].organisation == SENDER
    for change in ({"results": 7}, {"results": [{}]}, {"recovery_fingerprint": "ab"}, {"bundle_sha256": 7}):
        with pytest.raises(MalformedText):
            read_verdict(json.dumps(VERDICT | change))


def test_newly_sealed_grants_are_read_value_by_value():
    read = read_recovered_grants(json.dumps(GRANTS))
    assert (read.request, read.person, read.key_version) == (OTHER, PERSON, 2)
    assert read.grants[0].sealed == b"\x00\x01\x02"
    assert read.grants[0].organisation == UUID(bytes=b"\x44" * 16)
    for change in (
        {"grants": [{}]},
        {"request": "x"},
        {"key_version": None},
        {"person_fingerprint": "x"},
        {"deployment": 1},
    ):
        with pytest.raises(MalformedText):
            read_recovered_grants(json.dumps(GRANTS | change))
