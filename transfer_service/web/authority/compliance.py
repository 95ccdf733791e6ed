"""The compliance page: which schools are late, in ten seconds."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, TypeVar
from urllib.parse import urlencode

from flask import render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from schemas.oversight import ComplianceFilter, ComplianceFilterSchema
from transfer_service.domain.compliance import OUTCOME_LABELS, REASON_LABELS
from transfer_service.domain.deadlines import BAND_LABELS, Band
from transfer_service.domain.oversight import (
    PERIOD_LABELS,
    SCHOOL_ORDER_LABELS,
    SCHOOL_SHOW_LABELS,
    PeriodChoice,
    SchoolOrder,
    SchoolShow,
)
from transfer_service.domain.permissions import Permission
from transfer_service.reports.charts import Bar, svg_bars
from transfer_service.use_cases.keys.custodians import find_custody
from transfer_service.use_cases.oversight import exporting
from transfer_service.use_cases.oversight.compliance import Filters, Totals, get_compliance, look_at_compliance
from transfer_service.use_cases.oversight.health import get_log_health
from transfer_service.web import access
from transfer_service.web.authority.frame import blueprint, errors_beside
from transfer_service.web.current import current_actor, current_services
from transfer_service.web.forms import Form, filled, submit
from transfer_service.web.table_files import ENDINGS, table_file

Choice = TypeVar("Choice", bound=StrEnum)

_BANDS: Final = (Band.ON_TIME, Band.LATE, Band.NOT_DUE, Band.OVERDUE, Band.NEVER)
_HEADINGS: Final = MappingProxyType(
    {
        SchoolShow.ACTIVE: "Schools and what they owe",
        SchoolShow.ALL: "All schools",
        SchoolShow.OVERDUE: "Schools with something overdue",
        SchoolShow.NEVER_SENT: "Schools that never sent a file",
        SchoolShow.QUIET: "Schools with no activity",
        SchoolShow.KEYS: "Schools with too few key holders",
        SchoolShow.ALWAYS_NIL: "Schools that always declare nil",
    }
)
_INPUTS: Final = frozenset({"period", "show", "order", "name"})


@blueprint.get("")
@access.requires(Permission.COMPLIANCE_READ)
def compliance() -> str | tuple[str, int]:
    """Show the figures of all schools, and one page of the table by school."""
    filters, form, status = _read_filters()
    services, actor = current_services(), current_actor()
    at = services.installation
    with services.database.writing() as session:
        look = look_at_compliance(session, at, actor)
    with services.database.reading() as session:
        found = get_compliance(session, at, actor, look=look, filters=filters)
        health = get_log_health(session, at, actor, policy=services.settings.log_policy)
        custody = find_custody(session, at, actor)
    page = render_template(
        "authority/compliance.html",
        found=found,
        health=health,
        custody=custody,
        form=form,
        filters=filters,
        bands=_BANDS,
        band_labels=BAND_LABELS,
        outcome_labels=OUTCOME_LABELS,
        reason_labels=REASON_LABELS,
        periods=_others(PERIOD_LABELS, PeriodChoice.TWELVE_MONTHS),
        orders=_others(SCHOOL_ORDER_LABELS, SchoolOrder.OVERDUE),
        shows=_others(SCHOOL_SHOW_LABELS, SchoolShow.ACTIVE),
        heading=_HEADINGS[filters.show],
        usual_show=SCHOOL_SHOW_LABELS[SchoolShow.ACTIVE],
        is_usual=filters == Filters() and status == HTTPStatus.OK,
        chart=_chart(found.totals),
        query=_query(filters),
        next_address=f"/authority?{_query(filters, after=found.next_after)}" if found.next_after else "",
    )
    return page, status


@blueprint.get(f"/compliance.{ENDINGS}")
@access.requires(Permission.COMPLIANCE_READ)
def compliance_file(ending: str) -> Response:
    """Give the figures of all schools as a table to take away."""
    filters, _, _ = _read_filters()
    services, actor = current_services(), current_actor()
    at = services.installation
    with services.database.writing() as session:
        look = exporting.look_to_export(session, at, actor, urn=None)
    with services.database.reading() as session:
        table = exporting.export_figures(session, at, actor, look=look, period=filters.period, order=filters.order)
    return table_file(table, ending, title="Compliance")


def _read_filters() -> tuple[Filters, Form, int]:
    submitted = submit(ComplianceFilterSchema, request.args)
    asked, form, status = submitted.value, submitted.form, HTTPStatus.OK
    if asked is None:
        asked, form, status = ComplianceFilter(), errors_beside(form, _INPUTS), HTTPStatus.UNPROCESSABLE_ENTITY
    else:
        form = filled({"period": asked.period, "show": _shown(asked), "order": asked.order, "name": asked.name})
    filters = Filters(
        period=asked.period or PeriodChoice.TWELVE_MONTHS,
        show=_shown(asked) or SchoolShow.ACTIVE,
        order=asked.order or SchoolOrder.OVERDUE,
        name=asked.name,
        after=asked.after,
    )
    return filters, form, status


def _shown(asked: ComplianceFilter) -> SchoolShow | None:
    """Which schools are asked for: whoever looks for a school by name means any of them."""
    return asked.show or (SchoolShow.ALL if asked.name else None)


def _query(filters: Filters, after: str | None = None) -> str:
    """The filters as part of an address; what is as usual is left out."""
    usual = Filters()
    parts = {
        "period": filters.period.value if filters.period is not usual.period else None,
        "show": filters.show.value if filters.show is not usual.show else None,
        "order": filters.order.value if filters.order is not usual.order else None,
        "name": filters.name,
        "after": after,
    }
    return urlencode({name: value for name, value in parts.items() if value})


def _others(labels: Mapping[Choice, str], usual: Choice) -> list[tuple[Choice, str]]:
    """The choices beside the usual one, which the list shows as its empty entry."""
    return [(choice, label) for choice, label in labels.items() if choice is not usual]


def _chart(totals: Totals) -> Markup:
    drawn = svg_bars(
        chart_id="clocks",
        title="How sending and acknowledging stand against their dates",
        description="The same figures are in the table before this chart.",
        series=[BAND_LABELS[band] for band in _BANDS],
        bars=[
            Bar("Sending", tuple(totals.sender[band] for band in _BANDS)),
            Bar("Acknowledging", tuple(totals.receiver[band] for band in _BANDS)),
        ],
    )
    # Made by our own module, which escapes every text in it.
    return Markup(drawn)  # noqa: S704
