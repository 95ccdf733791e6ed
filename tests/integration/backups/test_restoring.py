import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from tests import factories
from tests.cast import HOME
from tests.integration.backups.conftest import Living
from transfer_service.audit.errors import LogFrozen
from transfer_service.audit.leaf import LeafFields
from transfer_service.audit.log import append
from transfer_service.audit.signer import SignResult
from transfer_service.audit.verify import verify_log
from transfer_service.crypto.peppers import PepperSet
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.db.models import (
    Dispatch,
    DispatchItem,
    Item,
    ItemGrant,
    KeyGrant,
    LogHead,
    LogLeaf,
    Membership,
    Person,
    SignInSession,
    Transfer,
)
from transfer_service.db.session import Database
from transfer_service.domain.roles import MembershipState
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.backups.refusals import AnotherHistory, BackupRefused, LogNotWhole
from transfer_service.use_cases.people.changing_password import change_password
from transfer_service.use_cases.people.memberships import end_membership
from transfer_service.use_cases.people.passwords import PasswordWork
from transfer_service.use_cases.recording import open_detail
from transfer_service.use_cases.transfers.drafting import discard_draft

SECRET = "She must not be collected by Mr Underhill."


def leaves(living: Living) -> int:
    with living.database.reading() as session:
        return session.scalar(select(func.count()).select_from(LogLeaf))


def items_of(living: Living, dispatch_id) -> list[Item]:
    with living.database.reading() as session:
        return list(session.scalars(select(Item).join(DispatchItem).where(DispatchItem.dispatch_id == dispatch_id)))


def grants_of(living: Living, dispatch_id) -> int:
    with living.database.reading() as session:
        return session.scalar(select(func.count()).select_from(ItemGrant).where(ItemGrant.dispatch_id == dispatch_id))


def log_holds(living: Living) -> bool:
    with living.database.reading() as session:
        report = verify_log(
            session, keys=[living.key.verifier], open_sealed=lambda idx, sealed: open_detail(living.at, idx, sealed)
        )
    assert report.problems == []
    return report.holds


def codes(report) -> list[str]:
    return [problem.code for problem in report.problems]


def test_a_backup_comes_back_whole_in_an_empty_database_and_files_open(living: Living, elsewhere: Living):
    dispatch_id = factories.dispatch_in(
        living, Status.SENT, sender=living.cast.alma, receiver=living.cast.cora, attachments=["genogram.pdf"]
    )
    living.sign()
    made = living.back_up()
    assert (made.blobs, made.absent, made.altered) == (1, 0, 0)
    assert made.leaves == made.signed_leaves + 1
    report = elsewhere.restore()
    assert report.is_open
    assert (report.blobs, report.blobs_absent, report.leaves_from_exports, report.lost) == (1, 0, 0, ())
    assert elsewhere.events() == [*living.events(), "restored"]
    assert elsewhere.sign().result is SignResult.SIGNED
    assert log_holds(elsewhere)
    factories.show_cover(elsewhere, living.cast.cora, dispatch_id)
    factories.open_dispatch(elsewhere, living.cast.cora, dispatch_id)
    factories.acknowledge(elsewhere, living.cast.cora, dispatch_id)


def test_a_backup_restored_after_ten_more_acts_two_of_them_shredding_brings_nothing_shredded_back(
    living: Living, elsewhere: Living
):
    cast = living.cast
    shredded = [living.acknowledged(attachments=["genogram.pdf"]), living.acknowledged()]
    sent = factories.dispatch_in(living, Status.SENT, sender=cast.alma, receiver=cast.cora)
    draft = factories.draft(living, cast.alma, cast.receiving)
    living.sign()
    living.back_up()
    before = leaves(living)
    living.clock.move(days=31)
    assert sorted(living.shred_due()) == sorted(shredded)
    factories.withdraw(living, cast.alma, sent)
    factories.send(living, cast.alma, draft)
    factories.draft(living, cast.alma, cast.receiving)
    with living.database.writing() as session:
        end_membership(session, living.at, cast.alma.actor, membership_id=cast.ben.membership_id)
    assert leaves(living) - before >= 10
    living.sign()
    newer = living.export()
    report = elsewhere.restore(exports=(newer,))
    assert report.is_open
    assert report.leaves_from_exports == leaves(living) - before
    for dispatch_id in shredded:
        assert grants_of(elsewhere, dispatch_id) == 0
        for item in items_of(elsewhere, dispatch_id):
            assert (item.ciphertext, item.blob_key) == (None, None)
            assert item.shredded_at is not None
    assert list(elsewhere.storage.list_keys()) == []
    assert report.replayed["dispatch.shredded"] == 2
    assert report.replayed["dispatch.withdrawn"] == 1
    assert report.replayed["membership.ended"] == 1
    with elsewhere.database.reading() as session:
        assert session.get_one(Dispatch, sent).status is Status.WITHDRAWN
        assert session.get_one(Membership, cast.ben.membership_id).state is MembershipState.ENDED
        assert session.scalars(select(KeyGrant).where(KeyGrant.grantee_id == cast.ben.person_id)).all() == []
        assert session.get_one(Dispatch, draft).status is Status.DRAFT
    lost = {of_place.name: [act.event for act in of_place.acts] for of_place in report.lost}
    assert "Birchwater High School" not in lost, "what was shredded is shredded again: nothing of it is lost"
    assert "dispatch.sent" in lost["Alderford Primary School"]
    assert "transfer.created" in lost["Alderford Primary School"]
    assert elsewhere.sign().result is SignResult.SIGNED
    assert log_holds(elsewhere)


def test_a_database_that_missed_signed_leaves_is_refused_and_stays_empty(living: Living, elsewhere: Living):
    living.back_up()
    factories.draft(living, living.cast.alma, living.cast.receiving)
    living.sign()
    with pytest.raises(LogNotWhole, match="--successor") as refused:
        elsewhere.restore()
    assert refused.value.known == leaves(living)
    with elsewhere.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 0
        assert session.scalar(select(LogHead.size)) == 0


def test_without_the_signers_memory_a_checkpoint_from_outside_must_be_given(living: Living, elsewhere: Living):
    living.sign()
    living.back_up()
    note = (living.export() / "checkpoint").read_bytes()
    living.state_file.unlink()
    with pytest.raises(BackupRefused, match="--checkpoint"):
        elsewhere.restore()
    assert elsewhere.restore(checkpoints=(note,)).is_open
    assert elsewhere.sign().result is SignResult.SIGNED
    assert log_holds(elsewhere)


def test_a_checkpoint_from_outside_that_is_newer_than_the_backup_is_not_passed_over(living: Living, elsewhere: Living):
    living.sign()
    living.back_up()
    factories.draft(living, living.cast.alma, living.cast.receiving)
    living.sign()
    newer = living.export()
    note = (newer / "checkpoint").read_bytes()
    living.state_file.unlink()
    with pytest.raises(LogNotWhole):
        elsewhere.restore(checkpoints=(note,))
    assert elsewhere.restore(checkpoints=(note,), exports=(newer,)).is_open


def test_an_export_whose_leaves_are_not_those_that_were_signed_is_refused(living: Living, elsewhere: Living):
    living.sign()
    living.back_up()
    factories.draft(living, living.cast.alma, living.cast.receiving)
    living.sign()
    newer = living.export()
    entries = newer / "entries" / "000000000.jsonl"
    lines = entries.read_text().splitlines()
    changed = json.loads(lines[-1])
    changed["subject"] = "00000000-0000-0000-0000-000000000001"
    lines[-1] = json.dumps(changed, sort_keys=True, separators=(",", ":"))
    entries.write_text("\n".join(lines) + "\n")
    with pytest.raises(AnotherHistory, match="signer's state file"):
        elsewhere.restore(exports=(newer,))


def test_details_that_no_export_holds_are_named_as_gone_so_that_the_log_verifies(living: Living, elsewhere: Living):
    sent = factories.dispatch_in(living, Status.SENT, sender=living.cast.alma, receiver=living.cast.cora)
    living.sign()
    living.back_up()
    factories.withdraw(living, living.cast.alma, sent)
    living.sign()
    report = elsewhere.restore(exports=(living.export(with_sealed=False),))
    assert report.is_open
    assert report.details_lost == 1
    assert "detail.erased" in elsewhere.events()
    assert log_holds(elsewhere)


def test_a_file_that_was_damaged_or_added_is_found_before_anything_is_loaded(living: Living, elsewhere: Living):
    living.sign()
    living.back_up()
    rows = living.folder / "backup" / "tables" / "school.jsonl"
    whole = rows.read_bytes()
    rows.write_bytes(whole.replace(b"Alderford", b"Alderfort"))
    with pytest.raises(BackupRefused, match=r"tables/school\.jsonl"):
        elsewhere.restore()
    rows.write_bytes(whole)
    (living.folder / "backup" / "tables" / "more.jsonl").write_text("{}\n")
    with pytest.raises(BackupRefused, match=r"tables/more\.jsonl"):
        elsewhere.restore()


def test_an_unfinished_backup_is_none(living: Living, elsewhere: Living):
    living.back_up()
    (living.folder / "backup" / "backup.json").unlink()
    with pytest.raises(BackupRefused, match="not finished"):
        elsewhere.restore()


def test_a_database_that_was_used_is_not_overwritten(living: Living):
    living.back_up()
    before = leaves(living)
    with pytest.raises(BackupRefused, match="not empty"):
        living.restore()
    assert leaves(living) == before


def test_a_restore_whose_log_does_not_hold_stays_frozen_and_nothing_can_be_done(
    living: Living, elsewhere: Living, monkeypatch: pytest.MonkeyPatch
):
    living.sign()
    living.back_up()
    monkeypatch.setattr("transfer_service.use_cases.backups.restoring.verify_log", altered_log)
    report = elsewhere.restore()
    assert not report.is_open
    assert codes(report) == ["leaf.altered"]
    with pytest.raises(LogFrozen), elsewhere.database.writing() as session:
        append(session, leaf=LeafFields(event="notes.read"), now=living.clock())


def altered_log(session, **given):
    report = verify_log(session, **given)
    report.add("leaf.altered", 3, "Leaf 3 was altered.")
    return report


def test_passwords_changed_after_the_backup_open_nothing_again(living: Living, elsewhere: Living):

    alma = living.cast.alma
    living.sign()
    living.back_up()
    change_password(
        living.database, living.at, PasswordWork(PepperSet({1: b"\x02" * 32})), alma.actor,
        old_password=alma.password, new_password="nine patient herons wade upstream", device=HOME,
    )  # fmt: skip
    living.sign()
    report = elsewhere.restore(exports=(living.export(),))
    assert report.replayed["password.changed"] == 1
    with elsewhere.database.reading() as session:
        assert session.get_one(Person, alma.person_id).password_verifier == bytes(32)


def test_nobody_is_signed_in_after_a_restore(living: Living, elsewhere: Living):
    living.back_up()
    elsewhere.restore()
    with living.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(SignInSession)) > 0
    with elsewhere.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(SignInSession)) == 0


def test_no_key_and_no_word_of_a_note_is_in_a_backup(living: Living):
    note = factories.a_note(SECRET)
    draft = factories.empty_draft(living, living.cast.alma, living.cast.receiving)
    factories.add_note(living, living.cast.alma, draft, note)
    factories.send(living, living.cast.alma, draft)
    living.sign()
    living.back_up()
    whole = b"".join(path.read_bytes() for path in (living.folder / "backup").rglob("*") if path.is_file())
    for secret in (SECRET.encode(), b"Underhill", b"O'Brien", (b"\x07" * 32), living.cast.alma.password.encode()):
        assert secret not in whole
    assert b"BwcHBwcHBwcHBwcH" not in whole
    assert (living.folder / "backup").stat().st_mode & 0o077 == 0


def test_a_discarded_draft_does_not_come_back(living: Living, elsewhere: Living):

    alma = living.cast.alma
    draft = factories.draft(living, alma, living.cast.receiving)
    living.sign()
    living.back_up()
    with living.database.writing() as session:
        discard_draft(session, living.at, alma.actor, dispatch_id=draft)
    living.sign()
    report = elsewhere.restore(exports=(living.export(),))
    assert report.replayed["dispatch.discarded"] == 1
    with elsewhere.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Transfer)) == 0
        assert session.scalar(select(func.count()).select_from(Item)) == 0


def test_a_backup_of_another_installation_or_log_is_refused(
    living: Living, elsewhere: Living, new_database: Callable[[], Database]
):

    living.sign()
    living.back_up()
    other_key = LogSigningKey(name="other.example/log", seed=b"\x08" * 32)
    with pytest.raises(BackupRefused, match="another log"):
        elsewhere.restore(key=other_key)
    with pytest.raises(BackupRefused, match="another installation"):
        replace(elsewhere, at=replace(living.at, deployment="other")).restore()
    with pytest.raises(BackupRefused, match="revision"):
        elsewhere.restore(revision="0002")
