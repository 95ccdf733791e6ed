import pytest

from transfer_service.crypto.crockford import decode_number, encode_number, tidy_letters
from transfer_service.crypto.errors import MalformedText


def test_letters_that_are_taken_for_others_stand_for_those():
    assert tidy_letters("o O i I l L u U v V") == "00111" + "1VVVV"


@pytest.mark.parametrize("gap", ["", " ", "-", " - ", "\t", "\n", "\u00a0", "\u2011", "\u2013", "\u2014", "\u2212"])
def test_gaps_hyphens_and_dashes_do_not_count(gap: str):
    assert tidy_letters(f" 9c{gap}4{gap}") == "9C4"


def test_a_number_is_written_five_bits_a_letter():
    assert encode_number(0, letters=3) == "000"
    assert encode_number(31 * 1024 + 10, letters=3) == "Z0A"
    assert decode_number("Z0A") == 31 * 1024 + 10
    assert decode_number("") == 0


@pytest.mark.parametrize("letters", ["U", "a", "0!", "é", "0 0"])
def test_letters_of_no_alphabet_are_refused(letters: str):
    with pytest.raises(MalformedText, match="Leave out anything else"):
        decode_number(letters)
