"""What must hold after every step, asked of the real service and compared with the model's own account."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.cast import Member
from tests.integration.keys.lifecycle.entitlement import ENDED, Lead, Model, Parcel
from tests.integration.keys.lifecycle.rebuilding import Rebuilt
from tests.integration.keys.lifecycle.world import LOG, World, quorum_key
from transfer_service.audit.leaf import decode_leaf
from transfer_service.audit.verify import verify_log
from transfer_service.crypto import formats
from transfer_service.crypto.errors import CryptoError
from transfer_service.crypto.suites import EpochKey
from transfer_service.crypto.values import Seed
from transfer_service.db.models import Dispatch, Item, ItemGrant, KeyGrant, LogLeaf, RecoveryKey, SchoolEpoch
from transfer_service.domain.errors import KeyMissing, NotFound, PermissionRefused
from transfer_service.domain.keys import GranteeKind, KeyState
from transfer_service.domain.roles import OrganisationKind, Role
from transfer_service.use_cases.keys.holding import SchoolKeys, key_grant_info, open_school_keys
from transfer_service.use_cases.keys.public_keys import authentic_epoch
from transfer_service.use_cases.oversight.doctor import examine
from transfer_service.use_cases.recording import open_detail
from transfer_service.use_cases.transfers.opening import prepare_opening
from transfer_service.use_cases.transfers.reading import prepare_reading
from transfer_service.use_cases.transfers.sealing import expected_of, open_key, open_row

Grants = list[tuple[KeyGrant, SchoolEpoch]]


def opened_by(world: World, member: Member, parcel: Parcel, *, sending: bool) -> set[UUID]:
    """The notes and attachments that the service opens for somebody now, by the way that the pages take."""
    with world.database.reading() as session:
        given = {"dispatch_id": parcel.number, "person_key": member.person_key, "storage": world.storage}
        if sending:
            contents = prepare_reading(session, world.at, member.actor, **given).contents
            return {part.item_id for part in contents.parts if part.failure is None}
        return set(prepare_opening(session, world.at, member.actor, **given).opened)


def check_a_lead(world: World, model: Model, lead: Lead, parcel: Parcel) -> None:
    """What opens for a lead is exactly what the model says: no item less, no item more."""
    sending = lead.school == parcel.sender
    expected = {item for item in parcel.contents if model.opens(lead, parcel, item)}
    if parcel.cover and not sending and not model.opens(lead, parcel, parcel.cover):
        expected = set()  # without the cover nobody can tell whose file it is
    try:
        opened = opened_by(world, world.who(lead.person), parcel, sending=sending)
    except (KeyMissing, NotFound, PermissionRefused):
        opened = set()
    assert opened == expected, f"{parcel.status}: {len(opened)} of {len(expected)} open"


def check_people(world: World, model: Model, parcels: Iterable[Parcel]) -> None:
    for parcel in parcels:
        for lead in model.leads.values():
            readable = lead.school == parcel.sender or (
                lead.school == parcel.receiver and parcel.status in ("sent", "opened", "acknowledged")
            )
            is_theirs = readable and not parcel.nil and not parcel.shredded
            if is_theirs and lead.state != ENDED and lead.has_password:
                check_a_lead(world, model, lead, parcel)


def check_keys_of_others(world: World, model: Model, chance: random.Random) -> None:
    """No copy of a key that somebody once had, or that belongs elsewhere, opens a grant of a school's key."""
    with world.database.reading() as session:
        grants = list_key_grants(session)
        for person, keys in world.keys_ever.items():
            lead = model.leads.get(person)
            for key in keys:
                mine = {
                    (epoch.school_id, epoch.number)
                    for grant, epoch in grants
                    if grant.grantee_fingerprint == key.fingerprint.digest
                }
                entitled = {(lead.school, number) for number in lead.holds} if lead else set()
                assert mine == (entitled if lead and key is keys[-1] else set()), "a grant is where none should be"
                others = [(grant, epoch) for grant, epoch in grants if (epoch.school_id, epoch.number) not in entitled]
                for grant, epoch in chance.sample(others, min(2, len(others))):
                    for claimed in {grant.grantee_id, person}:
                        assert not _opens(world, key, grant, epoch, grantee=claimed)
        _check_forged_actors(world, model, session, chance)


def _opens(world: World, key: object, grant: KeyGrant, epoch: SchoolEpoch, *, grantee: UUID) -> bool:
    info = key_grant_info(
        world.at,
        suite=grant.suite,
        school_id=epoch.school_id,
        epoch=epoch.number,
        epoch_fingerprint=authentic_epoch(world.at, epoch).public.fingerprint,
        grantee_kind=GranteeKind.PERSON,
        grantee_id=grantee,
        grantee_version=grant.grantee_version,
        grantee_fingerprint=key.fingerprint,
    )
    try:
        key.open_seed(grant.sealed, info=info)
    except CryptoError:
        return False
    return True


def _check_forged_actors(world: World, model: Model, session: Session, chance: random.Random) -> None:
    """Somebody who claims to be a lead of a school where they hold nothing gets no key of it."""
    for person in chance.sample(sorted(world.people), 3):
        school = chance.choice(sorted(model.schools))
        lead = model.leads.get(person)
        if lead and lead.school == school and lead.holds:
            continue
        member = world.people[person]
        forged = replace(
            member.actor,
            organisation_id=school,
            organisation_kind=OrganisationKind.SCHOOL,
            roles=frozenset({Role.DESIGNATED_SAFEGUARDING_LEAD}),
        )
        for key in world.keys_ever[person]:
            try:
                open_school_keys(session, world.at, forged, key)
            except KeyMissing:
                continue
            raise AssertionError("a stranger got a school's key")


def check_leavers(model: Model) -> None:
    """Once a school has renewed its key, nobody who left ever saw the one in use."""
    for school_id, school in model.schools.items():
        if school.active is not None and not school.wants_epoch:
            for lead in model.leads.values():
                if lead.school == school_id and lead.state == ENDED:
                    assert school.active not in lead.kept


def check_grants(world: World, model: Model) -> None:
    """Every item's key is sealed to the epochs that the model says, and nothing to a key that was out of use."""
    with world.database.reading() as session:
        found: dict[tuple[UUID, UUID], dict[UUID, set[int]]] = {}
        epochs = {(row.school_id, row.number): row for row in session.scalars(select(SchoolEpoch))}
        for grant in session.scalars(select(ItemGrant)):
            by_school = found.setdefault((grant.dispatch_id, grant.item_id), {})
            by_school.setdefault(grant.recipient_id, set()).add(grant.epoch)
            epoch, item = epochs[grant.recipient_id, grant.epoch], session.get_one(Item, grant.item_id)
            # What another school encrypts anew stays open for a school that has no key in use just now.
            assert (
                epoch.retired_at is None
                or grant.created_at <= epoch.retired_at
                or grant.created_at == item.reencrypted_at
            )
    expected = {place: by_school for place, by_school in model.sealed.items() if any(by_school.values())}
    assert found == {
        place: {school: numbers for school, numbers in by_school.items() if numbers}
        for place, by_school in expected.items()
    }


def check_states(world: World, model: Model) -> None:
    with world.database.reading() as session:
        rows = {row.id: row for row in session.scalars(select(Dispatch))}
        assert {number: row.status.value for number, row in rows.items()} == {
            number: parcel.status for number, parcel in model.parcels.items()
        }
        for number, parcel in model.parcels.items():
            assert (rows[number].shredded_at is not None) == parcel.shredded
            assert parcel.status == "draft" or (rows[number].delivered_at is not None) == parcel.delivered
        epochs = {(row.school_id, row.number): row.state.value for row in session.scalars(select(SchoolEpoch))}
    assert epochs == {
        (school_id, number): epoch.state
        for school_id, school in model.schools.items()
        for number, epoch in school.epochs.items()
    }


def check_quorum(world: World, model: Model, places: Iterable[tuple[Parcel, UUID]]) -> None:
    """Three custodians open every live item from the rows and their shares alone."""
    with world.database.reading() as session:
        escrow = _open_escrow(world, session)
        for parcel, item_id in places:
            item = session.get_one(Item, item_id)
            dispatch = session.get_one(Dispatch, parcel.number)
            rows = session.scalars(
                select(ItemGrant).where(ItemGrant.dispatch_id == parcel.number, ItemGrant.item_id == item_id)
            ).all()
            ways = [row for row in rows if (row.recipient_id, row.epoch) in escrow]
            assert ways, "a live item is lost to the custodians"
            for row in ways:
                key = escrow[row.recipient_id, row.epoch]
                keys = SchoolKeys(school_id=row.recipient_id, epochs={row.epoch: key}, seeds={}, active_number=None)
                data_key = open_key(world.at, keys, dispatch=dispatch, item=item, grants=[row])
                open_row(world.at, world.storage, item, data_key, expected=expected_of(item))


def _open_escrow(world: World, session: Session) -> dict[tuple[UUID, int], EpochKey]:
    """Every epoch that some recovery key opens, and that the rows do not call destroyed."""
    opened = {}
    rows = session.execute(
        select(KeyGrant, SchoolEpoch, RecoveryKey)
        .join(SchoolEpoch, SchoolEpoch.id == KeyGrant.school_epoch_id)
        .join(RecoveryKey, RecoveryKey.id == KeyGrant.grantee_id)
        .where(KeyGrant.grantee_kind == GranteeKind.RECOVERY)
    )
    for grant, epoch, recovery in rows:
        assert epoch.state is not KeyState.DESTROYED
        key = quorum_key(world.recovery_seeds[recovery.number - 1])
        info = formats.key_grant_info(
            suite=grant.suite,
            deployment=world.at.deployment,
            org=epoch.school_id,
            epoch=epoch.number,
            epoch_fingerprint=authentic_epoch(world.at, epoch).public.fingerprint,
            grantee_kind=formats.GranteeKind.RECOVERY,
            grantee=recovery.id,
            grantee_version=recovery.number,
            grantee_fingerprint=key.fingerprint,
        )
        seed: Seed = key.open_seed(grant.sealed, info=info)
        opened[epoch.school_id, epoch.number] = EpochKey.from_seed(seed)
    return opened


def check_doctor(world: World, model: Model) -> None:
    """The doctor finds what the model expects: too few holders, no code, no escrow yet; nothing else."""
    expected: Counter[str] = Counter()
    for school_id, school in model.schools.items():
        if school.active is not None:
            holders = len(model.holders(school_id))
            expected["epoch_with_one_holder"] += holders == 1
            expected["epoch_without_holder"] += holders == 0
        expected["epoch_without_escrow"] += sum(
            epoch.state != "destroyed" and model.recovery not in epoch.escrowed for epoch in school.epochs.values()
        )
    for lead in model.leads.values():
        if lead.state == "active":
            expected["person_without_unlock"] += not lead.has_password
            expected["person_without_recovery_code"] += not lead.has_code
    # A restore may leave the draft of a school that sent the file back since: nobody signed anything to it.
    expected["sender_has_no_grant"] = sum(
        not model.sealed.get((parcel.number, item), {}).get(parcel.sender) for parcel, item in model.live_items()
    )
    found = examine(world.database, world.at, world.storage, secret_files={}).counts
    assert {ailment.value: count for ailment, count in found.items()} == dict(+expected)


def check_log(world: World) -> None:
    """Every leaf, node and detail is as it was written; grants and epochs can be told from leaves alone."""
    with world.database.reading() as session:
        report = verify_log(
            session, keys=[LOG.verifier], open_sealed=lambda idx, sealed: open_detail(world.at, idx, sealed)
        )
        bodies = session.scalars(select(LogLeaf.body).order_by(LogLeaf.idx)).all()
        grants = list_key_grants(session, every_kind=True)
        epochs = session.scalars(select(SchoolEpoch)).all()
    assert report.problems == []
    rebuilt = Rebuilt(restores=list(world.restores)).read(decode_leaf(body).said for body in bodies)
    sure = [row for row in epochs if (row.school_id, row.number) not in rebuilt.unsure]
    assert {(row.school_id, row.number): (row.state.value, row.fingerprint.hex()) for row in sure} == {
        place: told for place, told in rebuilt.epochs.items() if place not in rebuilt.unsure
    }
    for kind, told in ((GranteeKind.PERSON, rebuilt.people), (GranteeKind.RECOVERY, rebuilt.escrow)):
        found = {
            (epoch.school_id, epoch.number, grant.grantee_id) for grant, epoch in grants if grant.grantee_kind is kind
        }
        assert {one for one in found ^ told if one[:2] not in rebuilt.unsure} == set()


def list_key_grants(session: Session, *, every_kind: bool = False) -> Grants:
    rows = session.execute(select(KeyGrant, SchoolEpoch).join(SchoolEpoch, SchoolEpoch.id == KeyGrant.school_epoch_id))
    return [(grant, epoch) for grant, epoch in rows if every_kind or grant.grantee_kind is GranteeKind.PERSON]
