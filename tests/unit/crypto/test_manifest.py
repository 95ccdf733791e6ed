import hashlib
from dataclasses import replace

import pytest

from tests.unit.crypto.literals import (
    DISPATCH,
    FINGERPRINT,
    HASH_A,
    HASH_B,
    HASH_C,
    ITEM,
    OTHER_FINGERPRINT,
    RECEIVER,
    SENDER,
    TRANSFER,
)
from transfer_service.crypto.errors import MalformedBytes
from transfer_service.crypto.formats import DispatchKind
from transfer_service.crypto.manifest import (
    NO_PREVIOUS_MANIFEST,
    Manifest,
    ManifestItem,
    ManifestRecipient,
    acknowledgement_hash,
    manifest_hash,
    withheld_and_paper_digest,
)

MANIFEST = Manifest(
    deployment="demo",
    transfer=TRANSFER,
    dispatch=DISPATCH,
    number=1,
    kind=DispatchKind.FILE,
    previous_hash=NO_PREVIOUS_MANIFEST,
    cover_digest=HASH_A,
    withheld_and_paper_digest=HASH_B,
    signer_org=SENDER,
    signer_epoch=4,
    items=(ManifestItem(item=ITEM, revision=2, ciphertext_sha256=HASH_B, content_digest=HASH_C),),
    recipients=(
        ManifestRecipient(org=SENDER, epoch=4, fingerprint=FINGERPRINT),
        ManifestRecipient(org=RECEIVER, epoch=1, fingerprint=OTHER_FINGERPRINT),
    ),
)
ENCODED = (
    b"\x00\x0eptx/manifest/1"
    b"\x00\x04demo"
    + b"\x11" * 16
    + b"\x22" * 16
    + b"\x00\x00\x00\x01"
    + b"\x01"
    + bytes(32)
    + b"\xaa" * 32
    + b"\xbb" * 32
    + b"\x44" * 16
    + b"\x00\x00\x00\x04"
    + b"\x00\x01"
    + b"\x33" * 16
    + b"\x00\x00\x00\x02"
    + b"\xbb" * 32
    + b"\xcc" * 32
    + b"\x00\x02"
    + b"\x44" * 16
    + b"\x00\x00\x00\x04"
    + b"\xdd" * 32
    + b"\x55" * 16
    + b"\x00\x00\x00\x01"
    + b"\xee" * 32
)


def test_a_manifest_has_these_bytes():
    assert MANIFEST.encode() == ENCODED


def test_a_manifest_is_read_back():
    assert Manifest.decode(ENCODED) == MANIFEST


def test_a_nil_manifest_has_no_items():
    nil = replace(MANIFEST, kind=DispatchKind.NIL, items=())
    assert Manifest.decode(nil.encode()) == nil


def test_the_hash_of_a_manifest_is_that_of_its_bytes():
    assert MANIFEST.hash == manifest_hash(ENCODED) == hashlib.sha256(ENCODED).digest()
    assert acknowledgement_hash(b"ack") == hashlib.sha256(b"ack").digest()


@pytest.mark.parametrize("length", range(len(ENCODED)))
def test_a_manifest_that_is_cut_off_anywhere_is_refused(length: int):
    with pytest.raises(MalformedBytes):
        Manifest.decode(ENCODED[:length])


def test_a_manifest_with_trailing_bytes_is_refused():
    with pytest.raises(MalformedBytes):
        Manifest.decode(ENCODED + b"\x00")


@pytest.mark.parametrize(
    "encoded",
    [
        ENCODED.replace(b"ptx/manifest/1", b"ptx/manifest/2"),
        ENCODED.replace(b"\x00\x00\x00\x01\x01", b"\x00\x00\x00\x01\x09", 1),
        ENCODED.replace(b"\x00\x00\x00\x01\x01", b"\x00\x00\x00\x01\x00", 1),
        ENCODED.replace(b"demo", b"\xff\xff\xff\xff"),
    ],
)
def test_a_manifest_of_another_version_kind_or_script_is_refused(encoded: bytes):
    with pytest.raises(MalformedBytes):
        Manifest.decode(encoded)


@pytest.mark.parametrize(
    "change",
    [{"number": -1}, {"number": 1 << 32}, {"cover_digest": b""}, {"previous_hash": bytes(31)}],
)
def test_a_manifest_whose_values_do_not_fit_is_not_signed(change: dict[str, object]):
    with pytest.raises(MalformedBytes):
        replace(MANIFEST, **change).encode()  # type: ignore[arg-type]


def test_what_is_withheld_or_on_paper_has_one_digest_also_where_it_is_nothing():
    nothing = withheld_and_paper_digest()
    assert nothing == hashlib.sha256(b'ptx/withheld/1{"paper":[],"withheld":[]}').digest()
    something = withheld_and_paper_digest(withheld=[{"reason": "legal privilege"}], paper=[{"tracking": "AB1"}])
    assert (
        something
        == hashlib.sha256(
            b'ptx/withheld/1{"paper":[{"tracking":"AB1"}],"withheld":[{"reason":"legal privilege"}]}'
        ).digest()
    )


def test_a_receiving_school_without_a_key_stands_in_the_manifest_by_its_name_alone():
    waiting = replace(MANIFEST, recipients=(ManifestRecipient.awaiting_key(RECEIVER),))
    assert waiting.encode().endswith(b"\x00\x01" + b"\x55" * 16 + bytes(4) + bytes(32))
    assert Manifest.decode(waiting.encode()) == waiting
