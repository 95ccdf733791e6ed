"""What somebody could do who can write the database or hold another school's key, at the layer of bytes.

Each attack is made exactly as it would be, and each is refused. The attacks on single formats (moved fields, changed
grants, cut chunks, downgraded parameters) stand in the tests of those modules.
"""

from dataclasses import replace
from datetime import date

import pytest

from tests.unit.crypto.literals import DISPATCH, HASH_B, ITEM, OTHER, RECEIVER, SENDER, TRANSFER
from transfer_service.crypto import formats
from transfer_service.crypto.cover import COVER_MEDIA_TYPE, COVER_NAME, Cover
from transfer_service.crypto.errors import CannotOpen, Mismatch
from transfer_service.crypto.formats import DispatchKind, GranteeKind, ItemKind
from transfer_service.crypto.items import SealedItem, open_item, seal_item
from transfer_service.crypto.manifest import NO_PREVIOUS_MANIFEST, Manifest, ManifestItem, ManifestRecipient
from transfer_service.crypto.sealing import open_bytes, seal_bytes
from transfer_service.crypto.suites import EpochKey, PersonKey, check_signature, seal_to, verify_signature
from transfer_service.crypto.values import Seed

SENDING, RECEIVING = EpochKey.from_seed(Seed(b"\x01" * 32)), EpochKey.from_seed(Seed(b"\x02" * 32))
STRANGER = EpochKey.from_seed(Seed(b"\x03" * 32))


def context(kind: ItemKind = ItemKind.NOTE, revision: int = 1) -> bytes:
    return formats.item_context(
        deployment="demo", transfer=TRANSFER, item=ITEM, sender_org=SENDER, kind=kind, revision=revision
    )


def note(body: bytes, revision: int = 1) -> SealedItem:
    return seal_item(context=context(revision=revision), name="note", media_type="application/json", body=body)


def manifest(item: SealedItem) -> Manifest:
    return Manifest(
        deployment="demo",
        transfer=TRANSFER,
        dispatch=DISPATCH,
        number=1,
        kind=DispatchKind.FILE,
        previous_hash=NO_PREVIOUS_MANIFEST,
        cover_digest=HASH_B,
        withheld_and_paper_digest=HASH_B,
        signer_org=SENDER,
        signer_epoch=1,
        items=(
            ManifestItem(
                item=ITEM,
                revision=1,
                ciphertext_sha256=item.facts.ciphertext_sha256,
                content_digest=item.facts.content_digest,
            ),
        ),
        recipients=(ManifestRecipient(org=RECEIVER, epoch=1, fingerprint=RECEIVING.fingerprint),),
    )


def test_swapped_ciphertexts_are_found_even_with_both_keys_swapped_too():
    one, other = note(b"one"), note(b"other")
    signed = manifest(one).items[0]
    expected = replace(
        other.facts.expected, ciphertext_sha256=signed.ciphertext_sha256, content_digest=signed.content_digest
    )
    with pytest.raises(Mismatch):
        open_item(other.data_key, context=context(), ciphertext=other.ciphertext, expected=expected)


def test_a_replayed_earlier_revision_does_not_open_as_the_later_one():
    earlier = note(b"earlier", revision=1)
    with pytest.raises(CannotOpen):
        open_item(
            earlier.data_key,
            context=context(revision=2),
            ciphertext=earlier.ciphertext,
            expected=earlier.facts.expected,
        )


def test_a_note_does_not_open_as_an_attachment_or_a_cover():
    item = note(b"text")
    for kind in (ItemKind.ATTACHMENT, ItemKind.COVER, ItemKind.MESSAGE):
        with pytest.raises(CannotOpen):
            open_item(item.data_key, context=context(kind), ciphertext=item.ciphertext, expected=item.facts.expected)


def test_one_ciphertext_cannot_open_under_two_keys():
    # Under plain AES-GCM a ciphertext can be made that opens as two files; here whatever is mixed of two honest
    # ciphertexts fails, because the header commits to one key, salt and context.
    key, second = b"\x01" * 32, b"\x02" * 32
    sealed = seal_bytes(key, b"the file that was sent", context=b"c")
    header_of_second = seal_bytes(second, b"another file", context=b"c")[:56]
    for forged in (
        sealed,
        header_of_second + sealed[56:],
        sealed[:24] + header_of_second[24:] + sealed[56:],
        header_of_second[:24] + sealed[24:],
    ):
        with pytest.raises(CannotOpen):
            open_bytes(second, forged, context=b"c")


def test_a_manifest_forged_by_the_database_or_by_another_school_is_refused():
    signed = manifest(note(b"text"))
    signature = SENDING.sign(signed.encode())
    check_signature(SENDING.public, signature, signed.encode())
    forgeries = [
        replace(signed, items=()),
        replace(signed, dispatch=OTHER),
        replace(signed, number=2),
        replace(signed, kind=DispatchKind.NIL),
        replace(
            signed,
            recipients=(*signed.recipients, ManifestRecipient(org=OTHER, epoch=1, fingerprint=STRANGER.fingerprint)),
        ),
        replace(signed, cover_digest=NO_PREVIOUS_MANIFEST),
        replace(signed, deployment="live"),
    ]
    for forged in forgeries:
        with pytest.raises(Mismatch):
            check_signature(SENDING.public, signature, forged.encode())
    with pytest.raises(Mismatch):
        check_signature(SENDING.public, STRANGER.sign(signed.encode()), signed.encode())


def test_an_acknowledgement_is_the_receivers_alone_and_for_one_manifest():
    def encoded(manifest_hash: bytes, statement: str = "I have read it.") -> bytes:
        return formats.acknowledgement(
            deployment="demo",
            transfer=TRANSFER,
            dispatch=DISPATCH,
            manifest_hash=manifest_hash,
            statement_version="1",
            statement=statement,
            person=OTHER,
        )

    signed = manifest(note(b"text")).hash
    signature = RECEIVING.sign(encoded(signed))
    assert verify_signature(RECEIVING.public, signature, encoded(signed))
    assert not verify_signature(RECEIVING.public, signature, encoded(manifest(note(b"text")).hash))
    assert not verify_signature(RECEIVING.public, signature, encoded(signed, "I have not read it."))
    assert not verify_signature(SENDING.public, signature, encoded(signed))
    assert not verify_signature(RECEIVING.public, SENDING.sign(encoded(signed)), encoded(signed))


def test_a_signed_manifest_names_no_next_key():
    signature = SENDING.sign(manifest(note(b"text")).encode())
    succession = formats.epoch_succession(
        deployment="demo", org=SENDER, epoch=2, fingerprint=RECEIVING.public.fingerprint, previous_epoch=1
    )
    assert verify_signature(SENDING.public, SENDING.sign(succession), succession)
    assert not verify_signature(SENDING.public, signature, succession)


def test_two_pupils_whose_columns_were_swapped_are_found_by_the_cover():
    def cover(forename: str) -> Cover:
        return Cover(
            forename=forename,
            surname="Example",
            date_of_birth=date(2015, 3, 1),
            upn=None,
            kind="in_year",
            leaving_on=date(2026, 10, 23),
        )

    item = seal_item(
        context=context(ItemKind.COVER), name=COVER_NAME, media_type=COVER_MEDIA_TYPE, body=cover("Anna").encode()
    )
    opened = open_item(
        item.data_key, context=context(ItemKind.COVER), ciphertext=item.ciphertext, expected=item.facts.expected
    )
    assert Cover.decode(opened.body) == cover("Anna")
    assert Cover.decode(opened.body) != cover("Ben")


def test_a_key_grant_moved_to_another_person_epoch_kind_or_version_does_not_open():
    person = PersonKey.from_seed(Seed(b"\x04" * 32))
    said = {
        "suite": 2,
        "deployment": "demo",
        "org": SENDER,
        "epoch": 1,
        "epoch_fingerprint": SENDING.fingerprint,
        "grantee_kind": GranteeKind.PERSON,
        "grantee": OTHER,
        "grantee_version": 1,
        "grantee_fingerprint": person.fingerprint,
    }
    seed = Seed(b"\x01" * 32)
    sealed = seal_to(person.public, seed, info=formats.key_grant_info(**said))  # type: ignore[arg-type]
    assert person.open_seed(sealed, info=formats.key_grant_info(**said)) == seed  # type: ignore[arg-type]
    for change in (
        {"deployment": "live"},
        {"org": RECEIVER},
        {"epoch": 2},
        {"epoch_fingerprint": STRANGER.fingerprint},
        {"grantee_kind": GranteeKind.TOKEN},
        {"grantee": ITEM},
        {"grantee_version": 2},
        {"grantee_fingerprint": STRANGER.fingerprint},
        {"suite": 1},
    ):
        with pytest.raises(CannotOpen):
            person.open_seed(sealed, info=formats.key_grant_info(**said | change))  # type: ignore[arg-type]
