"""Wherever a walk ends, there is a way back: after some ordinary acts every live file opens for both its schools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.keys.lifecycle import invariants
from tests.integration.keys.lifecycle.entitlement import ACTIVE, RECEIVED, WAITING

if TYPE_CHECKING:
    from tests.integration.keys.lifecycle.test_lifecycle import Lifecycle


def heal(walk: Lifecycle) -> None:
    """Each school gets a lead who holds its key; custodians open what nobody holds; all unlock, and grant each other.

    Then whoever is entitled opens every live file, except what only custodians of a replaced key could have opened.
    """
    model, world = walk.model, walk.world
    for lead in [lead for lead in model.leads.values() if lead.state in (ACTIVE, WAITING) and not lead.has_password]:
        walk.forget(lead)
    for school_id in walk.schools:
        _give_the_school_its_key(walk, school_id)
        _open_what_nobody_holds(walk, school_id)
    for _ in range(2):  # what is delivered may wait for what another school's unlock brings about
        for school_id in walk.schools:
            for holder in model.holders(school_id)[:1]:
                world.clock.move(minutes=2)
                walk.unlock(holder)
                for colleague in [lead for lead in model.staff(school_id, ACTIVE, WAITING) if lead is not holder]:
                    if colleague.state == WAITING or holder.holds - colleague.holds:
                        walk.grant(holder, colleague)
    for parcel in model.parcels.values():
        if parcel.shredded or parcel.nil or any(parcel.sender not in model.holders_of(one) for one in parcel.items):
            continue
        for school_id in {parcel.sender} | ({parcel.receiver} if parcel.status in RECEIVED else set()):
            lost = not any(
                model.sealed[parcel.number, item].get(school_id, set()) & model.held(school_id) for item in parcel.items
            )
            assert not lost or not _could_be_recovered(walk, school_id), "a file is lost to its school"
        assert parcel.status != "waiting" or any(
            not model.opens_all(lead, parcel) for lead in model.holders(parcel.sender)
        ), "a file waits for ever"
    invariants.check_people(world, model, model.parcels.values())
    invariants.check_doctor(world, model)


def _give_the_school_its_key(walk: Lifecycle, school_id) -> None:
    model = walk.model
    if model.schools[school_id].active is not None:
        return
    lead = next(iter(model.staff(school_id, WAITING)), None) or walk.join(school_id)
    if lead.state == WAITING:
        walk.approve(lead)
    walk.world.clock.move(minutes=2)
    walk.unlock(lead)


def _open_what_nobody_holds(walk: Lifecycle, school_id) -> None:
    if _could_be_recovered(walk, school_id):
        walk.recover(walk.model.holders(school_id)[0])


def _could_be_recovered(walk: Lifecycle, school_id) -> bool:
    school = walk.model.schools[school_id]
    return any(walk.model.recovery in school.epochs[number].escrowed for number in walk.model.unheld(school_id))
