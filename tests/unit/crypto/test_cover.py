from datetime import date

import pytest

from transfer_service.crypto.cover import Cover
from transfer_service.crypto.errors import MalformedBytes

COVER = Cover(
    forename="Zoë",
    surname="Öztürk",
    date_of_birth=date(2015, 3, 1),
    upn="H801200001001",
    kind="in_year",
    leaving_on=date(2026, 10, 23),
    destination_confirmed_on=date(2026, 10, 20),
)
ENCODED = (
    b'{"date_of_birth":"2015-03-01","destination_confirmed_on":"2026-10-20","forename":"Zo\\u00eb","kind":"in_year",'
    b'"leaving_on":"2026-10-23","starts_on":null,"surname":"\\u00d6zt\\u00fcrk","upn":"H801200001001","v":1}'
)


def test_a_cover_has_one_canonical_body():
    assert COVER.encode() == ENCODED


def test_a_cover_is_read_back():
    assert Cover.decode(ENCODED) == COVER


def test_two_pupils_have_different_covers():
    other = Cover.decode(ENCODED.replace(b"2015-03-01", b"2015-03-02"))
    assert other != COVER


def test_a_cover_does_not_show_the_child_in_logs():
    assert repr(COVER) == str(COVER) == "Cover(redacted)"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'"x"',
        ENCODED + b" ",
        ENCODED.replace(b'"v":1', b'"v":2'),
        ENCODED.replace(b"2015-03-01", b"2015-02-30"),
        ENCODED.replace(b'"2015-03-01"', b"20150301"),
        ENCODED.replace(b'"2015-03-01"', b"null"),
        ENCODED.replace(b'"v":1', b'"v":1,"x":2'),
        ENCODED.replace(b',"upn":"H801200001001"', b""),
    ],
)
def test_anything_else_is_refused_without_naming_the_child(body: bytes):
    with pytest.raises(MalformedBytes) as refusal:
        Cover.decode(body)
    assert refusal.value.__cause__ is None
    assert "Zo" not in str(refusal.value)
