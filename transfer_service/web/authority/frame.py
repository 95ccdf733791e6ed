"""What every page of an authority shares: its blueprint, the links between its parts, and files to take away."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from transfer_service.domain.permissions import Permission, can
from transfer_service.domain.references import parse_reference
from transfer_service.interchange.writing_tables import CSV_TYPE, XLSX_TYPE, write_csv, write_xlsx
from transfer_service.use_cases.oversight.exporting import Table
from transfer_service.web.current import current_actor

blueprint = Blueprint("authority", __name__, url_prefix="/authority")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the authority's pages, for those who hold the permission."""

    text: str
    address: str
    permission: Permission


SECTIONS: Final = (
    Section("Compliance", "/authority", Permission.COMPLIANCE_READ),
    Section("Approvals", "/authority/approvals", Permission.FIRST_DSL_APPROVE),
    Section("People", "/authority/people", Permission.FIRST_DSL_APPROVE),
    Section("Audit", "/authority/audit", Permission.AUDIT_READ),
    Section("Alerts", "/authority/alerts", Permission.ALERTS_READ),
    Section("Calendar", "/authority/calendar", Permission.AUTHORITY_CALENDAR_EDIT),
    Section("Settings", "/authority/settings", Permission.AUTHORITY_SETTINGS_EDIT),
)


@blueprint.context_processor
def _sections() -> dict[str, Any]:
    actor = current_actor()
    shown = [section for section in SECTIONS if can(actor, section.permission)]
    within = [one.address for one in shown if f"{request.path}/".startswith(f"{one.address}/")]
    return {"sections": shown, "section_address": max(within, key=len, default="")}


def see_other(address: str) -> Response:
    """Lead to another page after an act, so that reloading it does nothing twice."""
    return redirect(address, HTTPStatus.SEE_OTHER)


def tidy_reference(text: str) -> str:
    """Return a reference of an address as it is written properly; what is none stays, and is not found."""
    return parse_reference(text) or text


def table_file(table: Table, ending: str, *, title: str) -> Response:
    """Answer with a table as a file that the browser saves; `ending` is csv or xlsx."""
    if ending == "csv":
        body, media_type = write_csv(table.headings, table.rows), CSV_TYPE
    else:
        body, media_type = write_xlsx(title, table.headings, table.rows), XLSX_TYPE
    response = Response(body, content_type=media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{table.name}.{ending}"'
    return response
