"""After signing in: where to act, what waits to be done with the key, what was typed before; then the page wanted."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from flask import Blueprint, current_app, render_template, request
from flask.typing import ResponseReturnValue

from schemas.accounts import ChoosePlaceSchema
from transfer_service.domain.errors import ServiceError
from transfer_service.use_cases.keys.granting import get_own_words
from transfer_service.use_cases.keys.probing import probe_grants
from transfer_service.use_cases.keys.renewal import go_on
from transfer_service.use_cases.keys.waiting import WaitingAct, complete_waiting_acts, list_waiting_acts
from transfer_service.use_cases.people.held_forms import find_held_form
from transfer_service.use_cases.people.sessions import LiveSession, choose_place
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.use_cases.people.ways_back import list_waiting_schools
from transfer_service.web import access
from transfer_service.web.access import Kind
from transfer_service.web.account.acting import ARRIVE, live_session, person_here, wanted, with_next
from transfer_service.web.account.lookups import say_roles
from transfer_service.web.addresses import see_other
from transfer_service.web.current import current_services
from transfer_service.web.forms import Form, filled, refused, submit
from transfer_service.web.guard import SAFE_METHODS, current_access
from transfer_service.web.notices import declare_notice, leave_notice
from transfer_service.web.school.acting import acting
from transfer_service.web.school.home import deliver_what_waits
from transfer_service.web.sessions import signed_in

CHOOSE_PLACE = "/choose-place"
WAITING = "/waiting"
RECOVERY_CODE = "/account/recovery-code"
SCHOOL_KEY = "/school-key"
HELD_FORM = "/held-form"
OWN_PAGES = frozenset(
    {"arriving", "own_account", "own_device", "own_recovery", "backup_codes", "held", "password_again", "invitations"}
)
"""Groups of pages that are about the person, for whom no role is needed."""

KEY_RENEWED = declare_notice(
    "school-key-renewed", "Your school has a new key, because a colleague who held the old one has left."
)
CHOOSE_ONE = "Choose where you are acting now"
log = structlog.stdlib.get_logger(__name__)
blueprint = Blueprint("arriving", __name__)


@blueprint.before_app_request
def lead_people_without_roles() -> ResponseReturnValue | None:
    """Lead somebody who has no role yet, or has not said where to act, to the page that says what comes next."""
    asked = current_access(current_app)
    if asked is None or asked.kind is not Kind.SIGNED_IN or request.method not in SAFE_METHODS:
        return None
    person = signed_in()
    if person is None or person.actor.effective_roles or request.blueprint in OWN_PAGES:
        return None
    if person.can_switch and not person.organisation_name:
        return see_other(with_next(CHOOSE_PLACE, request.full_path.rstrip("?")))
    return see_other(WAITING)


@blueprint.get(ARRIVE)
@access.signed_in
def arrive() -> ResponseReturnValue:
    """Lead to the first thing that waits for whoever has just signed in, and at last to the page wanted."""
    live = live_session()
    if live.place is None and len(live.places) > 1:
        return see_other(with_next(CHOOSE_PLACE, wanted()))
    if not live.has_recovery_code and "later" not in request.args:
        return see_other(with_next(RECOVERY_CODE, wanted()))
    services = current_services()
    with services.database.reading() as session:
        acts = list_waiting_acts(session, services.installation, live.actor)
    if WaitingAct.FIRST_EPOCH in acts:
        return see_other(with_next(SCHOOL_KEY, wanted()))
    if acts:
        _complete(live)
    if live.actor.holds_keys:
        deliver_what_waits(acting())
        _try_with_key(live, go_on, failing="renewal not continued")
        _try_with_key(live, probe_grants, failing="grants not tried")
    with services.database.reading() as session:
        held = find_held_form(session, services.installation, live.actor)
    return see_other(f"{HELD_FORM}/{held[0]}" if held else wanted())


@blueprint.get(CHOOSE_PLACE)
@access.signed_in
def choose() -> ResponseReturnValue:
    """Ask for which of several places the person acts now."""
    live = live_session()
    chosen = filled({"place": live.place.key}) if live.place else Form()
    return render_template("account/choose_place.html", form=chosen, options=_options(live))


@blueprint.post(CHOOSE_PLACE)
@access.signed_in
def send_choice() -> ResponseReturnValue:
    """Act for the chosen place from now on."""
    live = live_session()
    submitted = submit(ChoosePlaceSchema, request.form)
    place = next((one for one in live.places if submitted.value and one.key == submitted.value.place), None)
    if place is None:
        form = submitted.form if submitted.value is None else submitted.form.with_errors({"place": [CHOOSE_ONE]})
        return refused("account/choose_place.html", form, options=_options(live))
    services = current_services()
    with services.database.writing() as session:
        choose_place(session, services.installation, live.actor, kind=place.kind, organisation_id=place.organisation_id)
    return see_other(with_next(ARRIVE, wanted(), later="yes"))


@blueprint.get(WAITING)
@access.signed_in
def waiting() -> ResponseReturnValue:
    """Say what happens next to somebody whose role waits for approval, and which words to read out."""
    live = live_session()
    services = current_services()
    with services.database.reading() as session:
        schools = list_waiting_schools(session, live.actor)
        words = get_own_words(session, services.installation, live.actor) if schools else ()
    if live.actor.effective_roles and not schools:
        return see_other("/")
    return render_template("account/waiting.html", schools=schools, words=words, live=live)


def _options(live: LiveSession) -> list[dict[str, str]]:
    return [
        {
            "value": place.key,
            "text": f"{place.name}, {place.where}" if place.where else place.name,
            "hint": say_roles(place),
        }
        for place in live.places
    ]


def _try_with_key(live: LiveSession, act: Callable[..., object], *, failing: str) -> None:
    """Do with the person's key what nobody asked for by name; a sign-in does not fail because of it."""
    services = current_services()
    try:
        with services.database.reading() as session:
            person_key = open_person_key(session, services.installation, cookie=person_here().token)
        act(
            services.database,
            services.installation,
            live.actor,
            person_key=person_key,
            storage=services.equipment.storage,
        )
    except ServiceError:
        log.warning(failing, exc_info=True)


def _complete(live: LiveSession) -> None:
    """Do what waited for somebody with a key; a sign-in does not fail because it cannot be done now."""
    services = current_services()
    token = person_here().token
    try:
        with services.database.writing() as session:
            person_key = open_person_key(session, services.installation, cookie=token)
            done = complete_waiting_acts(session, services.installation, live.actor, person_key=person_key)
    except ServiceError:
        log.warning("waiting acts not completed", exc_info=True)
        return
    if WaitingAct.NEXT_EPOCH in done:
        leave_notice(KEY_RENEWED)
