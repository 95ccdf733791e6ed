"""A restore of what was encrypted again, before or after the backup: everything opens, and the log says why."""

from dataclasses import replace
from uuid import UUID

import pytest

from tests import factories
from tests.cast import Member
from tests.integration.backups.conftest import KEY, Living
from tests.integration.backups.test_restoring import items_of, log_holds
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.backups import making
from transfer_service.use_cases.keys.epochs import make_next_epoch
from transfer_service.use_cases.keys.holding import open_school_keys
from transfer_service.use_cases.keys.reencryption import reencrypt_all

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)


def encrypt_again(living: Living, member: Member) -> None:
    living.clock.move(minutes=1)
    with living.database.writing() as session:
        keys = open_school_keys(session, living.at, member.actor, member.person_key)
        make_next_epoch(session, living.at, member.actor, school_keys=keys)
    done = reencrypt_all(living.database, living.at, member.actor, person_key=member.person_key, storage=living.storage)
    assert (done.done, done.left) == (3, 0)


def opens(living: Living, member: Member, dispatch_id: UUID) -> bool:
    contents = factories.contents(living, member, dispatch_id)
    return contents.failure is None and [part.failure for part in contents.parts] == [None, None]


@pytest.fixture
def kept(living: Living) -> UUID:
    return factories.dispatch_in(
        living,
        Status.ACKNOWLEDGED,
        sender=living.cast.alma,
        receiver=living.cast.cora,
        attachments=["genogram.pdf"],
    )


def test_what_was_encrypted_again_before_the_backup_comes_back_so(living: Living, elsewhere: Living, kept: UUID):
    encrypt_again(living, living.cast.cora)
    living.sign()
    living.back_up()
    assert elsewhere.restore().is_open
    assert elsewhere.events().count("item.reencrypted") == 3
    assert "item.reverted" not in elsewhere.events()
    assert opens(elsewhere, living.cast.alma, kept)
    assert opens(elsewhere, living.cast.cora, kept)


def test_what_was_encrypted_again_after_the_backup_stands_as_before_and_its_school_hears_of_it(
    living: Living, elsewhere: Living, kept: UUID
):
    living.sign()
    living.back_up()
    encrypt_again(living, living.cast.cora)
    living.sign()
    report = elsewhere.restore(exports=(living.export(),))
    assert report.is_open
    assert elsewhere.events().count("item.reverted") == 3
    lost = {of_place.name: [act.event for act in of_place.acts] for of_place in report.lost}
    assert lost["Birchwater High School"].count("item.reencrypted") == 3
    assert {item.revision for item in items_of(elsewhere, kept)} == {1}
    assert opens(elsewhere, living.cast.alma, kept)
    assert log_holds(elsewhere)


def test_an_older_backup_and_then_a_newer_one_agree_with_the_log_each_time(
    living: Living, elsewhere: Living, new_database, kept: UUID
):
    living.sign()
    living.back_up("older")
    encrypt_again(living, living.cast.cora)
    living.sign()
    living.back_up("newer")
    living.sign()
    assert elsewhere.restore("older", exports=(living.export(),)).is_open
    elsewhere.sign()
    third = living.restored(new_database(), "third")
    assert third.restore("newer", exports=(elsewhere.export("second-export"),)).is_open
    assert {item.revision for item in items_of(third, kept)} == {2}
    assert third.events().count("item.reencrypted") == 6
    assert opens(third, living.cast.alma, kept)


def test_under_a_successor_of_the_log_it_opens_as_well(living: Living, elsewhere: Living, kept: UUID):
    encrypt_again(living, living.cast.cora)
    living.sign()
    living.back_up()
    living.sign()
    successor = replace(elsewhere, key=LogSigningKey(name="transfer.example/log-2", seed=b"\x09" * 32))
    report = successor.restore(
        is_successor=True,
        keys=[KEY.verifier],
        checkpoints=((living.export() / "checkpoint").read_bytes(),),
        state_file=living.folder / "signer" / "successor.json",
    )
    assert report.is_open
    assert successor.events().count("item.reencrypted") == 3
    assert opens(successor, living.cast.alma, kept)
    assert opens(successor, living.cast.cora, kept)


@pytest.mark.parametrize(("when", "revision"), [("export_log", 2), ("_facts_of", 1)])
def test_what_is_encrypted_again_while_a_backup_is_made_is_in_it_as_the_rows_say(
    living: Living, elsewhere: Living, kept: UUID, monkeypatch: pytest.MonkeyPatch, *, when: str, revision: int
):
    real = getattr(making, when)

    def meanwhile(*given, **named):
        monkeypatch.undo()
        encrypt_again(living, living.cast.cora)
        return real(*given, **named)

    living.sign()
    monkeypatch.setattr(making, when, meanwhile)
    made = living.back_up()
    assert (made.blobs, made.absent, made.altered) == (1, 0, 0)
    living.sign()
    assert elsewhere.restore(exports=(living.export(),)).is_open
    assert opens(elsewhere, living.cast.alma, kept)
    assert {item.revision for item in items_of(elsewhere, kept)} == {revision}
