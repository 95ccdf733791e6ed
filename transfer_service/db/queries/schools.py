"""The directory of schools: found by what people type, by URN, and by who succeeded whom."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, case, exists, literal, or_, select
from sqlalchemy.orm import Session

from transfer_service.db.models import Authority, Closure, Dispatch, FormerUrn, Membership, School, SchoolLink, Transfer
from transfer_service.domain.identifiers import parse_laestab, parse_urn
from transfer_service.domain.search import fold_for_search

MOST_FOUND = 50
_LONGEST_CHAIN = 6
_SUCCESSOR_KINDS = ("Successor", "Result of Amalgamation")
_PREDECESSOR_KIND = "Predecessor"
_CHUNK = 5_000


def find_school_by_urn(session: Session, urn: str) -> School | None:
    """Find the school of today by its URN or one that it had before."""
    found = session.scalar(select(School).where(School.urn == urn))
    if found is not None:
        return found
    return session.scalar(select(School).join(FormerUrn, FormerUrn.school_id == School.id).where(FormerUrn.urn == urn))


def search_schools(session: Session, text: str, *, limit: int = MOST_FOUND) -> list[School]:
    """List the schools that what was typed may mean: a URN, a DfE number, or the beginnings of words.

    The words may be of the name, town or postcode, in any order. Schools that are open come before closed ones, then
    those whose name begins as typed. Show each with town, authority and URN: 2,585 of 21,608 share their name.
    """
    urn, laestab, folded = parse_urn(text), parse_laestab(text), fold_for_search(text)
    if urn is not None:
        found = find_school_by_urn(session, urn)
        return [] if found is None else [found]
    if laestab is not None:
        condition: ColumnElement[bool] = (School.la_code == laestab.la_code) & (
            School.establishment_number == laestab.establishment_number
        )
    elif folded:
        words = (literal(" ") + School.search_name).op("LIKE")
        condition = literal(value=True)
        for word in folded.split(" "):
            condition &= words(f"% {word}%")
    else:
        return []
    order = (
        case((School.is_closed, 1), else_=0),
        case((School.search_name.op("LIKE")(f"{folded}%"), 0), else_=1),
        School.search_name,
        School.id,
    )
    return list(session.scalars(select(School).where(condition).order_by(*order).limit(limit)))


def list_successors(session: Session, school: School) -> list[School]:
    """List the open schools that a closed one was succeeded by, along the chain of links; several after a split.

    A link may be told from either end. Which of several is meant is for a person to say.
    """
    met, ahead, found = {school.urn}, {school.urn}, {}
    for _ in range(_LONGEST_CHAIN):
        ahead = _next_urns(session, ahead) - met
        if not ahead:
            break
        met |= ahead
        for one in session.scalars(select(School).where(School.urn.in_(ahead))):
            if not one.is_closed:
                found[one.id] = one
                ahead.discard(one.urn)
    return sorted(found.values(), key=lambda one: (one.search_name, one.urn))


def ids_in_use(session: Session, school_ids: Sequence[UUID]) -> set[UUID]:
    """Tell which of these schools anything here refers to: a membership, a transfer, a dispatch, a closure, a URN."""
    used: set[UUID] = set()
    refers = or_(
        exists().where(Membership.school_id == School.id),
        exists().where(Transfer.sending_school_id == School.id),
        exists().where(Dispatch.receiving_school_id == School.id),
        exists().where(Closure.school_id == School.id),
        exists().where(FormerUrn.school_id == School.id),
    )
    for start in range(0, len(school_ids), _CHUNK):
        chunk = school_ids[start : start + _CHUNK]
        used.update(session.scalars(select(School.id).where(School.id.in_(chunk), refers)))
    return used


def _next_urns(session: Session, urns: Collection[str]) -> set[str]:
    """Return the URNs that the links name as coming after these."""
    forward = select(SchoolLink.link_urn).where(
        SchoolLink.urn.in_(urns), or_(*(SchoolLink.kind.startswith(kind) for kind in _SUCCESSOR_KINDS))
    )
    backward = select(SchoolLink.urn).where(
        SchoolLink.link_urn.in_(urns), SchoolLink.kind.startswith(_PREDECESSOR_KIND)
    )
    return set(session.scalars(forward)) | set(session.scalars(backward))


def get_authority_names(session: Session, authority_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of authorities by id: a school is always shown with its own."""
    rows = session.execute(select(Authority.id, Authority.name).where(Authority.id.in_(authority_ids)))
    return {row_id: name for row_id, name in rows}  # noqa: C416 -- a Row is no pair to `dict`
