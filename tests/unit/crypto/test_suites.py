import pickle

import pytest

from transfer_service.crypto import signing
from transfer_service.crypto.errors import CannotOpen, Mismatch, UnknownSuite, WrongLength
from transfer_service.crypto.suites import (
    MLKEM768_X25519,
    EpochKey,
    PersonKey,
    PublicKey,
    RecoveryKey,
    check_signature,
    seal_bytes_to,
    seal_to,
    verify_signature,
)
from transfer_service.crypto.values import DataKey, Seed

SEED = Seed(bytes(range(32)))
INFO = b"where it belongs"


def test_the_same_seed_always_grows_the_same_keys():
    person, recovery, epoch = PersonKey.from_seed(SEED), RecoveryKey.from_seed(SEED), EpochKey.from_seed(SEED)
    # Frozen: another fingerprint would mean that no key sealed before could be opened.
    assert person.fingerprint.hex == "bad0898640b342421cab8205107e76431be874ffcc71f4f41c2da14ac3ad0010"
    assert recovery.public == person.public
    assert epoch.fingerprint.hex == "533b79b82b0c851ead767518391182ee40e3b6992073940bb828b1271e78294e"
    assert epoch.public.signing_public.hex() == "d4f9a878b05790d47a934563a47ab98c4057cbfc24cebcb9392eb9b96dad8eb5"
    assert epoch.public.kem_public != person.public.kem_public


@pytest.mark.parametrize("kind", [PersonKey, RecoveryKey, EpochKey])
def test_a_seed_and_a_data_key_sealed_to_a_key_open_with_it(kind: type[PersonKey]):
    key = kind.from_seed(Seed.generate())
    seed, data_key = Seed.generate(), DataKey.generate()
    sealed_seed = seal_to(key.public, seed, info=INFO)
    assert len(sealed_seed) == 1168
    assert key.open_seed(sealed_seed, info=INFO) == seed
    assert key.open_data_key(seal_to(key.public, data_key, info=INFO), info=INFO) == data_key


def test_two_grants_of_one_key_look_different():
    key = PersonKey.from_seed(SEED)
    assert seal_to(key.public, SEED, info=INFO) != seal_to(key.public, SEED, info=INFO)


def test_longer_bytes_can_be_sealed_too():
    key = PersonKey.from_seed(SEED)
    sealed = seal_bytes_to(key.public, b"a" * 5000, info=INFO)
    assert key.open_sealed(sealed, info=INFO) == b"a" * 5000


def test_a_grant_opens_neither_with_another_key_nor_in_another_place_nor_changed():
    key, other = PersonKey.from_seed(SEED), PersonKey.from_seed(Seed.generate())
    sealed = seal_to(key.public, SEED, info=INFO)
    attempts = [
        (other, sealed, INFO),
        (key, sealed, b"elsewhere"),
        (key, sealed, b""),
        (key, sealed[:-1], INFO),
        (key, sealed + b"\x00", INFO),
        (key, b"", INFO),
        (key, bytes([sealed[0] ^ 1]) + sealed[1:], INFO),
        (key, sealed[:-1] + bytes([sealed[-1] ^ 1]), INFO),
        (key, bytes(1168), INFO),
        (key, seal_bytes_to(key.public, b"a" * 33, info=INFO), INFO),
    ]
    for opener, bytes_, info in attempts:
        with pytest.raises(CannotOpen) as refusal:
            opener.open_seed(bytes_, info=info)
        assert refusal.value.reason == "grant"


def test_an_epoch_signs_for_its_school():
    epoch, other = EpochKey.from_seed(SEED), EpochKey.from_seed(Seed.generate())
    signature = epoch.sign(b"manifest")
    assert verify_signature(epoch.public, signature, b"manifest")
    check_signature(epoch.public, signature, b"manifest")
    for public, message in ((epoch.public, b"another"), (other.public, b"manifest")):
        assert not verify_signature(public, signature, message)
        with pytest.raises(Mismatch) as refusal:
            check_signature(public, signature, message)
        assert refusal.value.reason == "signature"


def test_a_key_that_cannot_sign_never_signed():
    person = PersonKey.from_seed(SEED)
    assert person.public.signing_public == b""
    assert not verify_signature(person.public, signing.sign(bytes(32), b"m"), b"m")


@pytest.mark.parametrize("suite, words", [(1, "reserved"), (3, "Upgrade"), (0, "Upgrade")])
def test_a_suite_that_is_not_in_use_is_refused(suite: int, words: str):
    with pytest.raises(UnknownSuite, match=words):
        PublicKey(suite, bytes(1216))


@pytest.mark.parametrize("kem, sign", [(1215, 0), (1217, 32), (0, 0), (1216, 31)])
def test_public_halves_of_another_length_are_refused(kem: int, sign: int):
    with pytest.raises(WrongLength):
        PublicKey(MLKEM768_X25519, bytes(kem), bytes(sign))


@pytest.mark.parametrize("kem_public", [b"\xff" * 1216, PersonKey.from_seed(SEED).public.kem_public[:1184] + bytes(32)])
def test_nothing_is_sealed_to_bytes_that_are_no_key(kem_public: bytes):
    with pytest.raises(Mismatch) as refusal:
        seal_to(PublicKey(MLKEM768_X25519, kem_public), SEED, info=INFO)
    assert refusal.value.reason == "public_key"


def test_every_half_counts_in_the_fingerprint():
    epoch = EpochKey.from_seed(SEED)
    without_signing = PublicKey(MLKEM768_X25519, epoch.public.kem_public)
    assert epoch.public.fingerprint != without_signing.fingerprint


@pytest.mark.parametrize("kind", [PersonKey, RecoveryKey, EpochKey])
def test_a_private_key_shows_its_fingerprint_only_and_is_not_pickled(kind: type[PersonKey]):
    key = kind.from_seed(SEED)
    assert repr(key) == f"{kind.__name__}({key.fingerprint.hex})"
    with pytest.raises(TypeError):
        pickle.dumps(key)
