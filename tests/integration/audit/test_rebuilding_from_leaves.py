"""From the leaves alone: who holds which key, which epochs there are, what was taken away, and what was shredded.

Whatever the rows say, the log can be read on its own; here both are compared after a life of all these acts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select

from tests import factories
from tests.integration.transfers.stage import Stage, enrol_keyless
from tests.observing import leaves
from transfer_service.audit.leaf import LeafFields
from transfer_service.db.models import Dispatch, DispatchItem, Item, KeyGrant, SchoolEpoch
from transfer_service.domain.events import Basis
from transfer_service.domain.keys import GranteeKind, ItemKind, KeyState
from transfer_service.domain.transfer import Status
from transfer_service.jobs.retention import Retention
from transfer_service.use_cases.keys.epochs import make_next_epoch
from transfer_service.use_cases.keys.granting import compare_fingerprints, grant_school_keys
from transfer_service.use_cases.people.memberships import end_membership, return_membership, suspend_membership
from transfer_service.use_cases.transfers import notes

Grant = tuple[UUID, int, UUID]
"""School, number of the epoch, and the person or recovery key that it was granted to."""


@dataclass
class Rebuilt:
    """What the leaves say, read in order; nothing here looks at another table."""

    epochs: dict[tuple[UUID, int], tuple[str, str]] = field(default_factory=dict)
    """School and number → state and fingerprint."""
    people: set[Grant] = field(default_factory=set)
    escrow: set[Grant] = field(default_factory=set)
    revoked: list[Grant] = field(default_factory=list)
    shredded: set[UUID] = field(default_factory=set)
    items: dict[UUID, set[UUID]] = field(default_factory=dict)
    """Dispatch → notes and attachments whose contents are still there."""

    def read(self, said: Iterable[LeafFields]) -> "Rebuilt":
        for leaf in said:
            self._read_keys(leaf)
            self._read_contents(leaf)
        return self

    def _read_keys(self, leaf: LeafFields) -> None:
        if leaf.org is None or leaf.epoch is None or leaf.subject is None:
            return
        place, grant = (leaf.org, leaf.epoch), (leaf.org, leaf.epoch, leaf.subject)
        match leaf.event:
            case "epoch.created":
                self.epochs[place] = ("active", leaf.key or "")
            case "epoch.retired":
                self.epochs[place] = ("retired", leaf.key or "")
            case "key.granted":
                self.people.add(grant)
            case "escrow.granted":
                self.escrow.add(grant)
            case "key.revoked":
                self.people.remove(grant)
                self.revoked.append(grant)

    def _read_contents(self, leaf: LeafFields) -> None:
        if leaf.dispatch is None:
            return
        held = self.items.setdefault(leaf.dispatch, set())
        if leaf.event in ("note.sealed", "attachment.sealed") and leaf.item:
            held.add(leaf.item)
        elif leaf.event == "item.removed" and leaf.item:
            held.remove(leaf.item)
        elif leaf.event in ("dispatch.shredded", "dispatch.discarded"):
            held.clear()
            if leaf.event == "dispatch.shredded":
                self.shredded.add(leaf.dispatch)


def shred_one(stage: Stage) -> UUID:
    """A file that was acknowledged, exported and filed, a month later."""
    dispatch_id = factories.dispatch_in(
        stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora, attachments=("genogram.pdf",)
    )
    with stage.database.writing() as session:
        dispatch = session.get_one(Dispatch, dispatch_id)
        dispatch.exported_at = dispatch.filed_at = stage.clock()
    stage.clock.move(days=30)
    assert Retention(database=stage.database, at=stage.at, store=stage.storage).run(lambda: False) == "shredded 1"
    stage.clock.move(days=-30)
    return dispatch_id


def live(stage: Stage) -> None:
    """A new epoch, a colleague who comes and goes, a school that joins, files that are kept, cut and shredded."""
    database, at, alma, ben, dev = stage.database, stage.at, stage.alma, stage.ben, stage.dev
    kept = factories.draft(stage, alma, stage.cast.receiving)
    second = factories.add_note(stage, alma, kept)
    with database.writing() as session:
        notes.remove_item(session, at, alma.actor, dispatch_id=kept, item_id=second)
    factories.send(stage, alma, kept)
    shred_one(stage)
    keys = alma.school_keys(stage.service)
    with database.writing() as session:
        make_next_epoch(session, at, alma.actor, school_keys=keys, basis=Basis.ROLE)
    with database.writing() as session:
        suspend_membership(session, at, alma.actor, membership_id=ben.membership_id)
    with database.writing() as session:
        return_membership(session, at, alma.actor, membership_id=ben.membership_id)
    keys = alma.school_keys(stage.service)
    with database.writing() as session:
        pair = compare_fingerprints(session, at, alma.actor, membership_id=ben.membership_id)
        grant_school_keys(
            session,
            at,
            alma.actor,
            school_keys=keys,
            membership_id=ben.membership_id,
            confirmed_words=pair.colleague_words,
            basis=Basis.IN_PERSON_CHECK,
        )
    cora_keys = stage.cora.school_keys(stage.service)
    with database.writing() as session:
        end_membership(session, at, stage.cora.actor, membership_id=dev.membership_id, school_keys=cora_keys)
    enrol_keyless(stage)


def test_grants_epochs_and_revocations_are_rebuilt_from_leaves_alone(stage: Stage):
    live(stage)
    rebuilt = Rebuilt().read(leaves(stage.service))
    with stage.database.reading() as session:
        epochs = session.scalars(select(SchoolEpoch)).all()
        rows = session.execute(
            select(SchoolEpoch.school_id, SchoolEpoch.number, KeyGrant.grantee_id, KeyGrant.grantee_kind).join(
                KeyGrant, KeyGrant.school_epoch_id == SchoolEpoch.id
            )
        ).all()
    assert {(one.school_id, one.number): (one.state.value, one.fingerprint.hex()) for one in epochs} == rebuilt.epochs
    assert {one.state for one in epochs} == {KeyState.ACTIVE, KeyState.RETIRED}
    people = {(school, number, who) for school, number, who, kind in rows if kind is GranteeKind.PERSON}
    escrow = {(school, number, who) for school, number, who, kind in rows if kind is GranteeKind.RECOVERY}
    assert people == rebuilt.people
    assert escrow == rebuilt.escrow
    sending, receiving = stage.cast.sending, stage.cast.receiving
    ben, dev = stage.ben.person_id, stage.dev.person_id
    assert sorted(rebuilt.revoked, key=repr) == sorted(
        [(sending, 1, ben), (sending, 2, ben), (receiving, 1, dev)], key=repr
    )


def test_what_was_shredded_and_what_is_left_is_rebuilt_from_leaves_alone(stage: Stage):
    live(stage)
    rebuilt = Rebuilt().read(leaves(stage.service))
    with stage.database.reading() as session:
        shredded = set(session.scalars(select(Dispatch.id).where(Dispatch.shredded_at.is_not(None))))
        rows = session.execute(
            select(DispatchItem.dispatch_id, Item.id)
            .join(Item, Item.id == DispatchItem.item_id)
            .where(
                Item.kind.in_([ItemKind.NOTE, ItemKind.ATTACHMENT]),
                Item.ciphertext.is_not(None) | Item.blob_key.is_not(None),
            )
        ).all()
    assert len(shredded) == 1
    assert rebuilt.shredded == shredded
    left: dict[UUID, set[UUID]] = {dispatch_id: set() for dispatch_id in rebuilt.items}
    for dispatch_id, item_id in rows:
        left[dispatch_id].add(item_id)
    assert rebuilt.items == left
    assert sorted(len(items) for items in left.values()) == [0, 1]
