"""The same plaintext under a new key: byte by byte the statement, piece by piece the passage, and every refusal."""

import hashlib
import pickle
from dataclasses import replace

import pytest

from tests.unit.crypto.literals import HASH_A, HASH_B, HASH_C, ITEM, RECEIVER, SENDER, TRANSFER
from transfer_service.crypto import formats
from transfer_service.crypto.errors import CannotOpen, MalformedBytes, Mismatch
from transfer_service.crypto.formats import ItemKind
from transfer_service.crypto.items import ExpectedItem, SealedItem, open_item, seal_item
from transfer_service.crypto.layout import length_prefixed, unsigned
from transfer_service.crypto.reencryption import (
    ItemReencryptor,
    NewCiphertext,
    Reencryption,
    check_reencrypted,
    reencryption_hash,
)
from transfer_service.crypto.sealing import seal_bytes
from transfer_service.crypto.values import DataKey

STATEMENT = Reencryption(
    deployment="demo",
    transfer=TRANSFER,
    item=ITEM,
    old_revision=1,
    old_sha256=HASH_A,
    new_revision=2,
    new_sha256=HASH_B,
    commitment=HASH_C,
    content_digest=b"\x99" * 32,
    signer_org=RECEIVER,
    signer_epoch=5,
)
ENCODED = (
    b"\x00\x11ptx/reencrypted/1\x00\x04demo"
    + b"\x11" * 16
    + b"\x33" * 16
    + b"\x00\x00\x00\x01"
    + b"\xaa" * 32
    + b"\x00\x00\x00\x02"
    + b"\xbb" * 32
    + b"\xcc" * 32
    + b"\x99" * 32
    + b"\x55" * 16
    + b"\x00\x00\x00\x05"
)


def context(revision: int) -> bytes:
    return formats.item_context(
        deployment="demo", transfer=TRANSFER, item=ITEM, sender_org=SENDER, kind=ItemKind.ATTACHMENT, revision=revision
    )


def sealed(body: bytes) -> SealedItem:
    return seal_item(context=context(1), name="Chronology é.pdf", media_type="application/pdf", body=body)


def pieces(ciphertext: bytes, size: int) -> list[bytes]:
    return [ciphertext[start : start + size] for start in range(0, len(ciphertext), size)]


def passed(item: SealedItem, *, size: int = 10_000) -> tuple[ItemReencryptor, bytes]:
    passing = ItemReencryptor(
        item.data_key, old_context=context(1), new_context=context(2), expected=item.facts.expected
    )
    return passing, b"".join(passing.run(pieces(item.ciphertext, size)))


def check(passing: ItemReencryptor, new: bytes, item: SealedItem, *, size: int = 10_000, **changed: object) -> None:
    given: dict[str, object] = {
        "context": context(2),
        "chunks": pieces(new, size),
        "made": passing.made,
        "content_digest": item.facts.content_digest,
    }
    check_reencrypted(passing.data_key, **{**given, **changed})  # type: ignore[arg-type]


def test_the_statement_byte_by_byte():
    assert STATEMENT.encode() == ENCODED
    assert Reencryption.decode(ENCODED) == STATEMENT
    assert reencryption_hash(ENCODED) == hashlib.sha256(ENCODED).digest()


@pytest.mark.parametrize(
    "broken",
    [ENCODED[:-1], ENCODED + b"\x00", ENCODED.replace(b"reencrypted/1", b"reencrypted/2"), b""],
    ids=["cut", "longer", "another version", "nothing"],
)
def test_bytes_that_are_no_statement_are_refused(broken: bytes):
    with pytest.raises(MalformedBytes):
        Reencryption.decode(broken)


def test_a_statement_with_a_short_hash_is_not_written():
    with pytest.raises(MalformedBytes):
        replace(STATEMENT, old_sha256=b"\x01").encode()


@pytest.mark.parametrize("size", [7, 10_000, 1_000_000])
@pytest.mark.parametrize("length", [0, 1, 40_000])
def test_the_same_contents_open_under_the_new_key_alone(length: int, size: int):
    item = sealed(b"q" * length)
    passing, new = passed(item, size=size)
    check(passing, new, item, size=size)
    made = passing.made
    assert (made.ciphertext_sha256, made.ciphertext_length) == (hashlib.sha256(new).digest(), len(new))
    assert (made.commitment, made.true_size) == (new[24:56], length)
    assert len(new) == len(item.ciphertext)
    assert passing.data_key != item.data_key
    expected = ExpectedItem(
        ciphertext_sha256=made.ciphertext_sha256,
        commitment=made.commitment,
        content_digest=item.facts.content_digest,
    )
    opened = open_item(passing.data_key, context=context(2), ciphertext=new, expected=expected)
    assert (opened.name, opened.media_type, opened.body) == ("Chronology é.pdf", "application/pdf", b"q" * length)
    with pytest.raises(CannotOpen):
        open_item(item.data_key, context=context(2), ciphertext=new, expected=expected)


def test_a_large_item_passes_in_small_pieces():
    item = sealed(b"q" * 2_000_000)
    passing = ItemReencryptor(
        item.data_key, old_context=context(1), new_context=context(2), expected=item.facts.expected
    )
    assert max(len(piece) for piece in passing.run(pieces(item.ciphertext, 16_384))) < 60_000


@pytest.mark.parametrize("at", [30, 100, 20_000, -1])
def test_a_changed_old_ciphertext_gives_no_last_piece(at: int):
    item = sealed(b"q" * 40_000)
    changed = bytearray(item.ciphertext)
    changed[at] ^= 1
    passing = ItemReencryptor(
        item.data_key, old_context=context(1), new_context=context(2), expected=item.facts.expected
    )
    with pytest.raises(CannotOpen) as refusal:
        list(passing.run(pieces(bytes(changed), 10_000)))
    assert refusal.value.reason == "ciphertext"
    with pytest.raises(RuntimeError, match="to its end"):
        _ = passing.made


@pytest.mark.parametrize("field", ["ciphertext_sha256", "commitment"])
def test_another_ciphertext_than_the_expected_is_not_passed_on(field: str):
    item = sealed(b"q")
    expected = replace(item.facts.expected, **{field: HASH_A})
    passing = ItemReencryptor(item.data_key, old_context=context(1), new_context=context(2), expected=expected)
    with pytest.raises(Mismatch) as refusal:
        list(passing.run([item.ciphertext]))
    assert refusal.value.reason == field


def test_what_is_read_back_otherwise_is_refused():
    item = sealed(b"q" * 40_000)
    passing, new = passed(item)
    other, _ = passed(item)
    made = passing.made
    cases = [
        ({"chunks": [new[:-1]]}, "ciphertext"),
        ({"chunks": [new[:200] + bytes([new[200] ^ 1]) + new[201:]]}, "ciphertext"),
        ({"context": context(3)}, "ciphertext"),
        ({"made": replace(made, ciphertext_sha256=HASH_A)}, "ciphertext_sha256"),
        ({"made": replace(made, ciphertext_length=made.ciphertext_length + 1)}, "ciphertext_sha256"),
        ({"made": replace(made, commitment=HASH_A)}, "commitment"),
        ({"made": replace(made, true_size=made.true_size - 1)}, "content_digest"),
        ({"content_digest": HASH_A}, "content_digest"),
    ]
    for changed, reason in cases:
        with pytest.raises(CannotOpen) as refusal:
            check(passing, new, item, **changed)  # type: ignore[arg-type]
        assert refusal.value.reason == reason, changed
    with pytest.raises(CannotOpen):
        check(other, new, item)


def test_what_is_not_written_as_an_item_is_refused_when_it_is_read_back():
    key = DataKey.generate()
    for plaintext in (b"", b"\x00", b"\xff\xffshort", length_prefixed(b"header") + unsigned(9, 8)):
        new = seal_bytes(key.reveal(), plaintext, context=context(2))
        made = NewCiphertext(
            ciphertext_sha256=hashlib.sha256(new).digest(),
            ciphertext_length=len(new),
            commitment=new[24:56],
            true_size=9,
        )
        with pytest.raises(CannotOpen) as refusal:
            check_reencrypted(key, context=context(2), chunks=[new], made=made, content_digest=HASH_A)
        assert refusal.value.reason == "plaintext"


def test_the_one_who_passes_shows_and_keeps_nothing():
    passing, _ = passed(sealed(b"q"))
    assert repr(passing) == "ItemReencryptor(redacted)"
    with pytest.raises(TypeError):
        pickle.dumps(passing)
