"""The whole demonstration from an empty database: authorities, terms, people, and some weeks of transfers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

from transfer_service.db.queries.schools import find_school_by_urn
from transfer_service.demo.cast import AUTHORITY_OF, COVENTRY, PARTS, PASSWORD, WARWICKSHIRE
from transfer_service.demo.enrolling import Member, Places, Stage, enrol_everybody
from transfer_service.demo.sign_ins import SignIn
from transfer_service.demo.story import play_story
from transfer_service.domain.calendars import ClosureKind
from transfer_service.domain.roles import ROLE_LABELS
from transfer_service.use_cases.calendars import TermDates, add_closure, replace_terms
from transfer_service.use_cases.people.authorities import create_authority, read_recovery_file

DATA: Final = Path(__file__).parent / "data"
AUTHORITIES: Final = {WARWICKSHIRE: "Warwickshire", COVENTRY: "Coventry"}


def prepare(
    stage: Stage,
    *,
    recovery_files: Mapping[str, str],
    say: Callable[[str], None],
    work: Callable[[], object],
    send: Callable[[], object],
) -> list[SignIn]:
    """Fill a database whose schools are imported, and return how everybody signs in.

    `recovery_files` are the texts of the public recovery keys by the authority's code. `work` runs all of the worker's
    jobs that are due at the time of the stage's clock, `send` only those that people wait for. Everything is made
    through the use cases.
    """
    terms = json.loads((DATA / "terms.json").read_text(encoding="utf-8"))
    say("Two authorities join")
    places = _join(stage, recovery_files, terms)
    say(f"{len(PARTS)} people sign up")
    members = enrol_everybody(stage, places)
    _close_days(stage, members["warwickshire.head"], terms[WARWICKSHIRE])
    say("Some weeks of transfers go by")
    stage.clock.start_working(work=work, send=send)
    stage.clock.send_soon()
    play_story(stage, members, places, term_starts=_term_starts(terms))
    stage.clock.walk_to(stage.clock.until)
    stage.clock.send_soon()
    return [_sign_in(stage, members[part.key]) for part in PARTS]


def _join(stage: Stage, recovery_files: Mapping[str, str], terms: Mapping[str, Any]) -> Places:
    """Enrol the authorities, with term dates where they are known."""
    authorities = {}
    for la_code, name in AUTHORITIES.items():
        recovery = read_recovery_file(recovery_files[la_code])
        with stage.database.writing() as session:
            authorities[la_code] = create_authority(
                session, stage.at, None, la_code=la_code, name=name, recovery=recovery, is_demo=True
            )
        if la_code in terms:
            with stage.database.writing() as session:
                replace_terms(session, stage.at, None, authority_id=authorities[la_code], terms=_terms(terms[la_code]))
    return Places(schools=_schools(stage), authorities=authorities)


def _close_days(stage: Stage, head: Member, known: Mapping[str, Any]) -> None:
    """Enter the days on which the authority's schools are closed."""
    for closure in known["closures"]:
        with stage.database.writing() as session:
            add_closure(
                session,
                stage.at,
                head.actor,
                closed_on=date.fromisoformat(closure["closed_on"]),
                kind=ClosureKind(closure["kind"]),
            )


def _schools(stage: Stage) -> dict[str, Any]:
    with stage.database.reading() as session:
        found = {urn: find_school_by_urn(session, urn) for urn in AUTHORITY_OF}
    return {urn: school.id for urn, school in found.items() if school is not None}


def _terms(one: Mapping[str, Any]) -> list[TermDates]:
    return [
        TermDates(
            starts_on=date.fromisoformat(term["starts_on"]),
            ends_on=date.fromisoformat(term["ends_on"]),
            begins_new_term=term["begins_new_term"],
        )
        for term in one["terms"]
    ]


def _term_starts(terms: Mapping[str, Any]) -> list[date]:
    return [term.starts_on for one in terms.values() for term in _terms(one) if term.begins_new_term]


def _sign_in(stage: Stage, member: Member) -> SignIn:
    part = member.part
    with stage.database.reading() as session:
        school = find_school_by_urn(session, part.urn) if part.urn else None
    place = AUTHORITIES[part.la_code] if part.la_code else "The service"
    return SignIn(
        email=part.email,
        password=PASSWORD,
        totp_secret=member.totp_secret,
        role=part.role.value,
        role_label=ROLE_LABELS[part.role],
        name=part.name,
        organisation=f"{school.name}, {school.town}" if school else place,
        waits=part.waits,
    )
