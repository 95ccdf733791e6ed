import pytest

from transfer_service.crypto.errors import CannotOpen
from transfer_service.crypto.sealing import commitment_of, commits_to, open_bytes, seal_bytes

KEY = bytes(range(32))
CONTEXT = b"context"


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, 40000])
def test_what_was_sealed_opens_with_its_key_in_its_context(size: int):
    sealed = seal_bytes(KEY, b"a" * size, context=CONTEXT)
    assert len(sealed) == size + 72 + 16 * (size // 16384)
    assert open_bytes(KEY, sealed, context=CONTEXT) == b"a" * size


def test_another_key_another_context_or_changed_bytes_do_not_open():
    sealed = seal_bytes(KEY, b"secret", context=CONTEXT)
    changed = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
    for attempt in [(bytes(32), sealed, CONTEXT), (KEY, sealed, b"x"), *((KEY, each, CONTEXT) for each in changed)]:
        with pytest.raises(CannotOpen) as refusal:
            open_bytes(attempt[0], attempt[1], context=attempt[2])
        assert refusal.value.reason == "ciphertext"


def test_cut_dropped_swapped_and_repeated_chunks_are_found():
    sealed = seal_bytes(KEY, b"a" * 16384 + b"b" * 16384 + b"c", context=CONTEXT)
    header, first, second, last = sealed[:56], sealed[56:16456], sealed[16456:32856], sealed[32856:]
    assert open_bytes(KEY, header + first + second + last, context=CONTEXT)[-1:] == b"c"
    for attempt in (
        header + first + second,
        header + first,
        header + first + last,
        header + second + first + last,
        header + first + first + second + last,
        header + first + second + last + last,
        header + first + second + last[:-1],
        header,
        header[:-1],
        b"",
    ):
        with pytest.raises(CannotOpen):
            open_bytes(KEY, attempt, context=CONTEXT)


def test_the_commitment_is_checked_with_the_header_alone():
    sealed = seal_bytes(KEY, b"secret", context=CONTEXT)
    assert commitment_of(sealed) == sealed[24:56]
    assert commits_to(KEY, sealed[:56], context=CONTEXT)
    assert not commits_to(bytes(32), sealed[:56], context=CONTEXT)
    assert not commits_to(KEY, sealed[:56], context=b"x")
    assert not commits_to(KEY, bytes([sealed[0] ^ 1]) + sealed[1:56], context=CONTEXT)
    assert not commits_to(KEY, sealed[:55] + bytes([sealed[55] ^ 1]), context=CONTEXT)


def test_a_header_that_is_cut_off_has_no_commitment():
    with pytest.raises(CannotOpen):
        commitment_of(bytes(55))
