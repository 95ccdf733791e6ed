"""The recovery key: who keeps its shares, when it was last tried, and the files of a drill or an opening."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from flask import render_template, request
from werkzeug.wrappers import Response

from schemas.recovery import KeeperOf, RecordCustodianSchema
from transfer_service.domain.custodians import KEEPER_PROBLEM_SENTENCES, RECOVERY_STATE_LABELS
from transfer_service.domain.errors import AlreadyDone, Invalid
from transfer_service.domain.permissions import Permission
from transfer_service.domain.roles import authority_of
from transfer_service.use_cases.keys.custodians import (
    CustodianTold,
    end_custodian,
    get_custody,
    record_custodian,
)
from transfer_service.use_cases.keys.recovery import list_recoveries
from transfer_service.use_cases.oversight.recovery_bundles import export_for_drill
from transfer_service.use_cases.oversight.recovery_imports import import_grants, import_verdict
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.authority.frame import blueprint
from transfer_service.web.current import current_actor, current_services
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice

_PAGE: Final = "/authority/recovery"
_RECORDED: Final = declare_notice("custodian-recorded", "The custodian is recorded.")
_ENDED: Final = declare_notice("custodian-ended", "The record is ended. Say who keeps the share now.")
_DRILLED: Final = declare_notice("drill-recorded", "The drill is recorded: every school’s key opened.")
_FAILED: Final = declare_notice(
    "drill-failed",
    "The drill is recorded: not every school’s key opened. Have a safeguarding lead of each school sign in, and "
    "repeat it.",
    success=False,
)
_RECOVERED: Final = declare_notice(
    "recovery-completed", "The school’s keys are granted. The school has a new key when the person signs in next."
)
KEEPERS: Final = (
    (KeeperOf.NEITHER, "Neither works for the authority nor operates this service"),
    (KeeperOf.AUTHORITY, "Works for the authority"),
    (KeeperOf.HEAD_OF_SERVICE, "Is the Head of Service"),
    (KeeperOf.OPERATOR, "Operates this service"),
)


@blueprint.get("/recovery")
@access.requires(Permission.CUSTODIANS_EDIT)
def recovery() -> str:
    """Show how the recovery key stands."""
    return _page(Form())


@blueprint.get("/recovery/custodians/new")
@access.requires(Permission.CUSTODIANS_EDIT)
def ask_custodian() -> str:
    """Ask who keeps a share."""
    return render_template("authority/recovery/custodian.html", form=Form(), keepers=KEEPERS)


@blueprint.post("/recovery/custodians/new")
@access.requires(Permission.CUSTODIANS_EDIT)
def custodian_recorded() -> Response | tuple[str, int]:
    """Record the keeper of a share."""
    submitted = submit(RecordCustodianSchema, request.form)
    form, asked = submitted.form, submitted.value
    if asked is not None:
        told = CustodianTold(
            share=asked.share,
            name=asked.name,
            employer=asked.employer,
            works_for_authority=asked.works_as is KeeperOf.AUTHORITY,
            is_head_of_service=asked.works_as is KeeperOf.HEAD_OF_SERVICE,
            operates_service=asked.works_as is KeeperOf.OPERATOR,
        )
        services = current_services()
        try:
            with services.database.writing() as session:
                record_custodian(session, services.installation, current_actor(), told=told)
        except AlreadyDone as refusal:
            form = form.with_errors({"share": [refusal.sentence]})
        else:
            leave_notice(_RECORDED)
            return see_other(_PAGE)
    return refused("authority/recovery/custodian.html", form, keepers=KEEPERS)


@blueprint.post("/recovery/custodians/<uuid:custodian_id>/end")
@access.requires(Permission.CUSTODIANS_EDIT)
def custodian_ended(custodian_id: UUID) -> Response:
    """Record that somebody keeps a share no more."""
    services = current_services()
    with services.database.writing() as session:
        end_custodian(session, services.installation, current_actor(), custodian_id=custodian_id)
    leave_notice(_ENDED)
    return see_other(_PAGE)


@blueprint.post("/recovery/drill-bundle")
@access.requires(Permission.CUSTODIANS_EDIT)
def drill_bundle() -> Response:
    """Hand out the bundle for a drill, once its leaf is committed."""
    services, actor = current_services(), current_actor()
    with services.database.writing() as session:
        text = export_for_drill(
            session,
            services.installation,
            actor,
            authority_id=authority_of(actor),
            is_demo=services.settings.is_demo,
        )
    return json_file(text, name="recovery-drill.json")


@blueprint.post("/recovery/import")
@access.requires(Permission.CUSTODIANS_EDIT)
def take_in() -> Response | tuple[str, int]:
    """Take in a file of the custodians' tool: the verdict of a drill, or the grants of an opening."""
    services, actor = current_services(), current_actor()
    given = request.files.get("file")
    text = given.stream.read().decode(errors="replace") if given else ""
    if not text:
        return _page(Form().with_errors({"file": ["Choose the file that the custodians’ tool wrote"]})), 422
    is_verdict = '"results"' in text
    try:
        with services.database.writing() as session:
            if is_verdict:
                failed = import_verdict(session, services.installation, actor, text=text).failed
            else:
                import_grants(session, services.installation, actor, text=text)
                failed = 0
    except Invalid as refusal:
        return _page(Form().with_errors(refusal.fields)), 422
    leave_notice((_FAILED if failed else _DRILLED) if is_verdict else _RECOVERED)
    return see_other(_PAGE)


def json_file(text: str, *, name: str) -> Response:
    """Answer with a file that the browser saves."""
    response = Response(text, content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _page(form: Form) -> str:
    services, actor = current_services(), current_actor()
    at = services.installation
    with services.database.reading() as session:
        custody = get_custody(session, at, actor)
        requests = list_recoveries(session, at, actor)
    return render_template(
        "authority/recovery/recovery.html",
        custody=custody,
        requests=requests,
        form=form,
        sentences=KEEPER_PROBLEM_SENTENCES,
        state_labels=RECOVERY_STATE_LABELS,
    )
