"""Putting notes into a draft: sealed as they are written, under a fresh key each time; and what was left out."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from transfer_service.audit.detail import tell
from transfer_service.crypto.items import seal_item
from transfer_service.crypto.values import DataKey
from transfer_service.db.models import Dispatch, Item, ItemGrant, Person
from transfer_service.db.queries import transfers as queries
from transfer_service.domain import notes
from transfer_service.domain.errors import Invalid, KeyMissing, RuleForbids, StateForbids
from transfer_service.domain.events import Event
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.keys.public_keys import PublicEpoch, find_active_epoch
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.drafting import get_draft
from transfer_service.use_cases.transfers.leaves import leaf_of
from transfer_service.use_cases.transfers.removing import delete_place
from transfer_service.use_cases.transfers.sealing import grant, item_context, place_item, seal_row
from transfer_service.use_cases.transfers.texts import JSON_TYPE, NOTE_NAME, REMARK_NAME, Note, Remark, Withheld


def seal_note(session: Session, at: Installation, actor: Actor, *, dispatch_id: UUID, note: Note) -> UUID:
    """Seal a note into a draft and return its item's id; raises Invalid, RuleForbids (`too_many_items`), KeyMissing."""
    dispatch = get_draft(session, actor, dispatch_id, permission=Permission.NOTES_SEAL)
    _check_note(note)
    check_room(session, dispatch)
    epoch = get_sealing_epoch(session, at, actor)
    sealed = seal_row(
        at,
        actor,
        transfer_id=dispatch.transfer_id,
        sender_id=dispatch.transfer.sending_school_id,
        kind=ItemKind.NOTE,
        name=NOTE_NAME,
        media_type=JSON_TYPE,
        body=_signed(session, actor, note).encode(),
    )
    place_item(session, dispatch, sealed.item, queries.next_position(session, dispatch_id=dispatch.id))
    grant_to_self(session, at, actor, dispatch=dispatch, item=sealed.item, data_key=sealed.data_key, epoch=epoch)
    record_all(
        session,
        at,
        [leaf_of(actor, Event.NOTE_SEALED, dispatch, item=sealed.item.id, digest=sealed.item.content_digest)],
    )
    return sealed.item.id


def edit_note(
    session: Session, at: Installation, actor: Actor, *, dispatch_id: UUID, item_id: UUID, revision: int, note: Note
) -> int:
    """Seal a note anew under a fresh key as its next revision, and return that; the old bytes and key go.

    `revision` is the one that the person saw. Raises StateForbids where somebody else changed the note meanwhile.
    """
    dispatch = get_draft(session, actor, dispatch_id, permission=Permission.NOTES_SEAL)
    _check_note(note)
    item = queries.get_item(
        session, dispatch_id=dispatch.id, item_id=item_id, sealed_by=dispatch.transfer.sending_school_id
    ).item
    if item.kind is not ItemKind.NOTE:
        raise RuleForbids("not_a_note", "Only a note can be edited. Remove the attachment and upload it again.")
    if item.revision != revision:
        raise StateForbids(
            "changed", "edit", "Somebody changed this note while you were editing it. Reload the page and edit again."
        )
    epoch = get_sealing_epoch(session, at, actor)
    item.revision = revision + 1
    sealed = seal_item(
        context=item_context(at, item),
        name=NOTE_NAME,
        media_type=JSON_TYPE,
        body=_signed(session, actor, note).encode(),
    )
    item.ciphertext = sealed.ciphertext
    item.ciphertext_length = sealed.facts.ciphertext_length
    item.ciphertext_sha256 = sealed.facts.ciphertext_sha256
    item.commitment = sealed.facts.commitment
    item.content_digest = sealed.facts.content_digest
    item.size_bucket = sealed.facts.size_bucket
    session.execute(delete(ItemGrant).where(ItemGrant.item_id == item.id))
    grant_to_self(session, at, actor, dispatch=dispatch, item=item, data_key=sealed.data_key, epoch=epoch)
    record_all(session, at, [leaf_of(actor, Event.NOTE_SEALED, dispatch, item=item.id, digest=item.content_digest)])
    return item.revision


def remove_item(session: Session, at: Installation, actor: Actor, *, dispatch_id: UUID, item_id: UUID) -> str | None:
    """Take a note or attachment out of a draft; return the key of its stored bytes, to delete after the commit."""
    dispatch = get_draft(session, actor, dispatch_id, permission=Permission.NOTES_SEAL)
    place = queries.get_item(
        session, dispatch_id=dispatch.id, item_id=item_id, sealed_by=dispatch.transfer.sending_school_id
    )
    if place.item.kind not in (ItemKind.NOTE, ItemKind.ATTACHMENT):
        raise RuleForbids("not_removable", "This is not a note or an attachment. Change what is withheld instead.")
    digest = place.item.content_digest
    blob = delete_place(session, place)
    record_all(session, at, [leaf_of(actor, Event.ITEM_REMOVED, dispatch, item=item_id, digest=digest)])
    return blob


def set_withheld(
    session: Session, at: Installation, actor: Actor, *, dispatch_id: UUID, withheld: Sequence[Withheld]
) -> None:
    """Say what was left out and why, replacing what was said before; the words are sealed, the reasons are listed.

    Source: docs/exchange.md, "What is exchanged": leaving something out is an explicit, reasoned act.
    """
    dispatch = get_draft(session, actor, dispatch_id, permission=Permission.NOTES_SEAL)
    if any(not 1 <= len(one.words.strip()) <= notes.MESSAGE_LIMIT for one in withheld):
        raise Invalid({"words": [f"Say what is left out, in at most {notes.MESSAGE_LIMIT} characters"]})
    sender_id = dispatch.transfer.sending_school_id
    for place in queries.list_items(session, dispatch_id=dispatch.id, sealed_by=sender_id):
        if place.item.kind is ItemKind.REMARK and place.item.transfer_id == dispatch.transfer_id:
            delete_place(session, place)
    session.expire(dispatch, ["items"])
    # What an earlier school said that it left out goes on as it is.
    earlier = {str(place.item_id) for place in dispatch.items if place.item.transfer_id != dispatch.transfer_id}
    listed = [one for one in dispatch.withheld or [] if one["item"] in earlier]
    epoch = get_sealing_epoch(session, at, actor)
    for one in withheld:
        sealed = seal_row(
            at,
            actor,
            transfer_id=dispatch.transfer_id,
            sender_id=sender_id,
            kind=ItemKind.REMARK,
            name=REMARK_NAME,
            media_type=JSON_TYPE,
            body=Remark(reason=one.reason.value, words=one.words.strip()).encode(),
        )
        place_item(session, dispatch, sealed.item, queries.next_position(session, dispatch_id=dispatch.id))
        grant_to_self(session, at, actor, dispatch=dispatch, item=sealed.item, data_key=sealed.data_key, epoch=epoch)
        listed.append({"item": str(sealed.item.id), "reason": one.reason.value})
    dispatch.withheld = listed or None
    detail = tell("What was left out of the file was listed with reasons.", count=str(len(listed)))
    record_all(session, at, [leaf_of(actor, Event.ITEM_WITHHELD, dispatch, detail=detail)])


def check_room(session: Session, dispatch: Dispatch) -> None:
    """Raise RuleForbids where a dispatch is full."""
    if queries.count_contents(session, dispatch_id=dispatch.id) >= notes.MAX_ITEMS:
        raise RuleForbids(
            "too_many_items",
            f"A file holds at most {notes.MAX_ITEMS} notes and attachments. Join some of them into one document.",
        )


def get_sealing_epoch(session: Session, at: Installation, actor: Actor) -> PublicEpoch:
    """Return the epoch of the actor's school that drafts are sealed to; raises KeyMissing where there is none."""
    epoch = None if actor.organisation_id is None else find_active_epoch(session, at, actor.organisation_id)
    if epoch is None:
        raise KeyMissing(
            "Your school has no key yet, so nothing can be sealed. The first safeguarding lead whom your authority "
            "approves makes it on signing in."
        )
    return epoch


def grant_to_self(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    dispatch: Dispatch,
    item: Item,
    data_key: DataKey,
    epoch: PublicEpoch,
) -> None:
    """Grant an item to the school that sealed it."""
    grant(
        session,
        at,
        actor,
        dispatch=dispatch,
        item=item,
        data_key=data_key,
        recipient_id=epoch.school_id,
        epoch=epoch,
    )


def _check_note(note: Note) -> None:
    problems: dict[str, list[str]] = {}
    if not 1 <= len(note.text.strip()) <= notes.NOTE_TEXT_LIMIT:
        problems["text"] = [f"Enter the note, in at most {notes.NOTE_TEXT_LIMIT:,} characters"]
    if not note.why_shared and not note.why_shared_words.strip():
        problems["why_shared"] = ["Say why this note is shared"]
    if len(note.why_shared_words) > notes.WHY_SHARED_LIMIT:
        problems["why_shared_words"] = [f"Say why it is shared in at most {notes.WHY_SHARED_LIMIT:,} characters"]
    if problems:
        raise Invalid(problems)


def _signed(session: Session, actor: Actor, note: Note) -> Note:
    """The note with the name of whoever seals it, for the receiving school to ask back."""
    person = session.get_one(Person, actor.person_id)
    return Note(
        category=note.category,
        dated_on=note.dated_on,
        text=note.text,
        why_shared=note.why_shared,
        why_shared_words=note.why_shared_words,
        written_by=person.name,
    )
