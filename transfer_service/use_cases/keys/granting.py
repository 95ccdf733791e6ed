"""Granting a school's key to a colleague, after both compared fingerprints by telephone or in person.

States of a key holder: invited, key made, fingerprints compared, granted (docs/keys.md, rule 9).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.audit.log import Entry
from transfer_service.crypto.values import Fingerprint
from transfer_service.db.models import Membership, Person, PersonKey, SchoolEpoch
from transfer_service.db.queries import keys as key_queries
from transfer_service.db.queries import people as people_queries
from transfer_service.domain import permissions
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.errors import AlreadyDone, KeyMissing, NotFound, RuleForbids
from transfer_service.domain.events import Basis, Event
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import KEY_HOLDING_ROLES, Actor, MembershipState
from transfer_service.use_cases.alerting import alert_person
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.holding import SchoolKeys, check_own_keys
from transfer_service.use_cases.keys.locking import lock_school
from transfer_service.use_cases.keys.public_keys import authentic_epoch, authentic_person_key, find_person_key
from transfer_service.use_cases.keys.writing_grants import grant_to_person
from transfer_service.use_cases.people.password_again import check_password_is_recent
from transfer_service.use_cases.recording import entry, record_all

COMPARING_BASES = frozenset({Basis.TELEPHONE_CHECK, Basis.IN_PERSON_CHECK})
"""How two people may have compared fingerprints; by mail does not count."""
_MAY_BE_GRANTED = frozenset({MembershipState.AWAITING_APPROVAL, MembershipState.ACTIVE})


class HolderState(StrEnum):
    """How far somebody has come to holding the school's key."""

    INVITED = "invited"
    KEY_MADE = "key_made"
    COMPARED = "compared"
    GRANTED = "granted"


HOLDER_STATE_LABELS: Mapping[HolderState, str] = MappingProxyType(
    {
        HolderState.INVITED: "Invited",
        HolderState.KEY_MADE: "Waiting for fingerprints to be compared",
        HolderState.COMPARED: "Approved, school key not set up yet",
        HolderState.GRANTED: "Holds the school’s key",
    }
)


class HolderLevel(StrEnum):
    """Whether a school has enough key holders: two or more, one, none."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHolder:
    """One person in a key-holding role, for the page of who holds keys here."""

    membership_id: UUID
    person_id: UUID
    name: str
    email: str
    role: str
    state: HolderState
    granted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHolderSummary:
    """Who holds a school's key, and whether they are enough."""

    holders: tuple[KeyHolder, ...]
    level: HolderLevel
    epoch_number: int | None
    epoch_made_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintPair:
    """The fingerprints that two colleagues read to each other, as eight words each."""

    colleague_name: str
    colleague_words: tuple[str, ...]
    own_words: tuple[str, ...]


def level_of(holders: int) -> HolderLevel:
    """Return red for nobody, amber for one person, green for two or more (docs/keys.md, rule 4)."""
    return (HolderLevel.RED, HolderLevel.AMBER)[holders] if holders < 2 else HolderLevel.GREEN


def summarise_key_holders(session: Session, school_id: UUID) -> KeyHolderSummary:
    """Tell who holds a school's key, since when, and who is on the way; at most two statements.

    A person in two such roles at the school counts once. The caller has checked who may see it.
    """
    rows = key_queries.list_key_roles(session, school_id)
    active = key_queries.find_active_epoch_row(session, school_id)
    holders = tuple(
        KeyHolder(
            membership_id=row.membership.id,
            person_id=row.person.id,
            name=people_queries.say_name(row.membership, row.person),
            email=row.person.email,
            role=row.membership.role,
            state=state_of(row),
            granted_at=row.granted_at,
        )
        for row in rows
    )
    holding = {holder.person_id for holder in holders if holder.state is HolderState.GRANTED}
    return KeyHolderSummary(
        holders=holders,
        level=level_of(len(holding)),
        epoch_number=active.number if active else None,
        epoch_made_at=active.created_at if active else None,
    )


def state_of(row: key_queries.KeyRoleRow) -> HolderState:
    """Return how far a person has come; an approval from before the present key was made counts for nothing."""
    if row.granted_at is not None:
        return HolderState.GRANTED
    if row.key_made_at is None or row.membership.state is MembershipState.INVITED:
        return HolderState.INVITED
    approved_at = row.membership.approved_at
    is_approved = approved_at is not None and approved_at >= row.key_made_at
    return (
        HolderState.COMPARED if is_approved and row.membership.state is MembershipState.ACTIVE else HolderState.KEY_MADE
    )


def get_own_words(session: Session, at: Installation, actor: Actor) -> tuple[str, ...]:
    """Return the eight words of the actor's own fingerprint, to be read to a colleague or officer."""
    return _words(at, find_person_key(session, actor.person_id))


def compare_fingerprints(session: Session, at: Installation, actor: Actor, *, membership_id: UUID) -> FingerprintPair:
    """Return both fingerprints as words, for the page on which a colleague confirms that they agree.

    Raises NotFound for a membership elsewhere or without a key, PermissionRefused, CannotOpen where a key is not
    authentic.
    """
    _, colleague = _colleague(session, actor, membership_id)
    permissions.check(actor, Permission.KEYS_GRANT)
    return FingerprintPair(
        colleague_name=colleague.name,
        colleague_words=_words(at, find_person_key(session, colleague.id)),
        own_words=get_own_words(session, at, actor),
    )


def grant_school_keys(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    school_keys: SchoolKeys,
    membership_id: UUID,
    confirmed_words: tuple[str, ...],
    basis: Basis,
) -> int:
    """Grant a colleague every undestroyed epoch that the actor can open; returns how many were granted.

    `confirmed_words` are those that the actor saw and compared: where the colleague's key changed since, nothing is
    granted. `basis` says how they were compared. Raises NotFound, PermissionRefused, NeedsPassword, RuleForbids,
    AlreadyDone, KeyMissing.
    """
    membership, colleague = _colleague(session, actor, membership_id)
    permissions.check(actor, Permission.KEYS_GRANT)
    check_own_keys(actor, school_keys)
    check_password_is_recent(session, at, actor)
    _lock_and_look_again(session, actor, membership)
    holder = _compared_key(session, at, actor, colleague, confirmed_words=confirmed_words, basis=basis)
    fingerprint = authentic_person_key(at, holder).fingerprint
    leaves = [_leaf(actor, Event.KEY_COMPARED, colleague, fingerprint, basis)]
    granted = _grant_missing(session, at, actor, school_keys=school_keys, holder=holder, basis=basis)
    if not granted and membership.state is MembershipState.ACTIVE:
        raise AlreadyDone("grant keys", "Your colleague holds the school’s key already. Nothing was changed.")
    if membership.state is not MembershipState.ACTIVE:
        leaves.append(
            entry(actor, Event.MEMBERSHIP_APPROVED, subject=membership.id, key=fingerprint.hex, basis=Basis.COLLEAGUE)
        )
    membership.state = MembershipState.ACTIVE
    membership.approved_at = at.now()
    membership.approved_by = actor.person_id
    alert_person(session, at, AlertKind.KEY_GRANTED, colleague)
    record_all(session, at, [*leaves, *granted])
    return len(granted)


def _colleague(session: Session, actor: Actor, membership_id: UUID) -> tuple[Membership, Person]:
    found = people_queries.find_membership_at(session, membership_id, school_id=actor.organisation_id)
    if found is None or found[0].role not in KEY_HOLDING_ROLES or found[0].state not in _MAY_BE_GRANTED:
        raise NotFound("colleague")
    return found


def _lock_and_look_again(session: Session, actor: Actor, membership: Membership) -> None:
    """Lock the school; raises NotFound or KeyMissing where colleague or actor left while this waited for the lock."""
    school = lock_school(session, membership.school_id) if membership.school_id else None
    session.refresh(membership)
    if school is None or membership.state not in _MAY_BE_GRANTED:
        raise NotFound("colleague")
    if not people_queries.holds_active_key(session, actor.person_id, school.id):
        raise KeyMissing


def _compared_key(
    session: Session,
    at: Installation,
    actor: Actor,
    colleague: Person,
    *,
    confirmed_words: tuple[str, ...],
    basis: Basis,
) -> PersonKey:
    if colleague.id == actor.person_id:
        raise RuleForbids("own_key", "You cannot grant a key to yourself. A colleague has to compare your fingerprint.")
    if basis not in COMPARING_BASES:
        raise RuleForbids("not_compared", "Say whether you compared the words by telephone or in person.")
    holder = find_person_key(session, colleague.id)
    if holder is None or _words(at, holder) != confirmed_words:
        raise RuleForbids(
            "fingerprint_changed",
            "Your colleague’s key is not the one whose words you compared. Compare the words that are shown now.",
        )
    return holder


def _grant_missing(
    session: Session, at: Installation, actor: Actor, *, school_keys: SchoolKeys, holder: PersonKey, basis: Basis
) -> list[Entry]:
    """Grant every epoch that the colleague's present key has not been granted; the active one must be among them."""
    held = {
        epoch.number
        for grant, epoch in key_queries.list_grants_to_person(session, holder.person_id, school_keys.school_id)
        if grant.grantee_version == holder.version
    }
    school_keys.active  # noqa: B018 -- raises where the actor cannot open the active epoch
    rows: list[SchoolEpoch] = key_queries.list_undestroyed_epochs(session, school_keys.school_id)
    return [
        grant_to_person(
            session,
            at,
            actor,
            epoch=authentic_epoch(at, row),
            seed=school_keys.seeds[row.number],
            holder=holder,
            basis=basis,
        )
        for row in rows
        if row.number in school_keys.seeds and row.number not in held
    ]


def _leaf(actor: Actor, event: Event, colleague: Person, fingerprint: Fingerprint, basis: Basis) -> Entry:
    return entry(actor, event, subject=colleague.id, key=fingerprint.hex, basis=basis)


def _words(at: Installation, row: PersonKey | None) -> tuple[str, ...]:
    if row is None:
        raise NotFound("key")
    return authentic_person_key(at, row).fingerprint.words()
