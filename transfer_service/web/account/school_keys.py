"""The school's key: making the first one, showing its words, and granting it to a colleague."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from schemas.base import NothingSchema
from schemas.people import CompareKeySchema
from transfer_service.domain.errors import AlreadyDone, Invalid, KeyMissing, RuleForbids
from transfer_service.domain.events import Basis
from transfer_service.domain.permissions import Permission
from transfer_service.use_cases.keys.granting import FingerprintPair, compare_fingerprints, grant_school_keys
from transfer_service.use_cases.keys.holding import open_school_keys
from transfer_service.use_cases.keys.showing import show_school_key
from transfer_service.use_cases.keys.waiting import WaitingAct, complete_waiting_acts, list_waiting_acts
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.web import access
from transfer_service.web.account.acting import (
    ARRIVE,
    live_session,
    needs_password,
    person_here,
    wanted,
    with_next,
)
from transfer_service.web.account.arriving import SCHOOL_KEY
from transfer_service.web.account.people import PEOPLE
from transfer_service.web.addresses import see_other
from transfer_service.web.current import current_actor, current_services
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice

MADE = declare_notice("school-key-made", "Your school’s key was made. Files can be sent to your school now.")
GRANTED = declare_notice("school-key-granted", "Your colleague now holds the school’s key and can read its files.")
HELD_ALREADY = declare_notice(
    "school-key-held-already", "Your colleague holds the school’s key already. Nothing was changed.", success=False
)
BASES = (
    (Basis.TELEPHONE_CHECK.value, "By telephone, on a number that I already had"),
    (Basis.IN_PERSON_CHECK.value, "In person"),
)
blueprint = Blueprint("school_keys", __name__)


@blueprint.get(SCHOOL_KEY)
@access.requires(Permission.KEYS_GRANT)
def school_key() -> ResponseReturnValue:
    """Offer to make the school's key where that waits; else show its words and the person's own."""
    services = current_services()
    actor = current_actor()
    with services.database.reading() as session:
        acts = list_waiting_acts(session, services.installation, actor)
        shown = show_school_key(session, services.installation, actor)
    if WaitingAct.FIRST_EPOCH in acts:
        return render_template("account/make_school_key.html", shown=shown)
    return render_template("account/school_key.html", shown=shown, go_on_address=with_next(ARRIVE, wanted()))


@blueprint.post(SCHOOL_KEY)
@access.requires(Permission.KEYS_GRANT)
def make_school_key() -> ResponseReturnValue:
    """Make the school's key; a second click finds it made."""
    submitted = submit(NothingSchema, request.form)
    if submitted.value is None:
        raise Invalid(submitted.form.errors)
    services = current_services()
    at, person = services.installation, person_here()
    with services.database.writing() as session:
        key = open_person_key(session, at, cookie=person.token)
        done = complete_waiting_acts(session, at, person.actor, person_key=key)
    if WaitingAct.FIRST_EPOCH in done:
        leave_notice(MADE)
    return see_other(with_next(SCHOOL_KEY, wanted()))


@blueprint.get(f"{PEOPLE}/<uuid:membership_id>/grant")
@access.requires(Permission.KEYS_GRANT)
def compare(membership_id: UUID) -> ResponseReturnValue:
    """Show both fingerprints as words, and ask to confirm that they were compared."""
    if not current_actor().holds_keys:
        raise KeyMissing
    return needs_password(live_session()) or render_template(
        "account/grant.html", form=Form(), pair=_pair(membership_id), bases=BASES
    )


@blueprint.post(f"{PEOPLE}/<uuid:membership_id>/grant")
@access.requires(Permission.KEYS_GRANT)
def grant(membership_id: UUID) -> ResponseReturnValue:
    """Grant the school's key."""
    submitted = submit(CompareKeySchema, request.form)
    if submitted.value is None:
        return refused("account/grant.html", submitted.form, pair=_pair(membership_id), bases=BASES)
    services = current_services()
    at, person = services.installation, person_here()
    try:
        with services.database.writing() as session:
            key = open_person_key(session, at, cookie=person.token)
            grant_school_keys(
                session,
                at,
                person.actor,
                school_keys=open_school_keys(session, at, person.actor, key),
                membership_id=membership_id,
                confirmed_words=submitted.value.words,
                basis=submitted.value.basis,
            )
    except AlreadyDone:
        leave_notice(HELD_ALREADY)
        return see_other(PEOPLE)
    except RuleForbids as refusal:
        form = submitted.form.with_errors({"words_agree": [refusal.sentence]})
        return refused("account/grant.html", form, pair=_pair(membership_id), bases=BASES)
    leave_notice(GRANTED)
    return see_other(PEOPLE)


def _pair(membership_id: UUID) -> FingerprintPair:
    services = current_services()
    with services.database.reading() as session:
        return compare_fingerprints(session, services.installation, current_actor(), membership_id=membership_id)
