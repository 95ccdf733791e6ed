"""Schools of two authorities and dispatches in any state, written as rows: for tests that look at counting alone."""

import itertools
import random
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy import insert

from transfer_service.db.models import (
    Alert,
    Authority,
    Dispatch,
    DispatchItem,
    Item,
    Membership,
    Person,
    School,
    Transfer,
)
from transfer_service.domain.alerts import AlertState
from transfer_service.domain.compliance import DispatchFacts
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.roles import MembershipState, Role
from transfer_service.domain.transfer import DispatchKind, RejectionReason, Status, TransferKind

TODAY = date(2026, 10, 15)
NOW = datetime(2026, 10, 15, 9, tzinfo=UTC)


class Rows:
    """What was written, and the facts of each dispatch by its transfer."""

    def __init__(self, session) -> None:
        self.session, self.ids = session, itertools.count(1)
        self.authorities = [self._authority("937"), self._authority("331")]
        self.schools = [self._school(place, closed=False) for place in (0, 0, 0, 1)]
        self.closed = self._school(0, closed=True)
        self.facts: dict[UUID, list[DispatchFacts]] = {}
        self.sender_of: dict[UUID, UUID] = {}
        self.received: list[tuple[UUID, DispatchFacts]] = []

    def new_id(self) -> UUID:
        return UUID(int=next(self.ids))

    def _authority(self, la_code: str) -> UUID:
        found = Authority(id=self.new_id(), la_code=la_code, name=la_code)
        self.session.add(found)
        self.session.flush()
        return found.id

    def _school(self, place: int, *, closed: bool) -> UUID:
        number = next(self.ids)
        school = School(
            id=self.new_id(),
            authority_id=self.authorities[place],
            urn=f"{100000 + number}",
            la_code="937",
            name=f"School {number}",
            search_name=f"school {number}",
            status="Closed" if closed else "Open",
        )
        self.session.add(school)
        self.session.flush()
        return school.id

    def lead(self, school: UUID) -> None:
        """Give a school an active deputy."""
        person = self.new_id()
        self.session.add(Person(id=person, email=f"{person}@example.org", name="", created_at=NOW))
        self.session.flush()
        membership = Membership(
            id=person,
            person_id=person,
            school_id=school,
            role=Role.DEPUTY_DSL,
            state=MembershipState.ACTIVE,
            created_at=NOW,
        )
        self.session.add(membership)
        self.session.flush()

    def transfer(self, sender: UUID) -> UUID:
        made, number = self.new_id(), next(self.ids)
        self.session.execute(
            insert(Transfer),
            {
                "id": made, "reference": f"PT-{number}", "sending_school_id": sender, "kind": TransferKind.IN_YEAR,
                "leaving_on": date(2026, 9, 4), "created_at": NOW, "created_by": made, "forename": b"", "surname": b"",
                "date_of_birth": b"", "upn_choice": "none", "name_index": b"",
            },
        )  # fmt: skip
        self.facts[made], self.sender_of[made] = [], sender
        return made

    def dispatch(self, transfer: UUID, receiver: UUID, facts: DispatchFacts, *, hour: int) -> None:
        made = self.new_id()

        def at(day: date | None) -> datetime | None:
            return None if day is None else datetime(day.year, day.month, day.day, hour, 30, tzinfo=UTC)

        self.session.execute(
            insert(Dispatch),
            {
                "id": made, "transfer_id": transfer, "number": len(self.facts[transfer]) + 1, "kind": facts.kind,
                "status": facts.status, "receiving_school_id": receiver, "urgent": False, "due_on": facts.due_on,
                "receiver_due_on": facts.receiver_due_on, "created_at": NOW, "created_by": made,
                "sent_at": at(facts.sent_on), "opened_at": at(facts.opened_on),
                "acknowledged_at": at(facts.acknowledged_on), "rejection_reason": facts.rejection_reason,
                "legal_hold": False,
            },
        )  # fmt: skip
        if facts.alert_bounced:
            self._alert(made, receiver, "dispatch.arrived", AlertState.GIVEN_UP)
        if facts.item_unreadable:
            self._alert(made, None, "item.unreadable", AlertState.SENT)
            self._unopened_item(transfer, made)
        self.facts[transfer].append(facts)
        self.received.append((receiver, facts))

    def _alert(self, dispatch: UUID, school: UUID | None, kind: str, state: AlertState) -> None:
        self.session.execute(
            insert(Alert),
            {
                "id": self.new_id(), "kind": kind, "address": "a@example.org", "organisation_id": school,
                "dispatch_id": dispatch, "state": state, "created_at": NOW, "not_before": NOW, "attempts": 1,
            },
        )  # fmt: skip

    def _unopened_item(self, transfer: UUID, dispatch: UUID) -> None:
        item = self.new_id()
        self.session.execute(
            insert(Item),
            {
                "id": item, "transfer_id": transfer, "sender_id": self.sender_of[transfer], "kind": ItemKind.NOTE,
                "revision": 1, "ciphertext": b"x", "ciphertext_length": 1, "ciphertext_sha256": b"x",
                "commitment": b"x", "content_digest": b"x", "size_bucket": 1, "created_at": NOW, "created_by": item,
            },
        )  # fmt: skip
        self.session.execute(insert(DispatchItem), {"dispatch_id": dispatch, "item_id": item, "position": 0})


def any_facts(chosen: random.Random, *, has_dsl: bool, closed: bool) -> DispatchFacts:
    """Facts that may stand together, chosen at random."""
    status = chosen.choice(list(Status))
    kind = chosen.choice([DispatchKind.FILE, DispatchKind.FILE, DispatchKind.NIL])
    if kind is DispatchKind.NIL and status in (Status.WAITING, Status.OPENED):
        status = Status.SENT
    due = chosen.choice([None, *(TODAY + timedelta(days=by) for by in (-40, -29, -28, -1, 0, 5))])
    sent = None
    if status is not Status.DRAFT:
        sent = (due or date(2026, 9, 10)) + timedelta(days=chosen.choice((-3, 0, 1)))
    receiver_due = None if sent is None or status is Status.WAITING else sent + timedelta(days=chosen.choice((0, 7)))
    acknowledged = None
    if status is Status.ACKNOWLEDGED and sent is not None:
        acknowledged = sent + timedelta(days=chosen.choice((0, 7, 8)))
    return DispatchFacts(
        kind=kind,
        status=status,
        due_on=due,
        sent_on=sent,
        receiver_due_on=receiver_due,
        opened_on=sent if status in (Status.OPENED, Status.ACKNOWLEDGED) else None,
        acknowledged_on=acknowledged,
        rejection_reason=chosen.choice(list(RejectionReason)) if status is Status.REJECTED else None,
        receiver_has_dsl=has_dsl,
        receiver_closed=closed,
        alert_bounced=chosen.random() < 0.2,
        item_unreadable=chosen.random() < 0.2,
    )
