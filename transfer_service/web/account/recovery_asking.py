"""The head teacher asks for the recovery custodians' help, where nobody at the school can open its files any more."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from schemas.recovery import AskRecoverySchema
from transfer_service.domain.errors import AlreadyDone, RuleForbids
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import school_of
from transfer_service.use_cases.keys.recovery import Candidate, list_candidates, request_recovery
from transfer_service.web import access
from transfer_service.web.account.acting import live_session, needs_password
from transfer_service.web.account.people import PEOPLE
from transfer_service.web.addresses import see_other
from transfer_service.web.current import current_actor, current_services
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice

blueprint = Blueprint("recovery_asking", __name__)
RECOVERY: Final = f"{PEOPLE}/recovery"
ASKED: Final = declare_notice(
    "recovery-asked-by-head",
    "The request is made. Two officers of your authority have to approve it. They telephone your school.",
)


@blueprint.get(RECOVERY)
@access.requires(Permission.RECOVERY_REQUEST)
def ask() -> ResponseReturnValue:
    """Ask for whom, and say what else there is."""
    candidates = _candidates()
    return needs_password(live_session()) or render_template(
        "account/ask_recovery.html", form=Form(), candidates=candidates
    )


@blueprint.post(RECOVERY)
@access.requires(Permission.RECOVERY_REQUEST)
def asked() -> ResponseReturnValue:
    """Make the request, and alarm everybody concerned."""
    candidates = _candidates()
    submitted = submit(AskRecoverySchema, request.form)
    form = submitted.form
    if submitted.value is not None:
        services = current_services()
        try:
            with services.database.writing() as session:
                request_recovery(
                    session, services.installation, current_actor(), membership_id=submitted.value.membership
                )
        except (RuleForbids, AlreadyDone) as refusal:
            form = Form().with_errors({"": [refusal.sentence]})
        else:
            leave_notice(ASKED)
            return see_other(PEOPLE)
    elif not candidates:
        form = Form().with_errors({"": ["Nothing can be asked for your school now."]})
    return refused("account/ask_recovery.html", form, candidates=candidates)


def _candidates() -> list[Candidate]:
    services, actor = current_services(), current_actor()
    with services.database.reading() as session:
        return list_candidates(session, services.installation, actor, school_id=school_of(actor))
