"""Every file that is overdue, one by one: what was never sent, and whom to telephone."""

from datetime import timedelta

import pytest

from tests.html import text_of
from tests.integration.web.authority.looks import LATER, events_after, log_size, make, reference_of, row_of, rows_of
from transfer_service.db.models import Dispatch, School
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.oversight import overdue as listing

PAGE = "/authority/overdue"


def put_off(stage, dispatch_id, *, days: int) -> None:
    """Make a dispatch due so many days later."""
    with stage.database.writing() as session:
        dispatch = session.get_one(Dispatch, dispatch_id)
        dispatch.due_on += timedelta(days=days)


def references_on(page) -> list[str]:
    return [text_of(one) for one in page.iter("a") if text_of(one).startswith("PT-")]


def test_what_is_not_sent_stands_with_its_school_and_telephone_and_the_look_is_logged_first(stage, client_for):
    reference = reference_of(stage, make(stage, Status.DRAFT))
    make(stage, Status.ACKNOWLEDGED)
    stage.clock.set(LATER)
    client, before = client_for(stage.cast.olive), log_size(stage)

    page = client.page(PAGE)

    assert events_after(stage, before) == ["transfers.listed"]
    assert references_on(page) == [reference]
    assert row_of(page, "7 days") == [
        "7 days since 14 September 2026",
        f"{reference} ZO, born 2014",
        "Alderford Primary School Rugby, URN 125580 01926 555580",
        "Birchwater High School Nuneaton, URN 125581",
    ]
    assert f"/authority/transfers/{reference}" in [one.get("href") for one in page.iter("a")]


def test_what_is_not_acknowledged_stands_under_the_school_that_received_it(stage, client_for):
    reference = reference_of(stage, make(stage, Status.SENT))
    stage.clock.set(LATER)

    page = client_for(stage.cast.olive).page(f"{PAGE}?box=received")

    assert references_on(page) == [reference]
    assert row_of(page, "7 days")[2:] == [
        "Birchwater High School Nuneaton, URN 125581 01926 555581",
        "Alderford Primary School Rugby, URN 125580",
    ]


def test_the_longest_overdue_comes_first_and_after_four_weeks_it_is_called_never(stage, client_for):
    later, sooner = make(stage, Status.DRAFT), make(stage, Status.DRAFT)
    put_off(stage, later, days=1)
    stage.clock.set(LATER)
    stage.clock.move(days=22)

    page = client_for(stage.cast.olive).page(PAGE)

    assert references_on(page) == [reference_of(stage, sooner), reference_of(stage, later)]
    assert row_of(page, "29 days")[0] == "29 days Never since 14 September 2026"
    assert row_of(page, "28 days")[0] == "28 days since 15 September 2026"


def test_the_list_goes_on_where_its_page_ended(stage, client_for, monkeypatch):
    monkeypatch.setattr(listing, "PAGE_LENGTH", 2)
    made = [make(stage, Status.DRAFT) for _ in range(3)]
    for days, dispatch_id in enumerate(made):
        put_off(stage, dispatch_id, days=days)
    stage.clock.set(LATER)
    client = client_for(stage.cast.olive)

    first = client.page(PAGE)
    rest = client.page(PAGE + str(next(one.get("href") for one in first.iter("a") if one.get("rel") == "next")))

    assert references_on(first) + references_on(rest) == [reference_of(stage, one) for one in made]
    assert client.get(f"{PAGE}?after=nonsense").status_code == 422


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ("sent", "Every file that was due has been sent or declared nil."),
        ("received", "Every file that was due has been acknowledged."),
    ],
)
def test_where_nothing_is_overdue_the_page_says_so(stage, client_for, box, said):
    page = client_for(stage.cast.olive).page(f"{PAGE}?box={box}")
    assert f"Nothing is overdue here. {said}" in text_of(page, "main")
    assert "it cannot show a move that nobody recorded" in text_of(page, "main")
    assert "every file that is overdue" not in text_of(client_for(stage.cast.olive).page("/authority"), "main")


def test_each_authority_sees_the_half_that_its_own_schools_owe(stage, client_for):
    make(stage, Status.DRAFT)
    sent = reference_of(stage, make(stage, Status.SENT))
    with stage.database.writing() as session:
        session.get_one(School, stage.cast.receiving).authority_id = stage.cast.coventry
    stage.clock.set(LATER)

    assert sent not in text_of(client_for(stage.cast.olive).page(f"{PAGE}?box=received"), "main")
    neighbour = client_for(stage.cast.oscar)
    assert sent in text_of(neighbour.page(f"{PAGE}?box=received"), "main")
    assert "Nothing is overdue here" in text_of(neighbour.page(PAGE), "main")


def test_the_first_page_leads_to_it(stage, client_for):
    make(stage, Status.DRAFT)
    stage.clock.set(LATER)
    page = client_for(stage.cast.olive).page("/authority")
    assert PAGE in [one.get("href") for one in page.iter("a")]
    assert rows_of(page)
