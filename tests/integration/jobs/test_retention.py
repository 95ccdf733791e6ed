from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from tests import factories
from tests.cast import Service
from tests.integration.jobs.conftest import Setting, events
from transfer_service.db.models import Dispatch, DispatchItem, Item, ItemGrant
from transfer_service.domain.errors import RuleForbids
from transfer_service.domain.transfer import DispatchKind, Status
from transfer_service.jobs.retention import Retention
from transfer_service.use_cases import retention
from transfer_service.use_cases.retention import list_due_for_shredding, shred_dispatch


def acknowledged(setting: Setting, *, filed: bool = True, **more: object) -> UUID:
    dispatch_id = factories.dispatch_in(
        setting, Status.ACKNOWLEDGED, sender=setting.cast.alma, receiver=setting.cast.cora, **more
    )
    if filed:
        change(setting, dispatch_id, exported_at=setting.clock(), filed_at=setting.clock())
    return dispatch_id


def change(setting: Setting, dispatch_id: UUID, **values: object) -> None:
    with setting.database.writing() as session:
        dispatch = session.get_one(Dispatch, dispatch_id)
        for name, value in values.items():
            setattr(dispatch, name, value)


def items_of(setting: Setting, dispatch_id: UUID) -> list[Item]:
    with setting.database.reading() as session:
        return list(session.scalars(select(Item).join(DispatchItem).where(DispatchItem.dispatch_id == dispatch_id)))


def grants_of(setting: Setting, dispatch_id: UUID) -> int:
    with setting.database.reading() as session:
        return session.scalar(select(func.count()).select_from(ItemGrant).where(ItemGrant.dispatch_id == dispatch_id))


def run(setting: Setting) -> str:
    return Retention(database=setting.database, at=setting.at, store=setting.storage).run(lambda: False)


def test_what_was_exported_and_filed_thirty_days_ago_is_shredded(setting: Setting, service: Service):
    dispatch_id = acknowledged(setting, attachments=["genogram.pdf"])
    items = items_of(setting, dispatch_id)
    keys = [item.blob_key for item in items if item.blob_key]
    assert len(keys) == 1
    setting.clock.move(days=29, hours=23)
    assert run(setting) == ""
    assert grants_of(setting, dispatch_id) > 0
    setting.clock.move(hours=1)
    assert run(setting) == "shredded 1"
    assert grants_of(setting, dispatch_id) == 0
    for item in items_of(setting, dispatch_id):
        assert (item.ciphertext, item.blob_key, item.shredded_at) == (None, None, setting.clock())
    assert list(setting.storage.list_keys()) == []
    assert events(service, dispatch_id)[-1] == "dispatch.shredded"
    with setting.database.reading() as session:
        assert session.get_one(Dispatch, dispatch_id).shredded_at == setting.clock()
    assert run(setting) == ""


@pytest.mark.parametrize(
    "missing", [{"exported_at": None}, {"filed_at": None}, {"legal_hold": True}, {"status": Status.OPENED}]
)
def test_without_export_and_filing_or_under_legal_hold_nothing_is_shredded(
    setting: Setting, missing: dict[str, object]
):
    dispatch_id = acknowledged(setting)
    change(setting, dispatch_id, **missing)
    setting.clock.move(days=400)
    assert run(setting) == ""
    with pytest.raises(RuleForbids, match="may not be shredded yet"), setting.database.writing() as session:
        shred_dispatch(session, setting.at, dispatch_id=dispatch_id)
    assert all(item.ciphertext or item.blob_key for item in items_of(setting, dispatch_id))


def test_a_nil_declaration_has_nothing_to_shred(setting: Setting):
    acknowledged(setting, kind=DispatchKind.NIL)
    setting.clock.move(days=31)
    with setting.database.reading() as session:
        assert list_due_for_shredding(session, now=setting.clock()) == []


def share_items(setting: Setting, dispatch_id: UUID, **values: object) -> UUID:
    """Another dispatch that carries the same items, as a redirected one does."""
    other_id = acknowledged(setting, filed=False)
    with setting.database.writing() as session:
        for place in session.scalars(select(DispatchItem).where(DispatchItem.dispatch_id == dispatch_id)).all():
            session.add(DispatchItem(dispatch_id=other_id, item_id=place.item_id, position=100 + place.position))
    change(setting, other_id, **values)
    return other_id


def test_an_item_that_a_live_dispatch_carries_too_keeps_its_ciphertext(setting: Setting):
    dispatch_id = acknowledged(setting)
    share_items(setting, dispatch_id, status=Status.SENT)
    setting.clock.move(days=31)
    assert run(setting) == "shredded 1"
    assert grants_of(setting, dispatch_id) == 0
    assert all(item.ciphertext is not None for item in items_of(setting, dispatch_id))


@pytest.mark.parametrize(
    ("values", "is_kept"),
    [
        ({"status": Status.WITHDRAWN}, False),
        ({"status": Status.REJECTED}, False),
        ({"status": Status.REJECTED, "legal_hold": True}, True),
    ],
)
def test_an_earlier_sending_back_or_withdrawal_keeps_nothing_but_for_a_legal_hold(
    setting: Setting, values: dict[str, object], is_kept: bool
):
    dispatch_id = acknowledged(setting)
    share_items(setting, dispatch_id, **values)
    setting.clock.move(days=31)
    run(setting)
    assert [item.ciphertext is not None for item in items_of(setting, dispatch_id)].count(is_kept) > 0
    assert all((item.ciphertext is not None) is is_kept for item in items_of(setting, dispatch_id))


def test_a_shredding_whose_last_step_fails_changes_nothing(setting: Setting, monkeypatch: pytest.MonkeyPatch):
    dispatch_id = acknowledged(setting)
    setting.clock.move(days=31)

    def fail(*arguments: object, **said: object) -> None:
        raise RuntimeError("at the last step")

    monkeypatch.setattr(retention, "record", fail)
    with pytest.raises(RuntimeError, match="at the last step"):
        run(setting)
    assert grants_of(setting, dispatch_id) > 0
    assert all(item.ciphertext is not None for item in items_of(setting, dispatch_id))


def test_a_hold_that_is_set_meanwhile_is_heeded_and_the_next_is_shredded(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
):
    held, due = acknowledged(setting), acknowledged(setting)
    setting.clock.move(days=31)
    job = Retention(database=setting.database, at=setting.at, store=setting.storage)
    found = job.list_due()
    change(setting, held, legal_hold=True)
    monkeypatch.setattr(Retention, "list_due", lambda self: found)
    assert [one.dispatch_id for one in job.shred_due()] == [due]


def test_a_later_export_begins_the_thirty_days_anew(setting: Setting):
    dispatch_id = acknowledged(setting)
    setting.clock.move(days=20)
    change(setting, dispatch_id, exported_at=setting.clock())
    setting.clock.move(days=20)
    with setting.database.writing() as session:
        assert list_due_for_shredding(session, now=setting.clock()) == []
        with pytest.raises(RuleForbids) as refused:
            shred_dispatch(session, setting.at, dispatch_id=dispatch_id)
    assert refused.value.rule == "not_due_for_shredding"
    setting.clock.move(days=10)
    with setting.database.reading() as session:
        assert list_due_for_shredding(session, now=setting.clock()) == [dispatch_id]


def test_sqlite_keeps_no_copy_of_what_was_shredded(setting: Setting):
    if not setting.database.is_sqlite:
        pytest.skip("PostgreSQL is left to its vacuum")
    dispatch_id = acknowledged(setting)
    path = Path(setting.database.url.removeprefix("sqlite:///"))
    (secret, *_) = [item.ciphertext for item in items_of(setting, dispatch_id) if item.ciphertext]
    # A page holds part of a long value, so look for a piece that no page boundary cuts.
    piece = secret[100:140]

    def is_on_disk() -> bool:
        return any(piece in file.read_bytes() for file in path.parent.glob(f"{path.name}*"))

    assert is_on_disk()
    setting.clock.move(days=31)
    assert run(setting) == "shredded 1"
    assert not is_on_disk()


def test_a_wish_to_stop_is_heard_between_two_dispatches(setting: Setting):
    for _ in range(3):
        acknowledged(setting)
    setting.clock.move(days=30, seconds=1)
    asked: list[bool] = []

    def should_stop() -> bool:
        asked.append(True)
        return len(asked) > 2

    assert Retention(database=setting.database, at=setting.at, store=setting.storage).run(should_stop) == "shredded 2"
