"""One school's dispatches, one transfer's standing, and the name behind a reference."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from flask import render_template, request
from werkzeug.wrappers import Response

from schemas.authority import ShowPupilNameSchema
from schemas.oversight import SchoolFilter, SchoolFilterSchema
from transfer_service.domain.compliance import REASON_LABELS
from transfer_service.domain.deadlines import BAND_LABELS
from transfer_service.domain.events import Basis
from transfer_service.domain.oversight import DISPATCH_SHOW_LABELS, Box, DispatchShow
from transfer_service.domain.permissions import Permission
from transfer_service.domain.transfer import DISPATCH_KIND_LABELS
from transfer_service.use_cases.oversight import exporting, school_exchange
from transfer_service.use_cases.oversight.school_exchange import Listing
from transfer_service.web import access
from transfer_service.web.authority.frame import blueprint, tidy_reference
from transfer_service.web.current import current_actor, current_services
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.table_files import ENDINGS, table_file

NAME_BASES: Final = {
    Basis.CASE_ENQUIRY: "Somebody asks about this case",
    Basis.MISDIRECTED: "It may have gone to the wrong school",
    Basis.DATA_PROTECTION_REQUEST: "A data protection request",
    Basis.COMPLAINT: "A complaint",
    Basis.COURT_ORDER: "A court order",
}
_WORDS: Final[dict[str, Any]] = {
    "band_labels": BAND_LABELS,
    "reason_labels": REASON_LABELS,
    "kind_labels": DISPATCH_KIND_LABELS,
}


@blueprint.get("/schools/<urn>")
@access.requires(Permission.COMPLIANCE_READ)
def school(urn: str) -> tuple[str, int]:
    """Show a school's figures and one page of what it sent or received."""
    listing, status = _read_listing()
    services, actor = current_services(), current_actor()
    at = services.installation
    with services.database.writing() as session:
        look = school_exchange.look_at_school(session, at, actor, urn=urn)
    with services.database.reading() as session:
        found = school_exchange.get_school_exchange(session, at, actor, look=look, urn=urn, listing=listing)
    following = f"?box={listing.box.value}&show={listing.show.value}&after={found.next_after}#transfers"
    page = render_template(
        "authority/school.html",
        found=found,
        listing=listing,
        shows=list(DISPATCH_SHOW_LABELS.items()),
        next_address=following if found.next_after else "",
        **_WORDS,
    )
    return page, status


@blueprint.get(f"/schools/<urn>/transfers.{ENDINGS}")
@access.requires(Permission.COMPLIANCE_READ)
def school_file(urn: str, ending: str) -> Response:
    """Give the list of a school's page, whole, as a table to take away."""
    listing, _ = _read_listing()
    services, actor = current_services(), current_actor()
    at = services.installation
    with services.database.writing() as session:
        look = exporting.look_to_export(session, at, actor, urn=urn)
    with services.database.reading() as session:
        table = exporting.export_school(session, at, actor, look=look, urn=urn, listing=listing)
    return table_file(table, ending, title="Transfers")


@blueprint.get("/transfers/<reference>")
@access.requires(Permission.COMPLIANCE_READ)
def transfer(reference: str) -> str:
    """Show how one transfer stands."""
    services, actor = current_services(), current_actor()
    at, tidied = services.installation, tidy_reference(reference)
    with services.database.writing() as session:
        look = school_exchange.look_at_transfer(session, at, actor, reference=tidied)
    with services.database.reading() as session:
        found = school_exchange.get_transfer_standing(session, at, actor, look=look, reference=tidied)
    return render_template("authority/transfer.html", found=found, **_WORDS)


@blueprint.get("/transfers/<reference>/name")
@access.requires(Permission.PUPIL_NAME_SHOW)
def ask_name(reference: str) -> str:
    """Ask why the name is needed, and nothing else."""
    services = current_services()
    with services.database.reading() as session:
        known = school_exchange.find_reference(session, current_actor(), reference=tidy_reference(reference))
    return render_template("authority/name_ask.html", form=Form(), reference=known, bases=list(NAME_BASES.items()))


@blueprint.post("/transfers/<reference>/name")
@access.requires(Permission.PUPIL_NAME_SHOW)
def show_name(reference: str) -> str | tuple[str, int]:
    """Show the name once its leaf is committed; the page is the answer itself, so that no address shows it again."""
    services, actor = current_services(), current_actor()
    submitted = submit(ShowPupilNameSchema, request.form)
    if submitted.value is None:
        with services.database.reading() as session:
            known = school_exchange.find_reference(session, actor, reference=tidy_reference(reference))
        bases = list(NAME_BASES.items())
        return refused("authority/name_ask.html", submitted.form, reference=known, bases=bases)
    with services.database.writing() as session:
        found = school_exchange.show_pupil_name(
            session,
            services.installation,
            actor,
            reference=tidy_reference(reference),
            basis=submitted.value.basis,
        )
    return render_template("authority/name.html", found=found, basis_labels=NAME_BASES)


def _read_listing() -> tuple[Listing, int]:
    submitted = submit(SchoolFilterSchema, request.args)
    asked = submitted.value or SchoolFilter()
    listing = Listing(box=asked.box or Box.SENT, show=asked.show or DispatchShow.OPEN, after=asked.after)
    return listing, HTTPStatus.OK if submitted.value else HTTPStatus.UNPROCESSABLE_ENTITY
