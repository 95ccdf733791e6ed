import pytest

from transfer_service.crypto.errors import MalformedBytes
from transfer_service.crypto.layout import Reader, canonical_json, hash32, length_prefixed, unsigned


def test_a_field_carries_its_length_in_two_bytes():
    assert length_prefixed(b"") == b"\x00\x00"
    assert length_prefixed("é") == b"\x00\x02\xc3\xa9"
    assert length_prefixed(b"a" * 65535)[:2] == b"\xff\xff"


def test_a_field_longer_than_its_length_can_say_is_refused():
    with pytest.raises(MalformedBytes):
        length_prefixed(b"a" * 65536)


def test_numbers_are_big_endian_and_must_fit():
    assert unsigned(258, 4) == b"\x00\x00\x01\x02"
    for value, width in ((256, 1), (-1, 4), (1 << 64, 8)):
        with pytest.raises(MalformedBytes):
            unsigned(value, width)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_hash_has_32_bytes(length: int):
    with pytest.raises(MalformedBytes):
        hash32(bytes(length))


def test_a_value_has_one_canonical_json_encoding():
    value = {"b": [1, True, None], "a": {"é": "x"}}
    assert canonical_json(value) == b'{"a":{"\\u00e9":"x"},"b":[1,true,null]}'


@pytest.mark.parametrize("value", [1.0, [1.5], {"a": {"b": [2.0]}}])
def test_floating_point_numbers_are_refused(value: object):
    with pytest.raises(MalformedBytes):
        canonical_json(value)  # type: ignore[arg-type]


def test_a_reader_gives_back_what_was_written():
    reader = Reader(length_prefixed("x/1") + length_prefixed("é") + unsigned(7, 4) + b"\x11" * 16)
    reader.label("x/1")
    assert reader.text() == "é"
    assert reader.unsigned(4) == 7
    assert reader.uuid().bytes == b"\x11" * 16
    reader.end()


def test_a_reader_refuses_another_format_missing_bytes_leftovers_and_broken_text():
    with pytest.raises(MalformedBytes):
        Reader(length_prefixed("x/2")).label("x/1")
    with pytest.raises(MalformedBytes):
        Reader(b"\x00\x05abcd").length_prefixed()
    with pytest.raises(MalformedBytes):
        Reader(b"\x00").end()
    with pytest.raises(MalformedBytes):
        Reader(length_prefixed(b"\xff")).text()
