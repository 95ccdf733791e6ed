"""Decrypted contents for a page: opened in a reading transaction, recorded in a writing one, and shown only then."""

from __future__ import annotations

from itertools import groupby
from uuid import UUID

from transfer_service.domain.notes import NOTE_CATEGORY_LABELS, WITHHELD_REASON_LABELS, WithheldReason
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.use_cases.transfers.reading import Contents, prepare_reading, record_reading
from transfer_service.use_cases.transfers.unsealing import Part
from transfer_service.web.school.acting import acting


def read_contents(dispatch_id: UUID, *, only: UUID | None = None) -> Contents:
    """What a dispatch holds, for the actor; the leaf that says so is committed when this returns."""
    me = acting()
    with me.database.reading() as session:
        prepared = prepare_reading(
            session,
            me.at,
            me.actor,
            dispatch_id=dispatch_id,
            person_key=open_person_key(session, me.at, cookie=me.cookie),
            storage=me.equipment.storage,
            only=only,
        )
    with me.database.writing() as session:
        return record_reading(session, me.at, me.actor, prepared)


def by_date(contents: Contents) -> list[tuple[str, list[Part]]]:
    """The notes that open as one chronology, the oldest first."""
    opened = [(part.note.dated_on, part) for part in contents.notes if part.note is not None]
    return [("", [part for _, part in sorted(opened, key=lambda one: one[0])])] if opened else []


def by_category(contents: Contents) -> list[tuple[str, list[Part]]]:
    """The notes that open, by category in the order of the list and then by date; what does not open stands apart."""
    order = list(NOTE_CATEGORY_LABELS)
    opened = sorted(
        (part for part in contents.notes if part.note is not None),
        key=lambda part: (order.index(part.note.category), part.note.dated_on) if part.note else (0, None),
    )
    grouped = groupby(opened, key=lambda part: part.note.category if part.note else order[-1])
    return [(NOTE_CATEGORY_LABELS[category], list(parts)) for category, parts in grouped]


def say_withheld(reason: str) -> str:
    """Why something was left out, in words; what another version wrote is shown as it is."""
    try:
        return WITHHELD_REASON_LABELS[WithheldReason(reason)]
    except ValueError:
        return reason
