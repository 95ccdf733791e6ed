"""Closed schools that are in use here: an officer says which school each became."""

from datetime import date

import pytest
from sqlalchemy import select

from tests import factories
from tests.cast import add_school, refreshed
from tests.html import text_of
from tests.integration.people.steps import overlapping
from tests.integration.web.authority.looks import events_after, log_size, make
from transfer_service.db.models import FormerUrn, School, SchoolLink
from transfer_service.db.queries.schools import find_school_by_urn
from transfer_service.domain.errors import NotFound, PermissionRefused
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.oversight.conversions import convert_school, get_unconverted, list_unconverted

BECAME = "/authority/conversions/125581"


@pytest.fixture
def closed(stage):
    """Cora's school closed with a file in it; the register names two that followed it, one of them in use."""
    dispatch_id = make(stage, Status.ACKNOWLEDGED)
    add_school(stage.service, stage.cast.warwickshire, urn="149001", name="Birchwater Academy", town="Nuneaton")
    add_school(stage.service, stage.cast.coventry, urn="149003", name="Elsewhere Academy", town="Coventry")
    with stage.database.writing() as session:
        school = session.get_one(School, stage.cast.receiving)
        school.status, school.closed_on = "Closed", date(2026, 8, 31)
        for urn in ("149001", "125582", "149003"):
            session.add(SchoolLink(id=stage.at.new_id(), urn="125581", link_urn=urn, kind="Successor - Split School"))
    return dispatch_id


def test_the_school_keeps_people_key_and_files_under_its_new_urn(stage, client_for, closed):
    client = client_for(stage.cast.olive)
    assert "Birchwater High School" in text_of(client.page("/authority/conversions"), "main")
    size = log_size(stage)
    answer = client.post_form(BECAME, {"successor": "149001"})
    assert answer.status_code == 303
    assert events_after(stage, size) == ["school.succeeded"]
    with stage.database.reading() as session:
        school = session.get_one(School, stage.cast.receiving)
        assert (school.urn, school.name, school.status) == ("149001", "Birchwater Academy", "Open")
        assert find_school_by_urn(session, "125581") is school
        assert session.get_one(FormerUrn, "125581").ended_on == date(2026, 8, 31)
        assert session.scalars(select(School).where(School.name == "Birchwater Academy")).one() is school
    assert refreshed(stage.service, stage.cora).actor.holds_keys
    assert factories.open_dispatch(stage, stage.cora, closed).has_opened
    assert "No closed school" in text_of(client.page("/authority/conversions"), "main")


@pytest.mark.parametrize(
    "data", [{}, {"successor": "125582"}, {"successor": "149003"}, {"successor": "125583"}, {"successor": "x"}]
)
def test_nothing_but_an_unused_successor_of_the_same_authority_is_taken(stage, client_for, closed, data):
    size = log_size(stage)
    answer = client_for(stage.cast.olive).post_form(BECAME, data)
    assert answer.status_code == 422
    assert events_after(stage, size) == []
    with stage.database.reading() as session:
        assert session.get_one(School, stage.cast.receiving).urn == "125581"


def test_a_school_that_is_open_or_elsewhere_is_not_converted(stage, closed):
    for member, urn in ((stage.cast.olive, "125580"), (stage.cast.oscar, "125581"), (stage.cora, "125581")):
        with pytest.raises(NotFound), stage.database.writing() as session:
            convert_school(session, stage.at, member.actor, urn=urn, successor_urn="149001")


def test_a_closed_school_that_nobody_uses_is_not_listed(stage, closed):
    with stage.database.writing() as session:
        session.get_one(School, stage.cast.keyless).status = "Closed"
    with stage.database.reading() as session:
        assert [one.school.urn for one in list_unconverted(session, stage.cast.olive.actor)] == ["125581"]
        with pytest.raises(NotFound):
            get_unconverted(session, stage.cast.olive.actor, urn="125583")
        with pytest.raises((NotFound, PermissionRefused)):
            list_unconverted(session, stage.cast.ada.actor)


def test_of_two_officers_who_convert_a_school_at_once_one_does_and_the_other_is_told(stage, closed):
    def convert(session):
        return convert_school(session, stage.at, stage.cast.olive.actor, urn="125581", successor_urn="149001")

    def convert_too():
        with stage.database.writing() as session:
            convert(session)

    size = log_size(stage)
    assert isinstance(overlapping(stage.service, convert, convert_too), NotFound)
    assert events_after(stage, size) == ["school.succeeded"]
