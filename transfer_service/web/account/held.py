"""What somebody typed before the session ended, shown again: sealed until now, acted on by nobody."""

from __future__ import annotations

from urllib.parse import parse_qsl
from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from transfer_service.use_cases.people.held_forms import find_held_form, take_held_form
from transfer_service.use_cases.people.sessions import LiveSession
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.web import access
from transfer_service.web.account.acting import live_session, person_here, with_next
from transfer_service.web.account.arriving import CHOOSE_PLACE, HELD_FORM
from transfer_service.web.account.questions import tell_typed
from transfer_service.web.addresses import see_other
from transfer_service.web.current import current_services

NO_PLACE_OF_YOURS = "a place to which you do not belong any more"
blueprint = Blueprint("held", __name__)


@blueprint.get(HELD_FORM)
@access.signed_in
def newest() -> ResponseReturnValue:
    """Lead to the newest form that waits, or to the start page where none does."""
    services = current_services()
    with services.database.reading() as session:
        held = find_held_form(session, services.installation, live_session().actor)
    return see_other(f"{HELD_FORM}/{held[0]}" if held else "/")


@blueprint.get(f"{HELD_FORM}/<uuid:form_id>")
@access.signed_in
def held_form(form_id: UUID) -> ResponseReturnValue:
    """Show what was typed, with a button that sends it now, for the place alone for which it was typed."""
    services = current_services()
    person, live = person_here(), live_session()
    with services.database.writing() as session:
        key = open_person_key(session, services.installation, cookie=person.token)
        kept = take_held_form(session, services.installation, person.actor, person_key=key, form_id=form_id)
        another = find_held_form(session, services.installation, person.actor)
    fields = parse_qsl(kept.body.decode(), keep_blank_values=True)
    return render_template(
        "account/held_form.html",
        path=kept.path,
        fields=fields,
        typed=tell_typed(fields),
        elsewhere=_elsewhere(live, kept.place),
        choose_address=with_next(CHOOSE_PLACE, f"{HELD_FORM}/{form_id}"),
        another=f"{HELD_FORM}/{another[0]}" if another else None,
    )


def _elsewhere(live: LiveSession, key: str) -> str | None:
    """The name of the place for which a form was typed, where the person does not act for it now."""
    if not key or (live.place is not None and live.place.key == key):
        return None
    return next((place.name for place in live.places if place.key == key), NO_PLACE_OF_YOURS)
