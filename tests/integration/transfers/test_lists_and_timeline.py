"""Lists, the transfer's page and its timeline: who sees how much."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import event, update

from tests import factories
from tests.cast import Member
from tests.integration.transfers.stage import Stage, everybody
from transfer_service.db import models
from transfer_service.domain.errors import NotFound, PermissionRefused
from transfer_service.domain.transfer import Action, DispatchKind, RejectionReason, Side, Status
from transfer_service.use_cases.transfers import listing, redirecting, timeline, viewing
from transfer_service.use_cases.transfers.listing import Box, Progress


def rows(stage: Stage, member: Member, box: Box, **more: object) -> tuple[listing.TransferRow, ...]:
    with stage.database.reading() as session:
        return listing.list_transfers(session, stage.at, member.actor, box=box, **more).rows  # type: ignore[arg-type]


def view(stage: Stage, member: Member, reference: str) -> viewing.TransferView:
    with stage.database.reading() as session:
        return viewing.get_transfer(session, stage.at, member.actor, reference=reference)


def reference_of(stage: Stage, dispatch_id: UUID) -> str:
    with stage.database.reading() as session:
        return session.get_one(models.Dispatch, dispatch_id).transfer.reference


def test_the_senders_list_names_its_pupils_and_states(stage: Stage) -> None:
    factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    (row,) = rows(stage, stage.ben, Box.OUT)
    assert (row.pupil, row.status, row.kind) == (factories.PUPIL, Status.SENT, DispatchKind.FILE)
    assert row.other_school.name == "Birchwater High School"


@pytest.mark.parametrize("kind", [DispatchKind.FILE, DispatchKind.NIL])
@pytest.mark.parametrize(("status", "progress"), [(Status.SENT, "in_hand"), (Status.ACKNOWLEDGED, "done")])
def test_office_and_head_learn_in_hand_or_done_and_nothing_finer(
    stage: Stage, kind: DispatchKind, status: Status, progress: str
) -> None:
    dispatch_id = factories.dispatch_in(stage, status, sender=stage.alma, receiver=stage.cora, kind=kind)
    reference = reference_of(stage, dispatch_id)
    for member in (stage.edie, stage.cast.hugh):
        (row,) = rows(stage, member, Box.OUT, statuses=frozenset({Status.DRAFT}))
        assert row.progress is Progress(progress)
        assert {row.kind, row.status, row.urgent, row.due_on, row.sent_at, row.acknowledged_at} == {None}
        page = view(stage, member, reference)
        assert (page.progress, page.dispatches, page.newest) == (Progress(progress), (), None)
        for box in (Box.AWAITING, Box.DEALT_WITH):
            with pytest.raises(PermissionRefused):
                rows(stage, member, box)
        with stage.database.reading() as session, pytest.raises(PermissionRefused):
            timeline.list_happenings(session, member.actor, reference=reference)


def test_a_receiving_school_learns_the_name_on_the_cover_sheet_and_not_from_the_list(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    assert [row.pupil for row in rows(stage, stage.cora, Box.AWAITING)] == [None]
    assert view(stage, stage.cora, reference_of(stage, dispatch_id)).pupil is None
    factories.show_cover(stage, stage.cora, dispatch_id)
    assert [row.pupil for row in rows(stage, stage.cora, Box.AWAITING)] == [factories.PUPIL]
    assert view(stage, stage.cora, reference_of(stage, dispatch_id)).pupil == factories.PUPIL


def test_a_draft_is_invisible_to_the_receiving_school_and_everything_to_everybody_else(stage: Stage) -> None:
    draft = factories.draft(stage, stage.alma, stage.cast.receiving)
    sent = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    sees_draft, sees_sent = set(), set()
    for name, member in everybody(stage.cast).items():
        for dispatch_id, sees in ((draft, sees_draft), (sent, sees_sent)):
            try:
                view(stage, member, reference_of(stage, dispatch_id))
            except NotFound:
                continue
            sees.add(name)
    assert sees_draft == {"alma", "ben", "edie", "hugh"}
    assert sees_sent == {"alma", "ben", "edie", "hugh", "cora", "dev"}
    assert len(rows(stage, stage.cora, Box.AWAITING)) == 1
    assert rows(stage, stage.stella, Box.AWAITING) == ()
    with pytest.raises(NotFound):
        rows(stage, stage.cast.olive, Box.OUT)


def test_what_awaits_comes_urgent_first_then_oldest_in_pages_that_miss_and_repeat_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    ids = []
    for urgent in (False, True, False, True, False):
        dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving, urgent=urgent)
        factories.send(stage, stage.alma, dispatch_id)
        stage.clock.move(minutes=5)
        ids.append(dispatch_id)

    def walk(box: Box, member: Member) -> list[UUID]:
        found: list[UUID] = []
        after = None
        while True:
            with stage.database.reading() as session:
                page = listing.list_transfers(session, stage.at, member.actor, box=box, after=after)
            found += [row.dispatch_id for row in page.rows]
            after = page.next
            if after is None:
                return found

    assert walk(Box.AWAITING, stage.cora) == [ids[1], ids[3], ids[0], ids[2], ids[4]]
    assert walk(Box.OUT, stage.alma) == ids[::-1]
    with stage.database.reading() as session:
        assert listing.count_awaiting(session, stage.cora.actor) == 5
        assert listing.count_awaiting(session, stage.edie.actor) == 0
    for bad in ("nonsense", "0-zz-1", "0-1-" + "f" * 31, "1-" + "f" * 40 + "-" + "0" * 32):
        with pytest.raises(NotFound):
            rows(stage, stage.cora, Box.AWAITING, after=bad)


@pytest.mark.parametrize("page_length", [2, 50])
def test_what_awaits_is_counted_in_full_however_short_the_page(stage: Stage, monkeypatch, page_length: int) -> None:
    for _ in range(3):
        factories.draft(stage, stage.alma, stage.cast.receiving)
        factories.send(stage, stage.alma, factories.draft(stage, stage.alma, stage.cast.receiving))
    monkeypatch.setattr(listing, "PAGE", page_length)

    def counts(member: Member, box: Box, status: Status | None, days: int) -> tuple[int, int]:
        today = (stage.at.now() + timedelta(days=days)).date()
        with stage.database.reading() as session:
            statuses = None if status is None else frozenset({status})
            page = listing.list_transfers(session, stage.at, member.actor, box=box, statuses=statuses)
            return listing.tally(session, member.actor, page, box=box, status=status, today=today)

    assert counts(stage.alma, Box.OUT, Status.DRAFT, 0) == (3, 0)
    assert counts(stage.alma, Box.OUT, Status.DRAFT, 30) == (3, 3)
    assert counts(stage.cora, Box.AWAITING, None, 0) == (3, 0)
    assert counts(stage.cora, Box.AWAITING, None, 30) == (3, 3)


def test_what_was_dealt_with_is_a_list_of_its_own_and_can_be_narrowed(stage: Stage) -> None:
    for status in (Status.ACKNOWLEDGED, Status.REJECTED, Status.WITHDRAWN, Status.OPENED):
        factories.dispatch_in(stage, status, sender=stage.alma, receiver=stage.cora)
    found = [row.status for row in rows(stage, stage.dev, Box.DEALT_WITH)]
    assert found == [Status.ACKNOWLEDGED, Status.REJECTED, Status.WITHDRAWN]
    narrowed = rows(stage, stage.dev, Box.DEALT_WITH, statuses=frozenset({Status.REJECTED, Status.OPENED}))
    assert [row.status for row in narrowed] == [Status.REJECTED]
    with stage.database.reading() as session:
        found_next = listing.find_next_awaiting(session, stage.at, stage.stella.actor)
    assert found_next is None


def test_a_damaged_row_breaks_no_list_and_no_page(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    with stage.database.writing() as session:
        session.execute(update(models.Transfer).values(surname=b"\x00\x01damaged"))
    assert [row.pupil for row in rows(stage, stage.alma, Box.OUT)] == [None]
    assert view(stage, stage.alma, reference_of(stage, dispatch_id)).pupil is None


@pytest.mark.parametrize(("count", "box"), [(1, Box.OUT), (12, Box.OUT), (1, Box.AWAITING), (12, Box.AWAITING)])
def test_a_page_of_any_length_takes_one_statement(stage: Stage, count: int, box: Box) -> None:
    for _ in range(count):
        factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)
    statements: list[str] = []
    event.listen(stage.database.engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    found = rows(stage, stage.alma if box is Box.OUT else stage.cora, box)
    selects = [one for one in statements if one.lstrip().upper().startswith("SELECT")]
    assert len(found) == count
    assert len(selects) == 1


def test_the_page_of_a_transfer_takes_as_many_statements_for_one_dispatch_as_for_four(
    stage: Stage, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.REJECTED, sender=stage.alma, receiver=stage.cora)
    reference = reference_of(stage, dispatch_id)

    def ask(member: Member) -> int:
        with stage.database.reading() as session, statements() as made:
            viewing.get_transfer(session, stage.at, member.actor, reference=reference)
            timeline.list_happenings(session, member.actor, reference=reference)
        return len(made)

    at_sender, at_receiver = ask(stage.alma), ask(stage.cora)
    assert (at_sender, at_receiver) == (9, 9)
    for _ in range(3):
        with stage.database.writing() as session:
            dispatch_id = redirecting.redirect(
                session,
                stage.at,
                stage.alma.actor,
                dispatch_id=dispatch_id,
                receiving_school_id=stage.cast.receiving,
                person_key=stage.alma.person_key,
                storage=stage.storage,
            ).dispatch_id
        factories.send_back(stage, stage.cora, dispatch_id)
    assert len(view(stage, stage.alma, reference).dispatches) == 4
    assert (ask(stage.alma), ask(stage.cora)) == (at_sender, at_receiver)


def test_the_page_offers_each_side_what_it_may_do_now(stage: Stage) -> None:
    dispatch_id = factories.dispatch_in(stage, Status.OPENED, sender=stage.alma, receiver=stage.cora)
    reference = reference_of(stage, dispatch_id)
    sending, receiving = view(stage, stage.alma, reference), view(stage, stage.cora, reference)
    assert (sending.side, receiving.side) == (Side.SENDING, Side.RECEIVING)
    assert sending.newest is not None
    assert receiving.newest is not None
    assert sending.newest.actions == ()
    assert receiving.newest.actions == (Action.ACKNOWLEDGE, Action.SEND_BACK)
    assert (receiving.newest.has_opened, sending.newest.sent_by_actor) == (True, True)
    factories.send_back(stage, stage.cora, dispatch_id, reason=RejectionReason.WRONG_PUPIL)
    newest = view(stage, stage.ben, reference).newest
    assert newest is not None
    assert newest.actions == (Action.REDIRECT,)
    assert newest.breach_report_by is not None
    with stage.database.reading() as session:
        assert viewing.find_dispatch(session, stage.alma.actor, reference=reference, number=1) == dispatch_id
        with pytest.raises(NotFound):
            viewing.find_dispatch(session, stage.alma.actor, reference=reference, number=2)


def told(stage: Stage, member: Member, reference: str) -> list[tuple[str | None, str]]:
    with stage.database.reading() as session:
        return [(one.person, one.did) for one in timeline.list_happenings(session, member.actor, reference=reference)]


def test_each_school_is_told_its_own_acts_and_what_both_share(stage: Stage) -> None:
    dispatch_id = factories.draft(stage, stage.alma, stage.cast.receiving)
    factories.send(stage, stage.alma, dispatch_id)
    factories.show_cover(stage, stage.cora, dispatch_id)
    factories.open_dispatch(stage, stage.cora, dispatch_id)
    factories.send_back(stage, stage.dev, dispatch_id)
    reference = reference_of(stage, dispatch_id)
    shared = [
        ("Alma Reyes", "sent the file"),
        ("Cora Whitlock", "confirmed that the pupil is joining"),
        ("Cora Whitlock", "opened the file"),
        ("Dev Anand", "sent it back"),
    ]
    assert told(stage, stage.ben, reference) == [
        ("Alma Reyes", "recorded the transfer"),
        ("Alma Reyes", "began a draft"),
        ("Alma Reyes", "sealed a note"),
        *shared,
        ("Dev Anand", "sent it back after opening: the 72 hours to report the breach began"),
    ]
    assert told(stage, stage.cora, reference) == [
        shared[0],
        ("Cora Whitlock", "looked at the cover sheet"),
        *shared[1:],
    ]
    with stage.database.reading() as session, pytest.raises(NotFound):
        timeline.list_happenings(session, stage.stella.actor, reference=reference)


def test_a_second_receiver_is_told_nothing_of_the_first(stage: Stage) -> None:
    first = factories.dispatch_in(stage, Status.REJECTED, sender=stage.alma, receiver=stage.cora)
    with stage.database.writing() as session:
        redirecting.redirect(
            session,
            stage.at,
            stage.alma.actor,
            dispatch_id=first,
            receiving_school_id=stage.cast.stranger,
            person_key=stage.alma.person_key,
            storage=stage.storage,
        )
    assert told(stage, stage.stella, reference_of(stage, first)) == [("Alma Reyes", "sent it again as a new dispatch")]
