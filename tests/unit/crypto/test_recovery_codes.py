import base64
import pickle

import pytest

from transfer_service.crypto.errors import MalformedText, WrongLength
from transfer_service.crypto.recovery_codes import RecoveryCode, same_group

CODE = RecoveryCode(bytes(range(20)))
TEXT = "000G-40R4-0M30-E209-185G-R38E-1W81-24GK-WHD5"


def test_a_code_is_written_in_nine_groups_of_four():
    assert CODE.text == TEXT
    # The standard library's base32 with Crockford's letters, which leave out I, L, O and U.
    hexed = base64.b32hexencode(bytes(range(20))).decode()
    crockford = hexed.translate(str.maketrans("IJKLMNOPQRSTUV", "JKMNPQRSTVWXYZ"))
    assert CODE.text.replace("-", "").startswith(crockford)
    assert CODE.groups == tuple(TEXT.split("-"))
    assert len(CODE.groups) == 9


def test_a_code_is_read_as_people_type_it():
    for typed in (
        TEXT,
        TEXT.lower(),
        TEXT.replace("-", ""),
        TEXT.replace("-", " - "),
        f"  {TEXT}\n",
        TEXT.replace("0", "O").replace("1", "I"),
        TEXT.replace("0", "o").replace("1", "l"),
    ):
        assert RecoveryCode.from_text(typed) == CODE


def test_every_single_slip_is_told_from_a_wrong_code():
    letters = TEXT.replace("-", "")
    for at, letter in enumerate(letters):
        slip = letters[:at] + ("X" if letter != "X" else "Y") + letters[at + 1 :]
        with pytest.raises(MalformedText, match="Compare each group"):
            RecoveryCode.from_text(slip)


@pytest.mark.parametrize("typed", ["", TEXT[:-1], TEXT + "0", TEXT.replace("G", "U", 1), TEXT.replace("G", "*", 1)])
def test_what_is_no_code_is_refused_without_quoting_it(typed: str):
    with pytest.raises(MalformedText) as refusal:
        RecoveryCode.from_text(typed)
    assert "40R4" not in str(refusal.value)


def test_a_code_gives_a_lookup_and_a_wrapping_key_that_are_unrelated():
    again = RecoveryCode.from_text(TEXT)
    assert again.lookup == CODE.lookup
    assert again.wrapping_key() == CODE.wrapping_key()
    assert CODE.lookup != CODE.wrapping_key().reveal()
    assert RecoveryCode.generate().wrapping_key() != CODE.wrapping_key()


def test_a_code_has_160_bits():
    for length in (19, 21):
        with pytest.raises(WrongLength):
            RecoveryCode(bytes(length))


def test_a_code_is_not_shown_hashed_or_pickled_by_accident():
    assert repr(CODE) == str(CODE) == "RecoveryCode(redacted)"
    assert CODE != TEXT
    assert RecoveryCode.generate() != RecoveryCode.generate()
    for act in (pickle.dumps, hash):
        with pytest.raises(TypeError):
            act(CODE)


def test_a_retyped_group_is_compared_tolerantly():
    assert same_group("000G", " oo0g ")
    assert same_group("185G", "l85g")
    assert not same_group("000G", "000H")
    assert not same_group("000G", "000")
    assert not same_group("000G", "000é")
