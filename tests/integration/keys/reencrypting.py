"""Steps of tests about items that are encrypted again."""

from uuid import UUID

from sqlalchemy import select

from tests import factories
from tests.cast import Member
from tests.integration.transfers.stage import Stage
from transfer_service.db.models import DispatchItem, Item, ItemGrant
from transfer_service.domain.keys import ItemKind
from transfer_service.use_cases.keys.epochs import make_next_epoch
from transfer_service.use_cases.keys.reencryption import Reencrypted, get_reencryption, reencrypt_all


def new_epoch(stage: Stage, member: Member) -> None:
    """The member's school gets its next key, a minute later."""
    stage.clock.move(minutes=1)
    keys = member.school_keys(stage.service)
    with stage.database.writing() as session:
        make_next_epoch(session, stage.at, member.actor, school_keys=keys)


def reencrypt(stage: Stage, member: Member, **more: int) -> Reencrypted:
    return reencrypt_all(
        stage.database, stage.at, member.actor, person_key=member.person_key, storage=stage.storage, **more
    )


def progress(stage: Stage, member: Member) -> tuple[int, int]:
    with stage.database.reading() as session:
        found = get_reencryption(session, member.actor)
    return found.done, found.left


def failures(stage: Stage, member: Member, dispatch_id: UUID) -> list[str]:
    """Why what the member may read does not open; empty where all of it does."""
    contents = factories.contents(stage, member, dispatch_id)
    if contents.failure is not None:
        return [contents.failure.reason.value]
    return [part.failure.reason.value for part in contents.parts if part.failure is not None]


def items(stage: Stage, dispatch_id: UUID) -> dict[ItemKind, Item]:
    with stage.database.reading() as session:
        found = session.scalars(
            select(Item)
            .join(DispatchItem, DispatchItem.item_id == Item.id)
            .where(DispatchItem.dispatch_id == dispatch_id)
        ).all()
    return {item.kind: item for item in found}


def blobs(stage: Stage) -> set[str]:
    return set(stage.storage.list_keys())


def grants(stage: Stage) -> set[tuple[str, int]]:
    """To which school and which of its epochs anything is sealed."""
    names = {stage.cast.sending: "sender", stage.cast.receiving: "receiver", stage.cast.stranger: "stranger"}
    with stage.database.reading() as session:
        return {(names[one.recipient_id], one.epoch) for one in session.scalars(select(ItemGrant))}
