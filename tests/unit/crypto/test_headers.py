import pytest

from transfer_service.crypto.errors import CannotOpen
from transfer_service.crypto.headers import START_LENGTH, open_item_name
from transfer_service.crypto.items import ItemSealer
from transfer_service.crypto.sealing import seal_bytes
from transfer_service.crypto.values import DataKey

CONTEXT = b"context"


def sealed(name: str) -> tuple[DataKey, bytes]:
    sealer = ItemSealer(context=CONTEXT, name=name, media_type="application/pdf")
    ciphertext = sealer.update(b"a" * 40_000) + sealer.finish()[0]
    return sealer.data_key, ciphertext[:START_LENGTH]


def test_the_name_of_an_attachment_is_read_from_its_first_chunk():
    key, start = sealed("Chronologie é.pdf")
    assert open_item_name(key, context=CONTEXT, start=start) == ("Chronologie é.pdf", "application/pdf")


def test_another_key_place_or_a_changed_chunk_gives_no_name():
    key, start = sealed("Private.pdf")
    for attempt, context, first in (
        (DataKey.generate(), CONTEXT, start),
        (key, b"elsewhere", start),
        (key, CONTEXT, start[:-1] + bytes([start[-1] ^ 1])),
    ):
        with pytest.raises(CannotOpen) as refusal:
            open_item_name(attempt, context=context, start=first)
        assert refusal.value.reason == "ciphertext"


def test_a_start_that_is_too_short_or_no_item_gives_no_name():
    key, start = sealed("Private.pdf")
    other = seal_bytes(key.reveal(), b"\x00\x20" + bytes(40_000), context=CONTEXT)[:START_LENGTH]
    for first in (start[:-1], other):
        with pytest.raises(CannotOpen) as refusal:
            open_item_name(key, context=CONTEXT, start=first)
        assert refusal.value.reason == "plaintext"
