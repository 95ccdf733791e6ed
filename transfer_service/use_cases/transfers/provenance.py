"""Where a forwarded file comes from: the school that sealed it signed it too, and both signatures are checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from transfer_service.crypto import formats
from transfer_service.crypto.manifest import Manifest
from transfer_service.db.models import Dispatch, DispatchItem, School
from transfer_service.db.queries import transfers as queries
from transfer_service.domain.errors import CannotOpen, OpeningFailure
from transfer_service.domain.keys import ItemKind
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.transfers.manifests import verify_manifest
from transfer_service.use_cases.transfers.revisions import Lineages, is_linked


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """The school that first sealed what another one forwards, and when it sent it."""

    school: School
    sent_at: datetime | None


def find_origin(session: Session, dispatch: Dispatch) -> Dispatch | None:
    """Return the acknowledged dispatch of another transfer that this one forwards, or None where it forwards none.

    A dispatch that sends a withdrawn or rejected one again is followed to the one that was sent first.
    """
    seen = dispatch
    while seen.previous_id is not None:
        seen = session.get_one(Dispatch, seen.previous_id)
        if seen.transfer_id != dispatch.transfer_id:
            return seen
    return None


def find_provenance(session: Session, dispatch: Dispatch) -> Provenance | None:
    """Return which school sealed the forwarded part of a dispatch first; None where nothing is forwarded."""
    first, seen = None, find_origin(session, dispatch)
    while seen is not None:
        first, seen = seen, find_origin(session, seen)
    if first is None:
        return None
    return Provenance(school=queries.get_school(session, first.transfer.sending_school_id), sent_at=first.sent_at)


def check_provenance(
    session: Session,
    at: Installation,
    dispatch: Dispatch,
    *,
    manifest: Manifest,
    places: Sequence[DispatchItem],
    lineages: Lineages,
) -> None:
    """Check that every item that another school sealed stands, unchanged, in the manifest which that school signed.

    `manifest` is the verified one of this dispatch. Encrypted again under another key is unchanged. A file that was
    forwarded more than once is followed to its first sender. Raises CannotOpen with MANIFEST_SIGNATURE where the chain
    is broken, CONTENT_CHANGED where an item is not in it, and what `verify_manifest` raises for the earlier manifests.
    """
    foreign = {place.item_id for place in places if place.item.transfer_id != dispatch.transfer_id}
    origin = find_origin(session, dispatch)
    if origin is None:
        if foreign:
            raise CannotOpen(OpeningFailure.CONTENT_CHANGED)
        return
    earlier = verify_manifest(session, at, origin)
    if manifest.kind is formats.DispatchKind.FORWARD and manifest.previous_hash != earlier.hash:
        raise CannotOpen(OpeningFailure.MANIFEST_SIGNATURE)
    listed = {item.item: item for item in earlier.items}
    mine = [item for item in manifest.items if item.item in foreign]
    if any(item.item not in listed or not is_linked(lineages, listed[item.item], item) for item in mine):
        raise CannotOpen(OpeningFailure.CONTENT_CHANGED)
    carried = {item.item for item in mine}
    carried_on = [place for place in origin.items if place.item_id in carried and _counts(place)]
    check_provenance(session, at, origin, manifest=earlier, places=carried_on, lineages=lineages)


def _counts(place: DispatchItem) -> bool:
    return place.item.kind is not ItemKind.COVER
