"""Closed schools in use here: an officer says which school each has become."""

from __future__ import annotations

from typing import Final

from flask import render_template, request
from werkzeug.wrappers import Response

from schemas.keys import SuccessorSchema
from transfer_service.domain.errors import RuleForbids
from transfer_service.domain.permissions import Permission
from transfer_service.use_cases.oversight import conversions as use_cases
from transfer_service.use_cases.oversight.conversions import Unconverted
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.authority.frame import blueprint
from transfer_service.web.current import current_actor, current_services
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice

_LIST: Final = "/authority/conversions"
_CONVERTED: Final = declare_notice(
    "school-converted", "The school goes on under its new URN, with its people, its key and its files."
)


@blueprint.get("/conversions")
@access.requires(Permission.AUTHORITY_SETTINGS_EDIT)
def conversions() -> str:
    """List the closed schools that still have people or files here."""
    services = current_services()
    with services.database.reading() as session:
        found = use_cases.list_unconverted(session, current_actor())
        return render_template("authority/conversions.html", found=found)


@blueprint.get("/conversions/<urn>")
@access.requires(Permission.AUTHORITY_SETTINGS_EDIT)
def conversion(urn: str) -> str:
    """Ask which school it became."""
    return render_template("authority/convert.html", one=_get(urn), form=Form())


@blueprint.post("/conversions/<urn>")
@access.requires(Permission.AUTHORITY_SETTINGS_EDIT)
def convert(urn: str) -> Response | tuple[str, int]:
    """Have the school go on as the chosen one."""
    submitted = submit(SuccessorSchema, request.form)
    if submitted.value is None:
        return refused("authority/convert.html", submitted.form, one=_get(urn))
    services = current_services()
    try:
        with services.database.writing() as session:
            use_cases.convert_school(
                session, services.installation, current_actor(), urn=urn, successor_urn=submitted.value.successor
            )
    except RuleForbids as refusal:
        form = submitted.form.with_errors({"successor": [refusal.sentence]})
        return refused("authority/convert.html", form, one=_get(urn))
    leave_notice(_CONVERTED)
    return see_other(_LIST)


def _get(urn: str) -> Unconverted:
    services = current_services()
    with services.database.reading() as session:
        return use_cases.get_unconverted(session, current_actor(), urn=urn)
