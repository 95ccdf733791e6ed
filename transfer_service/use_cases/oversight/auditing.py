"""What an authority reads of the log: page by page or one transfer's whole story, in plain words.

Each look is in the log before anything is shown. What stands beside a leaf is not shown here: it may name people whom
the reader need not know, and everything that is told comes from the leaf itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.audit.errors import LeafMalformed
from transfer_service.audit.leaf import Leaf, decode_leaf
from transfer_service.db.models import LogLeaf
from transfer_service.db.queries import log as queries
from transfer_service.db.queries import log_pages, oversight_lists
from transfer_service.db.queries.log import Names, Wanted
from transfer_service.domain.dates import LONDON
from transfer_service.domain.errors import Invalid, NotFound
from transfer_service.domain.event_words import BASIS_WORDS, EVENT_WORDS
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.oversight import PAGE_LENGTH
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor, authority_of
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.oversight.looking import Look, check_look, record_look
from transfer_service.use_cases.oversight.scope import get_own_school

# Of another authority's half of a move: what both schools learn of each other, without who did it.
_SHARED: Final = frozenset(
    {
        Event.DISPATCH_SENT,
        Event.DISPATCH_WAITING,
        Event.DISPATCH_DELIVERED,
        Event.DISPATCH_UNDELIVERED,
        Event.DISPATCH_REDIRECTED,
        Event.DISPATCH_WITHDRAWN,
        Event.DISPATCH_OPENED,
        Event.DISPATCH_ACKNOWLEDGED,
        Event.DISPATCH_REJECTED,
        Event.NIL_DECLARED,
        Event.NIL_ACKNOWLEDGED,
        Event.DISPATCH_SHREDDED,
    }
)
_EVENTS: Final = frozenset(Event)
_BASES: Final = frozenset(Basis)
THE_SERVICE: Final = "The service"
SOMEBODY: Final = "Somebody"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """What is looked for; days are days in England, both included. `before` is the index that a page ends before."""

    urn: str | None = None
    person_id: UUID | None = None
    reference: str | None = None
    event: Event | None = None
    from_on: date | None = None
    to_on: date | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the log in plain words: when, who, for whom, what, why. `idx` is its place in the log."""

    idx: int
    at: datetime
    who: str
    place: str
    did: str
    why: str
    reference: str | None
    is_damaged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """One page of entries, the newest first; `next_before` is None on the last. The names are of the filters."""

    entries: tuple[Entry, ...]
    next_before: int | None
    school_name: str | None
    person_name: str | None


def find_query(
    session: Session,
    actor: Actor,
    *,
    urn: str | None,
    email: str | None,
    reference: str | None,
    event: Event | None,
    from_on: date | None,
    to_on: date | None,
) -> AuditQuery:
    """Turn what was typed into a query; raises Invalid, by field, for what is not of the actor's authority.

    A person is looked up by e-mail address once and by id from then on, so that no address of a page holds a mail
    address.
    """
    authority_id = authority_of(actor)
    problems: dict[str, list[str]] = {}
    person = queries.find_person_by_email(session, email=email, authority_id=authority_id) if email else None
    if email and person is None:
        problems["email"] = ["Nobody with this address belongs to your authority or its schools. Check the address"]
    if urn and oversight_lists.find_school(session, urn=urn, authority_id=authority_id) is None:
        problems["school"] = ["Choose a school of your authority from the list"]
    if reference and oversight_lists.find_transfer(session, reference=reference, authority_id=authority_id) is None:
        problems["reference"] = ["No transfer of your schools has this reference. Check each letter and number"]
    if from_on and to_on and to_on < from_on:
        problems["to_on"] = ["Last day must be the same as or after the first day"]
    if problems:
        raise Invalid(problems)
    return AuditQuery(
        urn=urn,
        person_id=person.id if person else None,
        reference=reference,
        event=event,
        from_on=from_on,
        to_on=to_on,
    )


def look_at_log(session: Session, at: Installation, actor: Actor, *, query: AuditQuery) -> Look:
    """Record that the actor looks at the log, and at whom or what; raises NotFound, PermissionRefused."""
    wanted = _wanted(session, actor, query)
    subject = wanted.person_id or wanted.school_id or wanted.authority_id
    return record_look(
        session,
        at,
        actor,
        Event.AUDIT_LISTED,
        permission=Permission.AUDIT_READ,
        subject=subject,
        transfer=wanted.transfer_id,
    )


def list_entries(session: Session, actor: Actor, *, look: Look, query: AuditQuery) -> AuditPage:
    """Return one page of entries; raises NotFound for what is of another authority.

    In eleven statements at most; on SQLite one more for each school with entries on the page.
    """
    wanted = _wanted(session, actor, query)
    check_look(look, actor, Event.AUDIT_LISTED, subject=wanted.person_id or wanted.school_id or wanted.authority_id)
    rows = log_pages.list_leaves(session, wanted, before=query.before, limit=PAGE_LENGTH + 1)
    shown = rows[:PAGE_LENGTH]
    person = school = None
    if query.person_id is not None:
        person = queries.find_person_of_authority(session, person_id=query.person_id, authority_id=wanted.authority_id)
    if query.urn is not None:
        school = get_own_school(session, actor, urn=query.urn)
    return AuditPage(
        entries=tuple(_tell_all(session, shown)),
        next_before=shown[-1].idx if len(rows) > PAGE_LENGTH else None,
        school_name=school.name if school else None,
        person_name=(person.name or person.email) if person else None,
    )


def look_at_story(session: Session, at: Installation, actor: Actor, *, reference: str) -> Look:
    """Record that the actor reads the whole story of a transfer; raises NotFound, PermissionRefused."""
    transfer = oversight_lists.get_transfer(session, reference=reference, authority_id=authority_of(actor))
    return record_look(
        session,
        at,
        actor,
        Event.AUDIT_LISTED,
        permission=Permission.AUDIT_READ,
        subject=transfer.id,
        transfer=transfer.id,
    )


def get_story(session: Session, actor: Actor, *, look: Look, reference: str) -> tuple[Entry, ...]:
    """Tell everything that happened on a transfer, the oldest first.

    Of a school of another authority it tells the steps of the exchange and not who took them: each authority sees its
    own half (docs/exchange.md, "What the authority sees"). Raises NotFound.
    """
    authority_id = authority_of(actor)
    transfer = oversight_lists.get_transfer(session, reference=reference, authority_id=authority_id)
    check_look(look, actor, Event.AUDIT_LISTED, subject=transfer.id)
    own = {authority_id, *queries.list_school_ids(session, authority_id)}
    rows = queries.list_story(session, transfer.id)
    ours = [row for row in rows if row.org is None or row.org in own]
    theirs = [row for row in rows if row.org is not None and row.org not in own and row.event in _SHARED]
    told = _tell_all(session, ours) + [replace(one, who=SOMEBODY, why="") for one in _tell_all(session, theirs)]
    return tuple(sorted(told, key=lambda one: one.idx))


def _wanted(session: Session, actor: Actor, query: AuditQuery) -> Wanted:
    authority_id = authority_of(actor)
    school = get_own_school(session, actor, urn=query.urn) if query.urn else None
    transfer = None
    if query.reference:
        transfer = oversight_lists.get_transfer(session, reference=query.reference, authority_id=authority_id)
    if query.person_id is not None:
        person = queries.find_person_of_authority(session, person_id=query.person_id, authority_id=authority_id)
        if person is None:
            raise NotFound("person")
    return Wanted(
        authority_id=authority_id,
        school_id=school.id if school else None,
        person_id=query.person_id,
        transfer_id=transfer.id if transfer else None,
        event=query.event.value if query.event else None,
        since=_midnight(query.from_on) if query.from_on else None,
        until=_midnight(query.to_on + timedelta(days=1)) if query.to_on else None,
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=LONDON)


def _tell_all(session: Session, rows: Sequence[LogLeaf]) -> list[Entry]:
    leaves: dict[int, Leaf] = {}
    for row in rows:
        try:
            leaves[row.idx] = decode_leaf(row.body)
        except LeafMalformed:
            continue  # told as damaged below: one bad row never breaks a page
    said = [leaf.said for leaf in leaves.values()]
    names = queries.load_names(
        session,
        people={one.actor for one in said if one.actor},
        places={place for one in said for place in (one.on_behalf, one.org) if place},
        transfers={one.transfer for one in said if one.transfer},
    )
    return [_tell(row, leaves.get(row.idx), names) for row in rows]


def _tell(row: LogLeaf, leaf: Leaf | None, names: Names) -> Entry:
    if leaf is None:
        damaged = "is damaged: this entry is not as it was written. Tell the administrator at once"
        return Entry(idx=row.idx, at=row.at, who="", place="", did=damaged, why="", reference=None, is_damaged=True)
    said = leaf.said
    place = names.places.get(said.org, "") if said.org else ""
    if said.on_behalf and said.on_behalf in names.places:
        place = f"{names.places[said.on_behalf]}, about {place}" if place else names.places[said.on_behalf]
    return Entry(
        idx=leaf.idx,
        at=leaf.at,
        who=(names.people.get(said.actor) or SOMEBODY) if said.actor else THE_SERVICE,
        place=place,
        did=EVENT_WORDS[Event(said.event)] if said.event in _EVENTS else said.event,
        why=BASIS_WORDS[Basis(said.basis)] if said.basis in _BASES else "",
        reference=names.references.get(said.transfer) if said.transfer else None,
    )
