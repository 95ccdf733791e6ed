import hashlib
import pickle
from dataclasses import replace

import pytest

from tests.unit.crypto.literals import DISPATCH, HASH_A, ITEM, RECEIVER, SENDER, TRANSFER
from transfer_service.crypto import formats
from transfer_service.crypto.errors import CannotOpen, Mismatch
from transfer_service.crypto.formats import ItemKind
from transfer_service.crypto.items import (
    ExpectedItem,
    ItemSealer,
    OpenedItem,
    SealedItem,
    check_commitment,
    grant_item,
    open_item,
    open_item_grant,
    seal_item,
    size_bucket,
)
from transfer_service.crypto.layout import length_prefixed
from transfer_service.crypto.sealing import seal_bytes
from transfer_service.crypto.suites import EpochKey
from transfer_service.crypto.values import DataKey, Seed

CONTEXT = formats.item_context(
    deployment="demo", transfer=TRANSFER, item=ITEM, sender_org=SENDER, kind=ItemKind.NOTE, revision=1
)
NOTE = b'{"text":"Seen by the school nurse."}'


def sealed_note(body: bytes = NOTE) -> SealedItem:
    return seal_item(context=CONTEXT, name="note", media_type="application/json", body=body)


def opened(item: SealedItem) -> OpenedItem:
    return open_item(item.data_key, context=CONTEXT, ciphertext=item.ciphertext, expected=item.facts.expected)


def expected_of(ciphertext: bytes, digest: bytes = HASH_A) -> ExpectedItem:
    sha256 = hashlib.sha256(ciphertext).digest()
    return ExpectedItem(ciphertext_sha256=sha256, commitment=ciphertext[24:56], content_digest=digest)


def test_a_sealed_note_opens_to_what_was_written():
    note = opened(sealed_note())
    assert (note.name, note.media_type, note.body) == ("note", "application/json", NOTE)


def test_the_facts_of_a_sealed_note_are_true():
    item = sealed_note()
    assert item.facts.ciphertext_sha256 == hashlib.sha256(item.ciphertext).digest()
    assert item.facts.ciphertext_length == len(item.ciphertext)
    assert item.facts.commitment == item.ciphertext[24:56]
    assert item.facts.true_size == len(NOTE)
    assert item.facts.size_bucket == 1024
    assert len(item.ciphertext) == 1024 + 72


def test_the_words_of_a_note_are_not_in_what_is_stored_or_shown():
    item = sealed_note()
    assert b"nurse" not in item.ciphertext
    assert "nurse" not in repr(opened(item))
    assert item.data_key.reveal().hex() not in repr(item)
    assert "ciphertext=" not in repr(item)


def test_two_notes_with_the_same_words_have_nothing_in_common():
    one, other = sealed_note(), sealed_note()
    assert one.data_key != other.data_key
    assert one.facts.content_digest != other.facts.content_digest
    assert one.facts.commitment != other.facts.commitment


@pytest.mark.parametrize("size", [0, 1, 900, 1024, 16384, 65536, 200_000])
@pytest.mark.parametrize("step", [1000, 16384, 1_000_000])
def test_an_attachment_is_sealed_as_it_arrives(size: int, step: int):
    body = bytes(at % 251 for at in range(size))
    sealer = ItemSealer(context=CONTEXT, name="Bericht é.pdf", media_type="application/pdf")
    parts = [sealer.update(body[at : at + step]) for at in range(0, size, step)]
    rest, facts = sealer.finish()
    ciphertext = b"".join([*parts, rest])
    item = open_item(sealer.data_key, context=CONTEXT, ciphertext=ciphertext, expected=facts.expected)
    assert (item.name, item.media_type, item.body) == ("Bericht é.pdf", "application/pdf", body)
    assert facts.true_size == size
    assert facts.ciphertext_length == len(ciphertext)


def test_a_body_that_ends_in_zeros_keeps_them():
    assert opened(sealed_note(b"a\x00\x00\x00")).body == b"a\x00\x00\x00"
    assert opened(sealed_note(b"\x00" * 5000)).body == b"\x00" * 5000


@pytest.mark.parametrize(
    "length, bucket",
    [
        (0, 1024),
        (1024, 1024),
        (1025, 1088),
        (1088, 1088),
        (9000, 9216),
        (65537, 67584),
        (1_000_000, 1_015_808),
        (26_214_400, 26_214_400),
    ],
)
def test_sizes_are_rounded_up_to_padme_buckets(length: int, bucket: int):
    assert size_bucket(length) == bucket


def test_a_short_note_and_a_shorter_one_look_alike():
    assert len(sealed_note(b"a").ciphertext) == len(sealed_note(b"a" * 700).ciphertext)


def test_other_bytes_than_the_manifest_names_are_refused_before_anything_is_opened():
    item, other = sealed_note(), sealed_note(b"another")
    with pytest.raises(Mismatch) as refusal:
        open_item(item.data_key, context=CONTEXT, ciphertext=other.ciphertext, expected=item.facts.expected)
    assert refusal.value.reason == "ciphertext_sha256"


def test_a_grant_for_other_bytes_is_refused():
    item, other = sealed_note(), sealed_note()
    expected = replace(item.facts.expected, commitment=other.facts.commitment)
    with pytest.raises(Mismatch) as refusal:
        open_item(item.data_key, context=CONTEXT, ciphertext=item.ciphertext, expected=expected)
    assert refusal.value.reason == "commitment"


def test_another_key_or_another_place_does_not_open_a_note():
    item = sealed_note()
    elsewhere = formats.item_context(
        deployment="demo", transfer=TRANSFER, item=ITEM, sender_org=SENDER, kind=ItemKind.NOTE, revision=2
    )
    for key, context in ((DataKey.generate(), CONTEXT), (item.data_key, elsewhere)):
        with pytest.raises(CannotOpen) as refusal:
            open_item(key, context=context, ciphertext=item.ciphertext, expected=item.facts.expected)
        assert refusal.value.reason == "ciphertext"


def test_other_contents_than_were_signed_are_refused():
    item = sealed_note()
    expected = replace(item.facts.expected, content_digest=HASH_A)
    with pytest.raises(Mismatch) as refusal:
        open_item(item.data_key, context=CONTEXT, ciphertext=item.ciphertext, expected=expected)
    assert refusal.value.reason == "content_digest"


HEADER = length_prefixed(b"\xaa" * 32 + b"\x00\x01n\x00\x01m")


@pytest.mark.parametrize(
    "plaintext",
    [
        b"",
        b"\x00",
        b"\x00\x28",
        HEADER,
        HEADER + b"\x00" * 7,
        HEADER + b"body" + (5).to_bytes(8, "big"),
        HEADER + b"body" + (3).to_bytes(8, "big"),
        HEADER + b"body" + b"\xff" * 8,
        length_prefixed(b"\xaa" * 31) + (0).to_bytes(8, "big"),
    ],
)
def test_a_plaintext_that_is_no_item_is_refused(plaintext: bytes):
    key = DataKey.generate()
    ciphertext = seal_bytes(key.reveal(), plaintext, context=CONTEXT)
    with pytest.raises(CannotOpen) as refusal:
        open_item(key, context=CONTEXT, ciphertext=ciphertext, expected=expected_of(ciphertext))
    assert refusal.value.reason == "plaintext"


@pytest.mark.parametrize("names", [b"", b"\x00\x05n", b"\x00\x01n\x00\x01m!", b"\x00\x01\xff\x00\x01m"])
def test_a_header_that_is_none_is_refused_even_where_it_was_signed(names: bytes):
    key, header = DataKey.generate(), b"\xaa" * 32 + names
    plaintext = length_prefixed(header) + b"body" + (4).to_bytes(8, "big")
    ciphertext = seal_bytes(key.reveal(), plaintext, context=CONTEXT)
    digest = formats.content_digest(salt=b"\xaa" * 32, header=header, body=b"body")
    with pytest.raises(CannotOpen) as refusal:
        open_item(key, context=CONTEXT, ciphertext=ciphertext, expected=expected_of(ciphertext, digest))
    assert refusal.value.reason == "plaintext"


def test_openability_is_proven_without_opening():
    item = sealed_note()
    assert check_commitment(item.data_key, context=CONTEXT, header=item.ciphertext[:56])
    assert not check_commitment(DataKey.generate(), context=CONTEXT, header=item.ciphertext[:56])
    assert not check_commitment(item.data_key, context=b"x", header=item.ciphertext[:56])
    assert not check_commitment(item.data_key, context=CONTEXT, header=item.ciphertext[:55])


def test_an_items_key_is_granted_to_a_school_and_opened_there_alone():
    item, receiver, stranger = sealed_note(), EpochKey.from_seed(Seed.generate()), EpochKey.from_seed(Seed.generate())

    def info(dispatch_item: SealedItem, key: EpochKey) -> bytes:
        return formats.item_grant_info(
            suite=2,
            deployment="demo",
            transfer=TRANSFER,
            dispatch=DISPATCH,
            item=ITEM,
            commitment=dispatch_item.facts.commitment,
            recipient_org=RECEIVER,
            epoch=1,
            fingerprint=key.fingerprint,
        )

    grant = grant_item(item.data_key, receiver.public, info=info(item, receiver))
    assert open_item_grant(receiver, grant, info=info(item, receiver)) == item.data_key
    for key, bound_to in ((stranger, info(item, stranger)), (receiver, info(sealed_note(), receiver))):
        with pytest.raises(CannotOpen):
            open_item_grant(key, grant, info=bound_to)


def test_a_sealer_shows_nothing_and_is_not_pickled():
    sealer = ItemSealer(context=CONTEXT, name="Private.pdf", media_type="application/pdf")
    assert repr(sealer) == "ItemSealer(redacted)"
    with pytest.raises(TypeError):
        pickle.dumps(sealer)
