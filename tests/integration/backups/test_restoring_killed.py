"""A restore that dies at any of its steps: nothing half-restored is ever used, and the next attempt is whole."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from tests import factories
from tests.integration.backups.conftest import Living
from tests.integration.backups.test_restoring import grants_of, items_of, log_holds
from transfer_service.audit.errors import LogFrozen
from transfer_service.audit.leaf import LeafFields
from transfer_service.audit.log import append
from transfer_service.audit.signer import SignResult
from transfer_service.db.models import LogHead, Person, School
from transfer_service.db.session import Database
from transfer_service.domain.transfer import Status
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.backups import restoring
from transfer_service.use_cases.backups.refusals import BackupRefused


class Killed(BaseException):
    """The process is gone: nothing that tidies up runs but what the database does by itself."""


BEFORE_THE_COMMIT = ["load_leaves", "replay_deletions", "load_blobs", "settle_school_keys"]
AFTER_THE_COMMIT = ["adopt_state", "verify_log", "examine", "record"]


def kill_after(monkeypatch: pytest.MonkeyPatch, step: str) -> pytest.MonkeyPatch:
    """Let a step be done, and the process die right after it."""
    whole = getattr(restoring, step)

    def die(*given, **named):
        whole(*given, **named)
        raise Killed

    monkeypatch.setattr(restoring, step, die)
    return monkeypatch


@pytest.fixture
def backed_up(living: Living) -> Living:
    """A backup, after which one file was shredded; another one with an attachment is to come back."""
    cast = living.cast
    shredded = living.acknowledged(attachments=["genogram.pdf"])
    kept = factories.dispatch_in(
        living, Status.SENT, sender=cast.alma, receiver=cast.cora, attachments=["genogram.pdf"]
    )
    living.sign()
    living.back_up()
    living.clock.move(days=31)
    assert living.shred_due() == [shredded]
    living.sign()
    living.export()
    living.dispatches.update(shredded=shredded, kept=kept)
    return living


def restore(living: Living):
    return living.restore(exports=(living.folder / "export",))


def check_is_restored(living: Living, backed_up: Living) -> None:
    assert living.sign().result is SignResult.SIGNED
    assert log_holds(living)
    assert grants_of(living, backed_up.dispatches["shredded"]) == 0
    assert {item.ciphertext for item in items_of(living, backed_up.dispatches["shredded"])} == {None}
    factories.open_dispatch(living, living.cast.cora, backed_up.dispatches["kept"])


@pytest.mark.parametrize("step", BEFORE_THE_COMMIT)
def test_a_restore_that_dies_before_its_commit_leaves_the_database_empty_and_is_begun_again(
    backed_up: Living, elsewhere: Living, monkeypatch: pytest.MonkeyPatch, step: str
):
    with monkeypatch.context() as broken, pytest.raises(Killed):
        kill_after(broken, step)
        restore(elsewhere)
    with elsewhere.database.reading() as session:
        counts = [session.scalar(select(func.count()).select_from(model)) for model in (Person, School)]
        head = session.scalars(select(LogHead)).one()
    assert counts == [0, 0]
    assert (head.size, head.frozen) == (0, False)
    assert restore(elsewhere).is_open
    check_is_restored(elsewhere, backed_up)


@pytest.mark.parametrize("step", AFTER_THE_COMMIT)
def test_a_restore_that_dies_before_the_freeze_is_lifted_stays_frozen_and_is_begun_again_in_a_new_database(
    backed_up: Living, new_database: Callable[[], Database], monkeypatch: pytest.MonkeyPatch, step: str
):
    if step == "adopt_state":
        backed_up.state_file.unlink()
    note = (backed_up.folder / "export" / "checkpoint").read_bytes()
    first = backed_up.restored(new_database())
    with monkeypatch.context() as broken, pytest.raises(Killed):
        kill_after(broken, step)
        first.restore(exports=(backed_up.folder / "export",), checkpoints=(note,))
    with pytest.raises(LogFrozen, match="Run restore again"), first.database.writing() as session:
        append(session, leaf=LeafFields(event="notes.read"), now=first.clock())
    with pytest.raises(BackupRefused, match="not empty"):
        restore(first)
    second = backed_up.restored(new_database())
    assert second.restore(exports=(backed_up.folder / "export",), checkpoints=(note,)).is_open
    check_is_restored(second, backed_up)


def test_a_store_that_fails_in_the_middle_of_a_sealed_item_leaves_no_half_of_it(
    backed_up: Living, elsewhere: Living, monkeypatch: pytest.MonkeyPatch
):
    whole = Storage.put_new

    def put_half(self, key, chunks):
        def half():
            yield next(iter(chunks))[:100]
            raise OSError(28, "No space left on device")

        return whole(self, key, half())

    with monkeypatch.context() as broken, pytest.raises(OSError, match="No space left"):
        broken.setattr(Storage, "put_new", put_half)
        restore(elsewhere)
    assert list(elsewhere.storage.list_keys()) == []
    assert restore(elsewhere).is_open
    check_is_restored(elsewhere, backed_up)


def test_a_backup_that_dies_in_the_middle_is_not_taken_for_one(
    living: Living, elsewhere: Living, monkeypatch: pytest.MonkeyPatch
):
    from transfer_service.use_cases.backups import making

    def die(*_given: object) -> None:
        raise Killed

    with monkeypatch.context() as broken, pytest.raises(Killed):
        broken.setattr(making, "write_list", die)
        living.back_up()
    with pytest.raises(BackupRefused, match="not finished"):
        elsewhere.restore()
    with pytest.raises(BackupRefused, match="not empty"):
        living.back_up()
    living.back_up("another")
    living.sign()
    assert elsewhere.restore(backup="another").is_open
