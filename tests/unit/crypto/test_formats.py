"""Every format byte by byte, from literals: a changed byte would close every file that was ever sealed."""

import hashlib

import pytest

from tests.unit.crypto.literals import (
    DISPATCH,
    FINGERPRINT,
    HASH_A,
    ITEM,
    OTHER,
    OTHER_FINGERPRINT,
    PERSON,
    RECEIVER,
    SENDER,
    TRANSFER,
)
from transfer_service.crypto import formats
from transfer_service.crypto.errors import MalformedBytes
from transfer_service.crypto.formats import DispatchKind, GranteeKind, ItemKind, KeyKind, UnlockKind
from transfer_service.crypto.origins import epoch_origin


def test_the_item_context():
    made = formats.item_context(
        deployment="demo", transfer=TRANSFER, item=ITEM, sender_org=SENDER, kind=ItemKind.NOTE, revision=3
    )
    assert made == (
        b"\x00\x0aptx/item/1\x00\x04demo" + b"\x11" * 16 + b"\x33" * 16 + b"\x44" * 16 + b"\x02\x00\x00\x00\x03"
    )


def test_the_item_grant_info():
    made = formats.item_grant_info(
        suite=2,
        deployment="demo",
        transfer=TRANSFER,
        dispatch=DISPATCH,
        item=ITEM,
        commitment=HASH_A,
        recipient_org=RECEIVER,
        epoch=5,
        fingerprint=FINGERPRINT,
    )
    assert made == (
        b"\x00\x10ptx/item-grant/1"
        b"\x00\x02"
        b"\x00\x04demo"
        + b"\x11" * 16
        + b"\x22" * 16
        + b"\x33" * 16
        + b"\xaa" * 32
        + b"\x55" * 16
        + b"\x00\x00\x00\x05"
        + b"\xdd" * 32
    )


def test_the_key_grant_info():
    made = formats.key_grant_info(
        suite=2,
        deployment="demo",
        org=SENDER,
        epoch=1,
        epoch_fingerprint=FINGERPRINT,
        grantee_kind=GranteeKind.RECOVERY,
        grantee=OTHER,
        grantee_version=9,
        grantee_fingerprint=OTHER_FINGERPRINT,
    )
    assert made == (
        b"\x00\x0fptx/key-grant/1"
        b"\x00\x02"
        b"\x00\x04demo"
        + b"\x44" * 16
        + b"\x00\x00\x00\x01"
        + b"\xdd" * 32
        + b"\x03"
        + b"\x77" * 16
        + b"\x00\x00\x00\x09"
        + b"\xee" * 32
    )


def test_the_unlock_context():
    made = formats.unlock_context(
        deployment="demo",
        person=PERSON,
        key_version=2,
        unlock_kind=UnlockKind.RECOVERY_CODE,
        unlock=OTHER,
        kdf_parameters="$hkdf-sha256$v=1",
    )
    assert made == (
        b"\x00\x0cptx/unlock/1"
        b"\x00\x04demo" + b"\x66" * 16 + b"\x00\x00\x00\x02" + b"\x03" + b"\x77" * 16 + b"\x00\x10$hkdf-sha256$v=1"
    )


def test_the_session_context():
    made = formats.session_context(deployment="demo", person=PERSON, key_version=2, absolute_expiry=1_800_000_000)
    assert made == (
        b"\x00\x0dptx/session/1\x00\x04demo" + b"\x66" * 16 + b"\x00\x00\x00\x02\x00\x00\x00\x00\x6b\x49\xd2\x00"
    )


def test_the_held_form_info():
    made = formats.held_form_info(
        suite=2, deployment="demo", person=PERSON, key_version=2, form=OTHER, fingerprint=FINGERPRINT
    )
    assert made == (
        b"\x00\x0fptx/held-form/1"
        b"\x00\x02"
        b"\x00\x04demo" + b"\x66" * 16 + b"\x00\x00\x00\x02" + b"\x77" * 16 + b"\xdd" * 32
    )


def test_the_field_context():
    made = formats.field_context(deployment="demo", table="pupil", column="upn", row=OTHER, key_id=258)
    assert made == b"\x00\x0bptx/field/1\x00\x04demo\x00\x05pupil\x00\x03upn" + b"\x77" * 16 + b"\x01\x02"


def test_the_acknowledgement():
    made = formats.acknowledgement(
        deployment="demo",
        transfer=TRANSFER,
        dispatch=DISPATCH,
        manifest_hash=HASH_A,
        statement_version="2026-1",
        statement="I have read it.",
        person=PERSON,
    )
    assert made == (
        b"\x00\x09ptx/ack/1"
        b"\x00\x04demo"
        + b"\x11" * 16
        + b"\x22" * 16
        + b"\xaa" * 32
        + b"\x00\x062026-1"
        + b"\x00\x0fI have read it."
        + b"\x66" * 16
    )


def test_the_succession_of_epochs():
    made = formats.epoch_succession(deployment="demo", org=SENDER, epoch=3, fingerprint=FINGERPRINT, previous_epoch=2)
    assert made == (
        b"\x00\x0bptx/epoch/1\x00\x04demo" + b"\x44" * 16 + b"\x00\x00\x00\x03" + b"\xdd" * 32 + b"\x00\x00\x00\x02"
    )


def test_the_record_of_a_public_key():
    made = formats.public_key_record(
        kind=KeyKind.EPOCH, owner=SENDER, epoch=3, suite=2, kem_public=b"kem", signing_public=b"", state="active"
    )
    assert made == (
        b"\x00\x10ptx/public-key/1\x02" + b"\x44" * 16 + b"\x00\x00\x00\x03\x00\x02\x00\x03kem\x00\x00\x00\x06active"
    )


def test_the_plaintext_header_and_the_content_digest():
    header = formats.plaintext_header(salt=HASH_A, name="Brief.pdf", media_type="application/pdf")
    assert header == b"\xaa" * 32 + b"\x00\x09Brief.pdf" + b"\x00\x0fapplication/pdf"
    digest = formats.content_digest(salt=HASH_A, header=header, body=b"body")
    assert digest == hashlib.sha256(b"ptx/content/1" + b"\xaa" * 32 + b"\x00\x3c" + header + b"body").digest()


def test_the_fingerprint():
    made = formats.fingerprint(suite=2, kem_public=b"kem", signing_public=b"sign")
    assert made.digest == hashlib.sha256(b"ptx/key/1\x00\x02\x00\x03kem\x00\x04sign").digest()


def test_the_numbers_of_the_closed_lists_never_change():
    assert {kind.name: kind.value for kind in ItemKind} == {"COVER": 1, "NOTE": 2, "ATTACHMENT": 3, "MESSAGE": 4}
    assert {kind.name: kind.value for kind in DispatchKind} == {
        "FILE": 1,
        "NIL": 2,
        "SUPPLEMENT": 3,
        "BRIEFING": 4,
        "COPY": 5,
        "DELIVERY": 6,
        "FORWARD": 7,
        "REDIRECT": 8,
    }
    assert {kind.name: kind.value for kind in GranteeKind} == {"PERSON": 1, "TOKEN": 2, "RECOVERY": 3, "SUCCESSOR": 4}
    assert {kind.name: kind.value for kind in UnlockKind} == {
        "PASSWORD": 1,
        "PASSPHRASE": 2,
        "RECOVERY_CODE": 3,
        "PASSKEY": 4,
        "SESSION": 5,
        "TOKEN": 6,
    }
    assert {kind.name: kind.value for kind in KeyKind} == {"RECOVERY": 1, "EPOCH": 2, "PERSON": 3, "TOKEN": 4}


def test_a_number_outside_its_list_makes_no_context():
    with pytest.raises(ValueError):
        formats.item_context(
            deployment="demo",
            transfer=TRANSFER,
            item=ITEM,
            sender_org=SENDER,
            kind=9,
            revision=1,  # type: ignore[arg-type]
        )


def test_a_commitment_of_another_length_makes_no_info():
    with pytest.raises(MalformedBytes):
        formats.item_grant_info(
            suite=2,
            deployment="demo",
            transfer=TRANSFER,
            dispatch=DISPATCH,
            item=ITEM,
            commitment=b"short",
            recipient_org=RECEIVER,
            epoch=1,
            fingerprint=FINGERPRINT,
        )


def test_the_origin_of_an_epoch():
    said = {"org": SENDER, "epoch": 3, "fingerprint": FINGERPRINT, "made_at": 258, "made_by": PERSON}
    start = (
        b"\x00\x12ptx/epoch-origin/1"
        + b"\x44" * 16
        + b"\x00\x00\x00\x03"
        + b"\xdd" * 32
        + b"\x00" * 6
        + b"\x01\x02"
        + b"\x66" * 16
    )
    assert epoch_origin(**said, approved_by=OTHER) == start + b"\x77" * 16
    assert epoch_origin(**said, approved_by=None) == start + b"\x00" * 16
