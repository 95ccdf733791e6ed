"""What happened on a transfer, told so that somebody in a hurry reads each thing once."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from transfer_service.domain.events import Event
from transfer_service.use_cases.transfers.timeline import Happening
from transfer_service.web.school.words import tell

AT = datetime(2026, 9, 3, 9, 5, 10, tzinfo=UTC)
DISPATCH = UUID("00000000-0000-7000-8000-000000000001")


def happening(
    event: Event, did: str, *, person: str | None = "Alma Reid", seconds: int = 0, dispatch_id: UUID = DISPATCH
) -> Happening:
    return Happening(
        at=AT + timedelta(seconds=seconds),
        leaf=1,
        event=event,
        did=did,
        person=person,
        school="Oak Lane School",
        dispatch_id=dispatch_id,
        item_id=None,
    )


def said(*happenings: Happening) -> list[tuple[str | None, str]]:
    return [(one.person, one.did) for one in tell(happenings)]


def test_what_one_person_does_several_times_within_a_minute_is_one_line():
    note = happening(Event.NOTE_SEALED, "sealed a note")
    later = happening(Event.NOTE_SEALED, "sealed a note", seconds=20)
    file = happening(Event.ATTACHMENT_SEALED, "sealed an attachment", seconds=30)

    assert said(note, later, file) == [("Alma Reid", "sealed 2 notes"), ("Alma Reid", "sealed an attachment")]
    assert tell([note, later])[0].at == later.at


def test_items_that_are_encrypted_again_are_one_line():
    again = happening(Event.ITEM_REENCRYPTED, "encrypted an item again")

    assert said(again, again) == [
        ("Alma Reid", "encrypted 2 items again under new keys; their contents stayed as they were")
    ]


def test_alerts_to_several_people_are_one_line():
    alert = happening(Event.ALERT_SENT, "An alert was sent", person=None)

    assert said(alert, alert, alert) == [(None, "3 alerts were sent")]
    assert said(alert) == [(None, "An alert was sent")]


def test_another_minute_another_person_or_another_dispatch_is_another_line():
    note = happening(Event.NOTE_SEALED, "sealed a note")

    for other in (
        happening(Event.NOTE_SEALED, "sealed a note", seconds=60),
        happening(Event.NOTE_SEALED, "sealed a note", person="Ben Okoro"),
        happening(Event.NOTE_SEALED, "sealed a note", dispatch_id=UUID(int=2)),
    ):
        assert [one.did for one in tell([note, other])] == ["sealed a note", "sealed a note"]


def test_pages_that_were_looked_at_again_are_one_line():
    read = happening(Event.NOTES_READ, "read the contents")

    assert said(read, read, read) == [("Alma Reid", "read the contents 3 times")]


def test_what_counts_once_is_never_put_together():
    opened = happening(Event.DISPATCH_OPENED, "opened the file")

    assert said(opened, opened) == [("Alma Reid", "opened the file"), ("Alma Reid", "opened the file")]


def test_what_nobody_did_in_person_begins_with_a_capital_letter():
    shredded = happening(Event.DISPATCH_SHREDDED, "shredded the sealed contents", person=None)

    assert said(shredded) == [(None, "Shredded the sealed contents")]
