import base64
import hashlib
from dataclasses import replace

import pytest

from tests.unit.crypto.literals import OTHER, PERSON
from transfer_service.crypto import formats
from transfer_service.crypto.errors import CannotOpen, MalformedText, UnknownKey, WeakParameters, WrongLength
from transfer_service.crypto.formats import UnlockKind
from transfer_service.crypto.peppers import PepperSet
from transfer_service.crypto.unlock import (
    KdfParameters,
    derive_from_password,
    needs_new_parameters,
    unwrap_person_seed,
    wrap_person_seed,
)
from transfer_service.crypto.values import Seed, WrappingKey

PEPPER_TEXT = "2:" + base64.b64encode(b"\x02" * 32).decode() + ",1:" + base64.b64encode(b"\x01" * 32).decode()
PEPPERS = PepperSet.from_text(PEPPER_TEXT)
SALT = bytes(range(16))
PARAMETERS = KdfParameters(salt=SALT, pepper_id=1)
TEXT = "$argon2id$v=19$m=65536,t=3,p=1,keyid=1$AAECAwQFBgcICQoLDA0ODw"


def unlock_context(parameters: str = TEXT, kind: UnlockKind = UnlockKind.PASSWORD) -> bytes:
    return formats.unlock_context(
        deployment="demo", person=PERSON, key_version=1, unlock_kind=kind, unlock=OTHER, kdf_parameters=parameters
    )


def test_parameters_are_written_as_a_phc_string_that_names_the_pepper():
    assert PARAMETERS.text == TEXT
    assert KdfParameters.from_text(TEXT) == PARAMETERS


def test_new_parameters_have_todays_strength_the_primary_pepper_and_a_fresh_salt():
    one, other = KdfParameters.generate(PEPPERS), KdfParameters.generate(PEPPERS)
    assert (one.memory_kib, one.iterations, one.lanes, one.pepper_id) == (65536, 3, 1, 2)
    assert len(one.salt) == 16
    assert one.salt != other.salt


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("m=65536", "m=65535"),
        TEXT.replace("m=65536", "m=8"),
        TEXT.replace("t=3", "t=2"),
        TEXT.replace("m=65536", "m=2000000"),
        TEXT.replace("t=3", "t=1000"),
        TEXT.replace("p=1", "p=99"),
    ],
)
def test_downgraded_or_boundless_parameters_are_refused(text: str):
    with pytest.raises(WeakParameters):
        KdfParameters.from_text(text)


def test_the_highest_parameters_that_are_taken():
    highest = KdfParameters(salt=SALT, pepper_id=1, memory_kib=1_048_576, iterations=64, lanes=16)
    for one in ({"memory_kib": 1_048_577}, {"iterations": 65}, {"lanes": 17}):
        with pytest.raises(WeakParameters):
            replace(highest, **one)


def test_a_short_salt_is_refused():
    with pytest.raises(WeakParameters):
        KdfParameters(salt=SALT[:15], pepper_id=1)
    with pytest.raises(WeakParameters):
        KdfParameters(salt=SALT, pepper_id=1, lanes=0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "$argon2id$v=19$m=65536,t=3,p=1$AAECAwQFBgcICQoLDA0ODw",
        TEXT.replace("argon2id", "argon2i"),
        TEXT.replace("v=19", "v=16"),
        TEXT.replace("m=65536", "m=065536"),
        TEXT + "\n",
        TEXT + "B",
        TEXT[:-1] + "x",
        TEXT[:-1] + "*",
        TEXT + "AAA",
    ],
)
def test_parameters_in_any_other_writing_are_refused(text: str):
    with pytest.raises(MalformedText):
        KdfParameters.from_text(text)


def test_one_run_gives_a_verifier_and_a_wrapping_key():
    # Frozen: with other bytes nobody could sign in any more.
    keys = derive_from_password("correct horse", PARAMETERS, PEPPERS)
    assert keys.verifier_hash.hex() == "1aff1869f426f2aaf09202ffab66f4ca8188c2e894b4cddf5b298b733070a4ce"
    assert (
        hashlib.sha256(keys.wrapping_key.reveal()).hexdigest()
        == "fdccb11801d31a646f896edc7d341e800ee796de71f831204b403ea7d304e974"
    )
    assert keys.verifies(keys.verifier_hash)
    assert not keys.verifies(bytes(32))


def test_the_stored_hash_does_not_lead_to_the_wrapping_key():
    keys = derive_from_password("correct horse", PARAMETERS, PEPPERS)
    assert keys.verifier_hash != keys.wrapping_key.reveal()
    assert keys.wrapping_key.reveal().hex() not in repr(keys)
    assert keys.verifier_hash.hex() not in repr(keys)


def test_password_salt_and_pepper_all_count_and_the_keyboard_does_not():
    first = derive_from_password("café", PARAMETERS, PEPPERS)
    assert first == derive_from_password("cafe\u0301", PARAMETERS, PEPPERS)
    others = [
        derive_from_password("cafe", PARAMETERS, PEPPERS),
        derive_from_password("café", KdfParameters(salt=SALT[::-1], pepper_id=1), PEPPERS),
        derive_from_password("café", KdfParameters(salt=SALT, pepper_id=2), PEPPERS),
    ]
    for other in others:
        assert other.verifier_hash != first.verifier_hash
        assert other.wrapping_key != first.wrapping_key


def test_a_missing_pepper_is_named_and_says_what_still_works():
    with pytest.raises(UnknownKey, match=r"Pepper 7 .* recovery code"):
        derive_from_password("x", KdfParameters(salt=SALT, pepper_id=7), PEPPERS)


def test_a_password_under_an_older_pepper_or_other_strength_is_derived_anew():
    assert not needs_new_parameters(KdfParameters.generate(PEPPERS), PEPPERS)
    assert needs_new_parameters(PARAMETERS, PEPPERS)
    assert needs_new_parameters(KdfParameters(salt=SALT, pepper_id=2, iterations=4), PEPPERS)


def test_a_wrapped_seed_unwraps_with_its_key_in_its_place_alone():
    key, seed = WrappingKey.generate(), Seed.generate()
    wrapped = wrap_person_seed(key, seed, context=unlock_context())
    assert len(wrapped) == 104
    assert unwrap_person_seed(key, wrapped, context=unlock_context()) == seed
    session = formats.session_context(deployment="demo", person=PERSON, key_version=1, absolute_expiry=1)
    for attempt, context in (
        (WrappingKey.generate(), unlock_context()),
        (key, unlock_context(kind=UnlockKind.RECOVERY_CODE)),
        (key, unlock_context(parameters=TEXT.replace("keyid=1", "keyid=2"))),
        (key, session),
    ):
        with pytest.raises(CannotOpen):
            unwrap_person_seed(attempt, wrapped, context=context)


def test_a_session_cannot_be_made_to_last_longer():
    key, seed = WrappingKey.generate(), Seed.generate()

    def until(expiry: int) -> bytes:
        return formats.session_context(deployment="demo", person=PERSON, key_version=1, absolute_expiry=expiry)

    wrapped = wrap_person_seed(key, seed, context=until(1000))
    with pytest.raises(CannotOpen):
        unwrap_person_seed(key, wrapped, context=until(9999))


def test_peppers_show_their_numbers_only():
    assert repr(PEPPERS) == "PepperSet(ids=[1, 2])"
    assert PEPPERS.ids == {1, 2}
    assert PEPPERS.primary_id == 2


def test_a_pepper_of_another_length_is_refused():
    with pytest.raises(WrongLength):
        PepperSet.from_text("1:" + base64.b64encode(bytes(16)).decode())
