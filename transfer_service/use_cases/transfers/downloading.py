"""Downloading one attachment, or the whole file as one archive. The leaf is committed before a byte leaves."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from transfer_service.crypto.suites import PersonKey
from transfer_service.db.models import Person, School
from transfer_service.db.queries import transfers as queries
from transfer_service.domain import permissions
from transfer_service.domain.errors import NotFound, RuleForbids, StateForbids
from transfer_service.domain.events import Event
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import Actor
from transfer_service.domain.transfer import Side, Status
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.recording import record_all
from transfer_service.use_cases.transfers.leaves import leaf_of
from transfer_service.use_cases.transfers.reading import (
    Contents,
    PreparedReading,
    prepare_reading,
    recheck,
    record_parts,
)
from transfer_service.use_cases.transfers.unsealing import Depth


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadedFile:
    """One attachment as it was uploaded; its name is for the header of the answer, never for a log."""

    name: str = field(repr=False)
    media_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFacts:
    """Everything for the archive: `contents` with the bodies of all attachments, and the manifest's list in words.

    `is_whole` is false where an item could not be opened: the archive then says so, and does not count as the export.
    """

    contents: Contents = field(repr=False)
    sending_school: School
    receiving_school: School
    number: int
    sent_at: datetime | None
    sent_by: str | None
    manifest_text: str
    is_whole: bool


def prepare_download(
    session: Session,
    at: Installation,
    actor: Actor,
    *,
    dispatch_id: UUID,
    item_id: UUID,
    person_key: PersonKey,
    storage: Storage,
) -> PreparedReading:
    """Decrypt one attachment whole and verify it, in a reading session; raises CannotOpen where it is damaged."""
    permissions.check(actor, Permission.NOTES_DOWNLOAD)
    prepared = prepare_reading(
        session,
        at,
        actor,
        dispatch_id=dispatch_id,
        person_key=person_key,
        storage=storage,
        depth=Depth.BODIES,
        only=item_id,
    )
    if prepared.contents.failure is None and not prepared.contents.attachments:
        raise NotFound("attachment")
    return prepared


def record_download(
    session: Session, at: Installation, actor: Actor, prepared: PreparedReading
) -> DownloadedFile | None:
    """Record the download and return the file, to be sent once this is committed.

    None where it could not be opened: then the leaf says so, and the caller shows `contents.failure` or the part's.
    """
    contents = prepared.contents
    dispatch = recheck(session, actor, prepared)
    leaves = record_parts(session, at, actor, dispatch, contents)
    part = contents.attachments[0] if contents.attachments else None
    file = None
    if part is not None and part.name is not None and part.media_type is not None and part.body is not None:
        file = DownloadedFile(name=part.name, media_type=part.media_type, body=part.body)
        leaves.append(
            leaf_of(actor, Event.ATTACHMENT_DOWNLOADED, dispatch, item=part.item_id, digest=part.content_digest)
        )
    record_all(session, at, leaves)
    return file


def prepare_archive(
    session: Session, at: Installation, actor: Actor, *, dispatch_id: UUID, person_key: PersonKey, storage: Storage
) -> PreparedReading:
    """Decrypt and verify the whole file, in a reading session."""
    permissions.check(actor, Permission.NOTES_DOWNLOAD)
    prepared = prepare_reading(
        session,
        at,
        actor,
        dispatch_id=dispatch_id,
        person_key=person_key,
        storage=storage,
        depth=Depth.BODIES,
    )
    if prepared.contents.status is Status.DRAFT:
        raise StateForbids(Status.DRAFT, "download")
    return prepared


def record_archive(session: Session, at: Installation, actor: Actor, prepared: PreparedReading) -> ArchiveFacts:
    """Record the export and return what the archive is built of; commit before it leaves.

    A whole export by the receiving school is what its statement of filing rests on. Raises RuleForbids (`not_readable`)
    where manifest or cover do not hold: then nothing can be exported.
    """
    contents = prepared.contents
    dispatch = recheck(session, actor, prepared)
    if contents.failure is not None:
        raise RuleForbids("not_readable", contents.failure.sentence)
    is_whole = all(part.failure is None for part in contents.parts)
    leaves = record_parts(session, at, actor, dispatch, contents)
    if is_whole and contents.side is Side.RECEIVING:
        dispatch.exported_at = at.now()
    leaves.append(leaf_of(actor, Event.ARCHIVE_DOWNLOADED, dispatch, digest=dispatch.manifest_hash))
    record_all(session, at, leaves)
    sender = session.get(Person, dispatch.sent_by) if dispatch.sent_by else None
    return ArchiveFacts(
        contents=contents,
        sending_school=queries.get_school(session, dispatch.transfer.sending_school_id),
        receiving_school=queries.get_school(session, dispatch.receiving_school_id),
        number=dispatch.number,
        sent_at=dispatch.sent_at,
        sent_by=None if sender is None else sender.name,
        manifest_text=_say_manifest(contents),
        is_whole=is_whole,
    )


def _say_manifest(contents: Contents) -> str:
    """The manifest for people: kinds, digests and what did not open, without names."""
    digest = (contents.manifest_hash or b"").hex()
    lines = [f"Transfer {contents.reference}", f"SHA-256 of the signed manifest: {digest}"]
    for number, part in enumerate(contents.parts, start=1):
        kind = (part.kind or ItemKind.ATTACHMENT).value
        state = "" if part.failure is None else f" - {part.failure.sentence}"
        lines.append(f"{number}. {kind}, content digest {part.content_digest.hex()}{state}")
    return "\n".join(lines) + "\n"
