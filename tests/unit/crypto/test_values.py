import copy
import pickle

import pytest

from transfer_service.crypto.errors import MalformedText, WrongLength
from transfer_service.crypto.values import DataKey, Fingerprint, Seed, WrappingKey

KINDS = [Seed, DataKey, WrappingKey]
BYTES = bytes(range(32))


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_reveals_itself_only_when_asked(kind: type[Seed]):
    secret = kind(BYTES)
    assert secret.reveal() == BYTES
    for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]}"):
        assert "redacted" in shown
        assert BYTES.hex() not in shown
        assert repr(BYTES) not in shown


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_equals_only_the_same_secret_of_the_same_kind(kind: type[Seed]):
    assert kind(BYTES) == kind(BYTES)
    assert kind(BYTES) != kind(bytes(32))
    assert kind(BYTES) != BYTES
    assert all(kind(BYTES) != other(BYTES) for other in KINDS if other is not kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_secret_of_another_length_is_refused(kind: type[Seed], length: int):
    with pytest.raises(WrongLength):
        kind(bytes(length))


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_is_not_pickled_copied_or_hashed(kind: type[Seed]):
    for act in (pickle.dumps, copy.copy, copy.deepcopy, hash):
        with pytest.raises(TypeError):
            act(kind(BYTES))


@pytest.mark.parametrize("kind", KINDS)
def test_generated_secrets_differ(kind: type[Seed]):
    assert kind.generate() != kind.generate()


def test_a_fingerprint_is_read_from_its_hexadecimal_digits():
    fingerprint = Fingerprint(BYTES)
    assert fingerprint.hex == "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    assert str(fingerprint) == fingerprint.hex
    assert Fingerprint.from_hex(f" {fingerprint.hex}\n") == fingerprint


def test_a_fingerprint_is_shown_as_eight_words_of_the_slip_39_list():
    # Ten bits a word: 0, 1, ..., 7 written out by hand.
    bits = "".join(f"{number:010b}" for number in (0, 1, 2, 3, 1020, 1021, 1022, 1023))
    digest = int(bits, 2).to_bytes(10, "big") + bytes(22)
    expected = ("academic", "acid", "acne", "acquire", "yelp", "yield", "yoga", "zero")
    assert Fingerprint(digest).words() == expected


@pytest.mark.parametrize("text", ["", "zz", "0g" * 32])
def test_what_is_no_fingerprint_is_refused(text: str):
    with pytest.raises((MalformedText, WrongLength)):
        Fingerprint.from_hex(text)


def test_a_fingerprint_of_another_length_is_refused():
    with pytest.raises(WrongLength):
        Fingerprint(bytes(31))
