from collections import Counter

import pytest

from transfer_service.domain.references import ALPHABET, make_reference, parse_reference


@pytest.mark.parametrize(
    "random_bytes, reference",
    [
        (bytes(5), "PT-0000-0000"),
        (bytes([0, 0, 0, 0, 1]), "PT-0000-0011"),
        (bytes([0, 0, 0, 0, 31]), "PT-0000-00ZZ"),
        # 32 to 36 would need a sign beyond the alphabet, so the next value, 37, is taken.
        (bytes([0, 0, 0, 0, 32]), "PT-0000-0150"),
        (bytes([0, 0, 0, 0, 37]), "PT-0000-0150"),
        (bytes([255, 255, 255, 255, 255]), "PT-ZZZZ-ZZZJ"),
    ],
)
def test_a_reference_is_made_from_random_bytes(random_bytes, reference):
    made = make_reference(random_bytes)
    assert parse_reference(made) == made
    assert made == reference


@pytest.mark.parametrize("length", [0, 4, 6])
def test_another_number_of_bytes_is_refused(length):
    with pytest.raises(ValueError, match="5 random bytes"):
        make_reference(bytes(length))


GOOD = "PT-0000-0150"


@pytest.mark.parametrize(
    "typed",
    [
        "PT-0000-0150",
        "pt-0000-0150",
        "PT00000150",
        "00000150",
        " 0000 0150 ",
        "PT-OOOO-OI5O",
        "pt-oooo-ol5o",
        "PT\u20110000\u20130150",
        "PT 0000\t0150\n",
    ],
)
def test_a_reference_is_read_however_it_is_typed(typed):
    assert parse_reference(typed) == GOOD


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "PT",
        "PT-0000-015",
        "PT-0000-01500",
        "XX-0000-0150",
        "PT-0000-0151",
        "PT-0000-015U",
        "PT-0000-01*0",
        "\u0660" * 8,
    ],
)
def test_what_is_no_reference_is_none(typed):
    assert parse_reference(typed) is None


def test_every_single_mistyped_character_is_found():
    body = make_reference(bytes.fromhex("03a9f41c77"))[3:].replace("-", "")
    for place, right in enumerate(body):
        for wrong in set(ALPHABET) - {right}:
            assert parse_reference(body[:place] + wrong + body[place + 1 :]) is None


def test_every_swap_of_neighbours_is_found():
    body = make_reference(bytes.fromhex("03a9f41c77"))[3:].replace("-", "")
    swaps = 0
    for place in range(7):
        if body[place] != body[place + 1]:
            swaps += 1
            assert parse_reference(body[:place] + body[place + 1] + body[place] + body[place + 2 :]) is None
    assert swaps >= 5


def test_no_reference_holds_a_letter_that_is_misread():
    made = "".join(make_reference(number.to_bytes(5, "big"))[3:] for number in range(0, 2**35, 2**24 + 12345))
    assert not set("ILOU") & set(made)
    assert len(Counter(made)) == 33  # 32 characters and the hyphen
