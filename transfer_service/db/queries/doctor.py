"""What the doctor asks the database: only what is wrong comes back, so that a healthy service answers in a few rows."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, and_, distinct, exists, func, or_, select
from sqlalchemy.orm import Session

from transfer_service.db.models import (
    Dispatch,
    DispatchItem,
    Item,
    ItemGrant,
    ItemReencryption,
    KeyGrant,
    Membership,
    PersonKey,
    RecoveryKey,
    School,
    SchoolEpoch,
    Transfer,
    Unlock,
)
from transfer_service.domain.keys import GranteeKind, ItemKind, KeyState, UnlockKind
from transfer_service.domain.roles import KEY_HOLDING_ROLES, MembershipState
from transfer_service.domain.transfer import DispatchKind, Status

READABLE_BY_RECEIVER = (Status.SENT, Status.OPENED, Status.ACKNOWLEDGED)


def list_items_without_sender_grant(session: Session) -> list[tuple[UUID, UUID]]:
    """List live items, each with the school that sends them, that no live key of that school opens for the dispatch.

    That is not always the school that sealed them: a forwarded item stays when its first dispatch was shredded. A
    remark of the receiving school is that school's own, and is granted to whichever of the two had a key.
    """
    own_words = and_(Item.kind == ItemKind.REMARK, Item.sender_id == Dispatch.receiving_school_id)
    return _pairs(
        session,
        select(Item.id, Transfer.sending_school_id)
        .join(DispatchItem, DispatchItem.item_id == Item.id)
        .join(Dispatch, Dispatch.id == DispatchItem.dispatch_id)
        .join(Transfer, Transfer.id == Dispatch.transfer_id)
        .where(
            Item.shredded_at.is_(None),
            Dispatch.shredded_at.is_(None),
            ~_granted(
                and_(
                    ItemGrant.dispatch_id == Dispatch.id,
                    or_(
                        ItemGrant.recipient_id == Transfer.sending_school_id,
                        and_(own_words, ItemGrant.recipient_id == Item.sender_id),
                    ),
                )
            ),
        ),
    )


def list_items_without_receiver_grant(session: Session) -> list[tuple[UUID, UUID]]:
    """List items of sent files, each with the receiving school, that no live key of that school opens."""
    return _pairs(
        session,
        select(Item.id, Dispatch.receiving_school_id)
        .join(DispatchItem, DispatchItem.item_id == Item.id)
        .join(Dispatch, Dispatch.id == DispatchItem.dispatch_id)
        .where(
            Item.shredded_at.is_(None),
            Item.kind != ItemKind.REMARK,
            Dispatch.shredded_at.is_(None),
            Dispatch.kind != DispatchKind.NIL,
            Dispatch.status.in_(READABLE_BY_RECEIVER),
            ~_granted(
                and_(
                    ItemGrant.dispatch_id == Dispatch.id,
                    ItemGrant.recipient_id == Dispatch.receiving_school_id,
                )
            ),
        ),
    )


def list_grants_to_destroyed(session: Session) -> list[tuple[UUID, UUID]]:
    """List grants of items to an epoch that is destroyed, each with its school."""
    return _pairs(
        session,
        select(ItemGrant.id, ItemGrant.recipient_id)
        .join(
            SchoolEpoch,
            and_(SchoolEpoch.school_id == ItemGrant.recipient_id, SchoolEpoch.number == ItemGrant.epoch),
        )
        .where(SchoolEpoch.state == KeyState.DESTROYED),
    )


def list_epochs_without_escrow(session: Session) -> list[tuple[UUID, UUID]]:
    """List undestroyed epochs, each with its school, that the authority's custodians could not recover."""
    return _pairs(
        session,
        select(SchoolEpoch.id, SchoolEpoch.school_id)
        .join(School, School.id == SchoolEpoch.school_id)
        .where(
            SchoolEpoch.state != KeyState.DESTROYED,
            ~exists()
            .where(
                KeyGrant.school_epoch_id == SchoolEpoch.id,
                KeyGrant.grantee_kind == GranteeKind.RECOVERY,
                KeyGrant.grantee_id == RecoveryKey.id,
                RecoveryKey.authority_id == School.authority_id,
                RecoveryKey.state == KeyState.ACTIVE,
            )
            .correlate(SchoolEpoch, School),
        ),
    )


def list_holder_counts(session: Session) -> list[tuple[UUID, UUID, int]]:
    """List the active epochs that fewer than two active people hold: epoch, school, how many."""
    holders = (
        select(KeyGrant.school_epoch_id, func.count(distinct(KeyGrant.grantee_id)).label("people"))
        .join(
            PersonKey, and_(PersonKey.person_id == KeyGrant.grantee_id, PersonKey.version == KeyGrant.grantee_version)
        )
        .join(SchoolEpoch, SchoolEpoch.id == KeyGrant.school_epoch_id)
        .join(
            Membership,
            and_(Membership.person_id == KeyGrant.grantee_id, Membership.school_id == SchoolEpoch.school_id),
        )
        .where(
            KeyGrant.grantee_kind == GranteeKind.PERSON,
            PersonKey.state == KeyState.ACTIVE,
            Membership.state == MembershipState.ACTIVE,
            Membership.role.in_(list(KEY_HOLDING_ROLES)),
        )
        .group_by(KeyGrant.school_epoch_id)
        .subquery()
    )
    people = func.coalesce(holders.c.people, 0)
    rows = session.execute(
        select(SchoolEpoch.id, SchoolEpoch.school_id, people)
        .outerjoin(holders, holders.c.school_epoch_id == SchoolEpoch.id)
        .where(SchoolEpoch.state == KeyState.ACTIVE, people < 2)
        .order_by(SchoolEpoch.id)
    )
    return [(epoch, school, count) for epoch, school, count in rows]


def list_holders_without_unlock(session: Session, kind: UnlockKind) -> list[UUID]:
    """List active key holders whose key in use is not wrapped under this kind of unlock, for codes a confirmed one."""
    usable = and_(
        Unlock.person_id == PersonKey.person_id,
        Unlock.key_version == PersonKey.version,
        Unlock.kind == kind,
        Unlock.used_at.is_(None),
        or_(Unlock.confirmed_at.is_not(None), Unlock.kind != UnlockKind.RECOVERY_CODE),
    )
    return list(
        session.scalars(
            select(PersonKey.person_id)
            .where(
                PersonKey.state == KeyState.ACTIVE,
                exists().where(
                    Membership.person_id == PersonKey.person_id,
                    Membership.state == MembershipState.ACTIVE,
                    Membership.role.in_(list(KEY_HOLDING_ROLES)),
                ),
                ~exists().where(usable),
            )
            .order_by(PersonKey.person_id)
        )
    )


def list_earlier_revisions(session: Session) -> list[tuple[UUID, UUID]]:
    """List live items, each with its sender, that are older than the newest statement of their encryption."""
    newest = (
        select(ItemReencryption.item_id, func.max(ItemReencryption.revision).label("revision"))
        .group_by(ItemReencryption.item_id)
        .subquery()
    )
    return _pairs(
        session,
        select(Item.id, Item.sender_id)
        .join(newest, newest.c.item_id == Item.id)
        .where(Item.shredded_at.is_(None), Item.revision < newest.c.revision)
        .order_by(Item.id),
    )


def has_blob(session: Session, item_id: UUID, key: str) -> bool:
    """Tell whether an item's sealed bytes are still those of this key."""
    return session.scalar(select(Item.id).where(Item.id == item_id, Item.blob_key == key)) is not None


def list_live_blob_keys(session: Session, keys: list[str]) -> set[str]:
    """Return those of the keys that a row names."""
    return {key for key in session.scalars(select(Item.blob_key).where(Item.blob_key.in_(keys))) if key is not None}


def _granted(which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the item has such a grant, to an epoch that is not destroyed."""
    return (
        exists()
        .where(
            ItemGrant.item_id == Item.id,
            which,
            SchoolEpoch.school_id == ItemGrant.recipient_id,
            SchoolEpoch.number == ItemGrant.epoch,
            SchoolEpoch.state != KeyState.DESTROYED,
        )
        .correlate(Item, Dispatch, Transfer)
    )


def _pairs(session: Session, query: object) -> list[tuple[UUID, UUID]]:
    return [(first, second) for first, second in session.execute(query)]  # type: ignore[call-overload]
