"""The bytes of a leaf and of what stands beside it."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from transfer_service.audit import detail as details
from transfer_service.audit.errors import LeafMalformed, LeafRefused
from transfer_service.audit.leaf import Leaf, LeafFields, commit_to, decode_leaf, encode_leaf

AT = datetime(2026, 9, 3, 8, 15, 0, 250, tzinfo=UTC)
ACTOR = UUID("01890000-0000-7000-8000-000000000001")
TRANSFER = UUID("01890000-0000-7000-8000-000000000002")

FULL = LeafFields(
    event="dispatch.acknowledged",
    actor=ACTOR,
    role="designated_safeguarding_lead",
    org=ACTOR,
    on_behalf=ACTOR,
    subject=TRANSFER,
    transfer=TRANSFER,
    dispatch=TRANSFER,
    item=TRANSFER,
    epoch=4,
    key="ab" * 32,
    basis="role",
    digest=b"\x01" * 32,
    request="req-1",
    erases=7,
)


def leaf(**said) -> Leaf:
    return Leaf(idx=12, at=AT, said=LeafFields(**{"event": "dispatch.sent", **said}), commit=None)


def test_a_leaf_is_written_as_sorted_json_without_what_is_not_said():
    body = encode_leaf(leaf(actor=ACTOR, epoch=0))
    assert body == (
        b'{"actor":"01890000-0000-7000-8000-000000000001","at":"2026-09-03T08:15:00.000250Z","epoch":0,'
        b'"event":"dispatch.sent","idx":12,"v":1}'
    )


def test_a_leaf_with_every_field_is_read_back_as_it_was_written():
    whole = Leaf(idx=0, at=AT, said=FULL, commit=b"\x02" * 32)
    assert decode_leaf(encode_leaf(whole)) == whole


def test_a_time_in_another_zone_is_written_in_utc():
    there = AT.astimezone(timezone(timedelta(hours=1)))
    assert encode_leaf(Leaf(idx=12, at=there, said=leaf().said, commit=None)) == encode_leaf(leaf())


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(LeafRefused, match="zone"):
        encode_leaf(Leaf(idx=1, at=AT.replace(tzinfo=None), said=leaf().said, commit=None))


@pytest.mark.parametrize(
    "said",
    [
        {"event": "free text about somebody"},
        {"event": ""},
        {"event": 5},
        {"role": "é"},
        {"request": "line\nbreak"},
        {"actor": str(ACTOR)},
        {"digest": b"short"},
        {"digest": "ab" * 32},
        {"key": "AB" * 32},
        {"key": b"\x01" * 32},
        {"epoch": -1},
        {"epoch": True},
        {"epoch": 1.5},
        {"erases": 2**63},
    ],
)
def test_a_field_takes_only_its_shape_so_that_no_free_text_gets_in(said: dict):
    with pytest.raises(LeafRefused):
        encode_leaf(leaf(**said))


@pytest.mark.parametrize("idx", [-1, 2**63, 1.0, True])
def test_an_index_is_a_whole_number_from_0(idx):
    with pytest.raises(LeafRefused, match="index"):
        encode_leaf(Leaf(idx=idx, at=AT, said=leaf().said, commit=None))


def test_a_leaf_longer_than_65535_bytes_is_refused(monkeypatch: pytest.MonkeyPatch):
    # No field is long enough to reach the limit, so the limit comes down to a leaf.
    monkeypatch.setattr("transfer_service.audit.leaf.LIMIT", 60)
    with pytest.raises(LeafRefused, match=r"65,535"):
        encode_leaf(leaf())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"v":1}',
        b'{"at":"2026-09-03T08:15:00.000250Z","event":"x","idx":12,"v":2}',
        b'{"at":"2026-09-03T08:15:00.000250Z","event":"x","idx":"12","v":1}',
        b'{"at":"2026-09-03T08:15:00.000250Z","event":"x","idx":12.0,"v":1}',
        b'{"at":"yesterday","event":"x","idx":12,"v":1}',
        b'{"actor":null,"at":"2026-09-03T08:15:00.000250Z","event":"x","idx":12,"v":1}',
        b'{"at":"2026-09-03T08:15:00.000250Z","event":"x","idx":12,"name":"x","v":1}',
        b'{"at":"2026-09-03T08:15:00.000250Z","event":"x","idx":-1,"v":1}',
    ],
)
def test_bytes_that_are_no_leaf_are_malformed(body: bytes):
    with pytest.raises(LeafMalformed, match="not a leaf"):
        decode_leaf(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"v":1,"at":"2026-09-03T08:15:00.000250Z","event":"x","idx":12}',
        b'{"at":"2026-09-03T08:15:00.000250Z", "event":"x","idx":12,"v":1}',
        b'{"at":"2026-09-03T08:15:00.00025Z","event":"x","idx":12,"v":1}',
        b'{"at":"2026-09-03T08:15:00.000250Z","event":"y","event":"x","idx":12,"v":1}',
        b'{"at":"2026-09-03T08:15:00.000250Z","event":"x","idx":12,"v":1}\n',
        b'{"at":"2026-09-03T08:15:00.000250Z","digest":"' + b"AB" * 32 + b'","event":"x","idx":12,"v":1}',
    ],
)
def test_a_leaf_in_any_other_form_than_the_one_is_malformed(body: bytes):
    with pytest.raises(LeafMalformed, match="one form"):
        decode_leaf(body)


def test_the_commitment_is_over_label_salt_and_detail():
    # SHA-256 of "ptx/detail/1", 32 zero bytes and "x", computed by sha256sum.
    assert commit_to(b"x", bytes(32)).hex() == "5d972a52f212afa6b9ca41de0844dcd91dd3ab5e9702eadf3547d6107bfb0b11"


def test_a_salt_of_another_length_is_refused():
    with pytest.raises(LeafRefused, match="32"):
        commit_to(b"x", bytes(31))


def test_a_detail_is_sentences_and_facts_in_sorted_json():
    written = details.encode_detail(details.tell("The file was sent.", reference="PT-1"))
    assert written == b'{"facts":{"reference":"PT-1"},"sentences":["The file was sent."],"v":1}'
    assert details.decode_detail(written) == {
        "v": 1,
        "sentences": ["The file was sent."],
        "facts": {"reference": "PT-1"},
    }


def test_a_detail_has_at_most_131072_bytes():
    empty = len(details.encode_detail(details.tell("")))
    assert len(details.encode_detail(details.tell("x" * (131_072 - empty)))) == 131_072
    with pytest.raises(LeafRefused, match=r"too long\. Shorten it"):
        details.encode_detail(details.tell("x" * (131_073 - empty)))


@pytest.mark.parametrize("written", [b"", b"5", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_detail_is_malformed(written: bytes):
    with pytest.raises(LeafMalformed):
        details.decode_detail(written)


def test_salt_and_detail_are_sealed_as_one_and_taken_apart_again():
    assert details.split_salt(details.join_salt(b"s" * 32, b"detail")) == (b"s" * 32, b"detail")
    with pytest.raises(LeafMalformed, match="salt"):
        details.split_salt(b"short")
