import hashlib
import hmac
import pickle
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.crypto.literals import OTHER, SENDER
from transfer_service.crypto.backup_codes import CODE_BITS, BackupCode
from transfer_service.crypto.derivation import derive
from transfer_service.crypto.errors import MalformedText, WrongLength
from transfer_service.crypto.fields import FieldKeyring

CODE = BackupCode(0x1_2345_6789_ABCD)
TEXT = "938NK-RKAYD"
OLD = FieldKeyring({1: b"\x01" * 32}, deployment="demo")
BOTH = FieldKeyring({2: b"\x02" * 32, 1: b"\x01" * 32}, deployment="demo")
NEW = FieldKeyring({2: b"\x02" * 32}, deployment="demo")


def test_a_code_is_written_in_two_groups_of_five():
    assert CODE.text == TEXT
    assert BackupCode(0).text == "00000-00000"
    assert BackupCode((1 << 50) - 1).text == "ZZZZZ-ZZZZZ"


def test_a_code_is_read_as_people_type_it():
    for typed in (TEXT, TEXT.lower(), TEXT.replace("-", ""), TEXT.replace("-", " \u2013 "), f" {TEXT}\n"):
        assert BackupCode.from_text(typed) == CODE
    one = BackupCode.from_text("01VZ0-10V1A")
    for typed in ("OIUZO-IOULA", "oluzo-louia", "0lvz0 1oula"):
        assert BackupCode.from_text(typed) == one


@given(st.integers(min_value=0, max_value=(1 << CODE_BITS) - 1))
def test_every_code_is_read_as_it_was_written(number: int):
    assert BackupCode.from_text(BackupCode(number).text) == BackupCode(number)


@pytest.mark.parametrize("typed", ["", TEXT[:-1], TEXT + "0", TEXT.replace("N", "*"), TEXT.replace("N", "é"), "123456"])
def test_what_is_no_code_is_refused_without_quoting_it(typed: str):
    with pytest.raises(MalformedText) as refusal:
        BackupCode.from_text(typed)
    assert "938" not in str(refusal.value)


def test_a_code_has_50_bits():
    for number in (-1, 1 << 50):
        with pytest.raises(WrongLength):
            BackupCode(number)
    drawn = [BackupCode.generate().reveal() for _ in range(200)]
    assert len(set(drawn)) == 200
    assert all(any(code[place] >> bit & 1 for code in drawn) for place in range(1, 7) for bit in range(8))


def test_a_code_is_not_shown_hashed_or_pickled_by_accident():
    assert repr(CODE) == str(CODE) == "BackupCode(redacted)"
    assert CODE != TEXT
    for act in (pickle.dumps, hash):
        with pytest.raises(TypeError):
            act(CODE)


def test_what_is_stored_is_a_keyed_hash_with_its_keys_number():
    stored = OLD.hash_backup_code(OTHER, CODE)
    key = derive(b"\x01" * 32, "ptx/field-key/1", "backup-code", "demo")
    message = b"\x00\x11ptx/backup-code/1" + OTHER.bytes + bytes.fromhex("0123456789abcd")
    assert stored == b"\x00\x01" + hmac.new(key, message, hashlib.sha256).digest()[:30]


def test_a_code_is_known_by_its_own_hash_alone():
    stored = OLD.hash_backup_code(OTHER, CODE)
    assert OLD.is_backup_code(stored, OTHER, CODE)
    assert not OLD.is_backup_code(stored, OTHER, BackupCode(0x1_2345_6789_ABCC))
    assert not OLD.is_backup_code(stored, SENDER, CODE), "it is another person's"
    assert not OLD.is_backup_code(stored[:-1], OTHER, CODE)
    assert not OLD.is_backup_code(b"", OTHER, CODE)
    assert not FieldKeyring({1: b"\x01" * 32}, deployment="live").is_backup_code(stored, OTHER, CODE)


def test_a_hash_is_known_as_long_as_its_key_is_there():
    stored = OLD.hash_backup_code(OTHER, CODE)
    assert BOTH.is_backup_code(stored, OTHER, CODE)
    assert BOTH.hash_backup_code(OTHER, CODE)[:2] == b"\x00\x02"
    assert not NEW.is_backup_code(stored, OTHER, CODE)


def test_two_people_with_the_same_code_have_different_hashes():
    assert OLD.hash_backup_code(UUID(int=1), CODE) != OLD.hash_backup_code(UUID(int=2), CODE)
