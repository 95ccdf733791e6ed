"""The auditor's pages: the log by school, person, transfer, event and day, and one transfer's whole story."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from flask import render_template, request
from werkzeug.wrappers import Response

from schemas.oversight import AuditFilterSchema, AuditPageQuery, AuditPageQuerySchema
from transfer_service.domain.errors import Invalid
from transfer_service.domain.event_words import EVENT_WORDS
from transfer_service.domain.permissions import Permission
from transfer_service.use_cases.oversight import auditing
from transfer_service.use_cases.oversight.auditing import AuditQuery
from transfer_service.use_cases.oversight.health import get_log_health
from transfer_service.use_cases.oversight.people import list_own_schools
from transfer_service.web import access
from transfer_service.web.addresses import see_other
from transfer_service.web.authority.frame import blueprint, tidy_reference
from transfer_service.web.current import current_actor, current_services
from transfer_service.web.forms import Form, filled, refused, submit

_HIGHEST: Final = 2**63 - 1
"""The highest index of an entry that a database can hold; an address may be made up with a higher one."""
_EVENTS: Final = sorted(
    ((event, words[0].upper() + words[1:]) for event, words in EVENT_WORDS.items()), key=lambda pair: pair[1]
)


@blueprint.get("/audit")
@access.requires(Permission.AUDIT_READ)
def audit() -> str | tuple[str, int]:
    """Show one page of the log; the look is in the log first."""
    submitted = submit(AuditPageQuerySchema, request.args)
    query = _query_of(submitted.value) if submitted.value else None
    if query is None:
        wrong = Form(errors={"": ("This address of the log is not one of ours. Search again",)})
        return refused("authority/audit_search.html", wrong, **_choices())
    services, actor = current_services(), current_actor()
    with services.database.writing() as session:
        look = auditing.look_at_log(session, services.installation, actor, query=query)
    with services.database.reading() as session:
        page = auditing.list_entries(session, actor, look=look, query=query)
        health = get_log_health(session, services.installation, actor, policy=services.settings.log_policy)
    return render_template(
        "authority/audit.html",
        page=page,
        query=query,
        health=health,
        what=EVENT_WORDS[query.event] if query.event else "",
        next_address=f"/authority/audit?{_address(query, before=page.next_before)}" if page.next_before else "",
        first_address=f"/authority/audit?{_address(query)}",
    )


@blueprint.get("/audit/search")
@access.requires(Permission.AUDIT_READ)
def audit_search() -> str:
    """Ask what to look for."""
    submitted = submit(AuditPageQuerySchema, request.args)
    asked = submitted.value or AuditPageQuery()
    form = filled(
        {
            "school": asked.school,
            "reference": asked.reference,
            "event": asked.event,
            "from_on": asked.from_on,
            "to_on": asked.to_on,
        }
    )
    return render_template("authority/audit_search.html", form=form, **_choices())


@blueprint.post("/audit/search")
@access.requires(Permission.AUDIT_READ)
def find_in_audit() -> Response | tuple[str, int]:
    """Turn what was typed into an address of ids, so that no mail address stands in one."""
    submitted = submit(AuditFilterSchema, request.form)
    form, asked = submitted.form, submitted.value
    if asked is not None:
        services = current_services()
        try:
            with services.database.reading() as session:
                query = auditing.find_query(
                    session,
                    current_actor(),
                    urn=asked.school,
                    email=asked.email,
                    reference=asked.reference,
                    event=asked.event,
                    from_on=asked.from_on,
                    to_on=asked.to_on,
                )
            return see_other(f"/authority/audit?{_address(query)}")
        except Invalid as refusal:
            form = form.with_errors(refusal.fields)
    return refused("authority/audit_search.html", form, **_choices())


@blueprint.get("/audit/transfers/<reference>")
@access.requires(Permission.AUDIT_READ)
def story(reference: str) -> str:
    """Tell one transfer's whole story; the look is in the log first."""
    services, actor = current_services(), current_actor()
    tidied = tidy_reference(reference)
    with services.database.writing() as session:
        look = auditing.look_at_story(session, services.installation, actor, reference=tidied)
    with services.database.reading() as session:
        entries = auditing.get_story(session, actor, look=look, reference=tidied)
    return render_template("authority/story.html", entries=entries, reference=tidied)


def _choices() -> dict[str, object]:
    services = current_services()
    with services.database.reading() as session:
        schools = list_own_schools(session, current_actor())
    return {
        "schools": [(one.urn, f"{one.name}, {one.town}, URN {one.urn}") for one in schools],
        "events": _EVENTS,
    }


def _query_of(asked: AuditPageQuery) -> AuditQuery | None:
    """The query behind an address; None where a part of it is not of its shape."""
    try:
        return AuditQuery(
            urn=asked.school,
            person_id=UUID(asked.person) if asked.person else None,
            reference=asked.reference,
            event=asked.event,
            from_on=asked.from_on,
            to_on=asked.to_on,
            before=min(int(asked.before), _HIGHEST) if asked.before else None,
        )
    except ValueError:
        return None


def _address(query: AuditQuery, before: int | None = None) -> str:
    parts = {
        "school": query.urn,
        "person": query.person_id,
        "reference": query.reference,
        "event": query.event.value if query.event else None,
        "from_on": query.from_on,
        "to_on": query.to_on,
        "before": before,
    }
    return urlencode({name: str(value) for name, value in parts.items() if value is not None})
