import base64
from datetime import date
from uuid import UUID

import pytest

from tests.unit.crypto.literals import OTHER, SENDER
from transfer_service.crypto.errors import CannotOpen, MalformedText, UnknownKey, WrongLength
from transfer_service.crypto.fields import FieldKeyring, fold_surname, key_id_of
from transfer_service.crypto.formats import KeyKind
from transfer_service.crypto.suites import EpochKey, PersonKey, PublicKey
from transfer_service.crypto.values import Seed

ONE = "1:" + base64.b64encode(b"\x01" * 32).decode()
TWO = "2:" + base64.b64encode(b"\x02" * 32).decode()
OLD = FieldKeyring.from_text(ONE, deployment="demo")
ROTATED = FieldKeyring.from_text(f"{TWO},{ONE}", deployment="demo")
NEW = FieldKeyring.from_text(TWO, deployment="demo")
ROW = OTHER
EPOCH = EpochKey.from_seed(Seed(bytes(32))).public


def sealed(keyring: FieldKeyring, value: str | bytes = "Zoë") -> bytes:
    return keyring.seal_field(value, table="transfer", column="forename", row=ROW)


def opened(keyring: FieldKeyring, value: bytes, *, column: str = "forename", row: UUID = ROW) -> bytes:
    return keyring.open_field(value, table="transfer", column=column, row=row)


def test_a_field_opens_in_its_own_place():
    value = sealed(OLD)
    assert len(value) == 4 + 74
    assert opened(OLD, value).decode() == "Zoë"
    assert OLD.open_text(value, table="transfer", column="forename", row=ROW) == "Zoë"
    assert opened(OLD, sealed(OLD, b"\x00\xff")) == b"\x00\xff"


def test_two_sealings_of_one_name_look_different():
    assert sealed(OLD) != sealed(OLD)


def test_a_field_moved_to_another_row_column_table_or_deployment_does_not_open():
    value = sealed(OLD)
    elsewhere = FieldKeyring.from_text(ONE, deployment="live")
    attempts = [
        lambda: opened(OLD, value, row=SENDER),
        lambda: opened(OLD, value, column="surname"),
        lambda: OLD.open_field(value, table="person", column="forename", row=ROW),
        lambda: opened(elsewhere, value),
        lambda: opened(OLD, value[:-1]),
        lambda: opened(OLD, value[:2]),
    ]
    for attempt in attempts:
        with pytest.raises(CannotOpen):
            attempt()


def test_a_retired_key_still_opens():
    old, new = sealed(OLD), sealed(ROTATED)
    assert opened(ROTATED, old).decode() == opened(ROTATED, new).decode() == "Zoë"
    assert (key_id_of(old), key_id_of(new)) == (1, 2)
    assert ROTATED.ids == (2, 1)
    assert ROTATED.primary_id == 2


def test_a_key_that_was_taken_away_is_named():
    with pytest.raises(UnknownKey, match="Field key 1 is not in FIELD_KEYS"):
        opened(NEW, sealed(OLD))


def test_a_key_number_changed_in_the_database_does_not_open():
    value = sealed(OLD)
    with pytest.raises(CannotOpen):
        opened(ROTATED, b"\x00\x02" + value[2:])


@pytest.mark.parametrize("value", [b"", b"\x00"])
def test_a_field_cut_off_before_its_key_number_is_refused(value: bytes):
    with pytest.raises(CannotOpen):
        opened(OLD, value)


def test_a_upn_is_found_under_every_live_key():
    stored = OLD.index_upn("H801200001001")
    assert len(stored) == 18
    assert key_id_of(stored) == 1
    assert stored in ROTATED.live_upn_indexes("H801200001001")
    assert ROTATED.index_upn("H801200001001") == ROTATED.live_upn_indexes("H801200001001")[0]
    assert stored not in ROTATED.live_upn_indexes("H801200001002")
    assert OLD.index_upn(" h801200001001 ") == stored


def test_a_pupil_without_upn_is_found_by_surname_and_birth_date():
    stored = OLD.index_name_and_birth("O'Brien-Müller", date(2015, 3, 1))
    assert len(stored) == 18
    assert stored in ROTATED.live_name_and_birth_indexes("OBRIEN MULLER", date(2015, 3, 1))
    assert stored not in ROTATED.live_name_and_birth_indexes("OBRIEN MULLER", date(2015, 3, 2))
    assert ROTATED.index_name_and_birth("X", date(2015, 3, 1))[:2] == b"\x00\x02"


def test_indexes_tell_nothing_across_purposes_and_installations():
    assert OLD.index_upn("A") != OLD.keyed_hash("index-upn", b"A")[:18]
    assert FieldKeyring.from_text(ONE, deployment="live").index_upn("A") != OLD.index_upn("A")


@pytest.mark.parametrize(
    "written, folded",
    [("Müller", "muller"), ("O’Brien", "obrien"), ("Smith-Jones ", "smithjones"), ("Straße", "strasse"), ("李", "李")],
)
def test_surnames_are_folded_for_comparing(written: str, folded: str):
    assert fold_surname(written) == folded


def test_a_public_key_row_is_as_the_service_wrote_it():
    mac = OLD.authenticate_public_key(EPOCH, kind=KeyKind.EPOCH, owner=SENDER, epoch=1, state="active")
    assert len(mac) == 32
    assert OLD.is_authentic_public_key(mac, EPOCH, kind=KeyKind.EPOCH, owner=SENDER, epoch=1, state="active")
    assert ROTATED.is_authentic_public_key(mac, EPOCH, kind=KeyKind.EPOCH, owner=SENDER, epoch=1, state="active")


def test_a_substituted_public_key_owner_epoch_kind_or_state_is_found():
    mac = OLD.authenticate_public_key(EPOCH, kind=KeyKind.EPOCH, owner=SENDER, epoch=1, state="active")
    other = EpochKey.from_seed(Seed.generate()).public
    mixed = PublicKey(EPOCH.suite, EPOCH.kem_public, other.signing_public)
    good = {"kind": KeyKind.EPOCH, "owner": SENDER, "epoch": 1, "state": "active"}
    changes = [
        (mac, other, {}),
        (mac, mixed, {}),
        (mac, PersonKey.from_seed(Seed(bytes(32))).public, {}),
        (mac, EPOCH, {"owner": OTHER}),
        (mac, EPOCH, {"epoch": 2}),
        (mac, EPOCH, {"kind": KeyKind.PERSON}),
        (mac, EPOCH, {"state": "retired"}),
        (mac[:-1], EPOCH, {}),
        (mac[:-1] + bytes([mac[-1] ^ 1]), EPOCH, {}),
        (b"\x00\x09" + mac[2:], EPOCH, {}),
        (b"", EPOCH, {}),
    ]
    for stored, public, change in changes:
        said = good | change
        assert not OLD.is_authentic_public_key(stored, public, **said)  # type: ignore[arg-type]


def test_attempts_are_counted_under_a_keyed_hash():
    assert len(OLD.hash_address("account:dsl@school.example")) == 32
    assert OLD.hash_address("account:a") == OLD.hash_address("account:a")
    assert OLD.hash_address("account:a") != OLD.hash_address("address:a")
    assert OLD.hash_address("a") != NEW.hash_address("a")
    assert OLD.keyed_hash("request", b"a") != OLD.keyed_hash("other", b"a")


def test_a_keyring_shows_its_numbers_only():
    assert repr(ROTATED) == "FieldKeyring(ids=[2, 1])"


@pytest.mark.parametrize(
    "text, error",
    [
        ("", MalformedText),
        (" , ", MalformedText),
        ("AQEB", MalformedText),
        ("0:" + ONE[2:], MalformedText),
        ("65536:" + ONE[2:], MalformedText),
        ("x:" + ONE[2:], MalformedText),
        ("²:" + ONE[2:], MalformedText),
        (f"{ONE},{ONE}", MalformedText),
        ("1:****", MalformedText),
        ("1:AQEB", WrongLength),
    ],
)
def test_a_setting_that_cannot_be_read_names_itself_and_no_key(text: str, error: type[Exception]):
    with pytest.raises(error, match=r"^FIELD_KEYS: ") as refusal:
        FieldKeyring.from_text(text, deployment="demo")
    assert "AQEB" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_keys_may_stand_on_lines_of_their_own():
    assert FieldKeyring.from_text(f"{TWO}\n{ONE}\n", deployment="demo").ids == (2, 1)
