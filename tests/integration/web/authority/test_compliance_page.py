"""The compliance page: what is counted, filtered, taken away, and logged first."""

import io
from uuid import UUID

import pytest
from openpyxl import load_workbook
from sqlalchemy import text

from tests.cast import add_school
from tests.html import parse_page, text_of
from tests.integration.web.authority.looks import LATER, events_after, log_size, make, row_of, rows_of
from transfer_service.domain.compliance import Outcome, Reason, SchoolSummary
from transfer_service.domain.deadlines import Band
from transfer_service.domain.oversight import SchoolOrder
from transfer_service.domain.transfer import DispatchKind, Status
from transfer_service.use_cases.keys.granting import HolderLevel
from transfer_service.use_cases.oversight.compliance import SchoolFigures, order_schools


@pytest.fixture
def busy(stage):
    make(stage, Status.DRAFT)
    make(stage, Status.SENT)
    make(stage, Status.ACKNOWLEDGED)
    make(stage, Status.ACKNOWLEDGED, kind=DispatchKind.NIL)
    make(stage, Status.WAITING)
    stage.clock.set(LATER)
    return stage


def test_the_page_counts_both_clocks_by_school_and_its_leaf_comes_first(busy, client_for):
    before = log_size(busy)
    page = client_for(busy.cast.olive).page("/authority")
    assert events_after(busy, before) == ["compliance.listed"]
    # overdue to send, overdue to acknowledge, longest overdue, sent on time, acknowledged on time, nil declarations
    late = "1 overdue to send: Alderford Primary School"
    assert row_of(page, "Alderford Primary School")[1:7] == [late, "0", "7 days", "4 of 4", "None yet", "1 (25%)"]
    late = "1 overdue to acknowledge: Birchwater High School"
    assert row_of(page, "Birchwater High School")[1:7] == ["0", late, "7 days", "None sent", "2 of 2", "0"]
    assert row_of(page, "Alderford Primary School")[7] == "2 people"
    assert row_of(page, "Dovecote Academy")[7] == "Not joined"
    assert row_of(page, "On time") == ["On time", "4", "2"]
    assert row_of(page, "Overdue") == ["Overdue", "1", "1"]
    assert row_of(page, "Waiting for the receiving") == ["Waiting for the receiving school’s key", "1"]
    assert row_of(page, "No safeguarding lead on record") == [
        "No safeguarding lead on record at the receiving school",
        "1",
    ]
    assert "it cannot show a move that nobody recorded" in text_of(page)


def test_the_late_schools_stand_above_the_filters_and_silence_has_its_own_card(busy, client_for):
    markup = client_for(busy.cast.olive).get("/authority").text
    assert markup.index("Alderford Primary School") < markup.index('id="filters"')
    assert '<details class="govuk-details" id="filters">' in markup
    assert "Cloverhill School" not in markup
    assert 'href="/authority?show=quiet#schools"' in markup
    key_holders = client_for(busy.cast.olive).page("/authority?show=keys")
    assert row_of(key_holders, "Cloverhill School")[7] == "Only one"


def test_each_figure_that_is_late_leads_to_the_list_of_it(busy, client_for):
    client = client_for(busy.cast.olive)
    page = client.page("/authority")
    links = {text_of(one): one.get("href") for one in page.iter("a") if "app-late" in (one.get("class") or "")}
    assert links == {
        "1 overdue to send: Alderford Primary School": "/authority/schools/125580?box=sent&show=overdue#transfers",
        "1 overdue to acknowledge: Birchwater High School": (
            "/authority/schools/125581?box=received&show=overdue#transfers"
        ),
    }
    for address in links.values():
        listed = client.page(address.partition("#")[0])
        assert len([cells for cells in rows_of(listed) if cells and cells[0].startswith("PT-")]) == 1
    named = next(one for one in page.iter("a") if text_of(one) == "Birchwater High School")
    assert named.get("href") == "/authority/schools/125581?box=received"


def test_what_was_never_done_stands_above_what_is_merely_overdue():
    def school(name: str, longest: int = 0, **late: int) -> SchoolFigures:
        bands = {**dict.fromkeys(Band, 0), **{Band(band): count for band, count in late.items()}}
        summary = SchoolSummary(
            school_id=UUID(int=1),
            outcomes=dict.fromkeys(Outcome, 0),
            sender=bands,
            receiver=dict.fromkeys(Band, 0),
            reasons=dict.fromkeys(Reason, 0),
            files_sent=0,
            nils_declared=0,
        )
        return SchoolFigures(
            school_id=UUID(int=1),
            urn="125580",
            name=name,
            town="Rugby",
            search_name=name.lower(),
            is_closed=False,
            summary=summary,
            longest_overdue=longest,
            waiting_for_key=0,
            key_holders=2,
            key_level=HolderLevel.GREEN,
        )

    schools = [
        school("Ash", 9, overdue=1),
        school("Birch"),
        school("Cedar", 40, never=1),
        school("Elm", 4, overdue=2),
        school("Fir", 12, overdue=1),
    ]
    by_number = [one.name for one in order_schools(schools, SchoolOrder.OVERDUE)]
    assert by_number == ["Elm", "Cedar", "Fir", "Ash", "Birch"]
    by_time = [one.name for one in order_schools(schools, SchoolOrder.LONGEST)]
    assert by_time == ["Cedar", "Fir", "Ash", "Elm", "Birch"]


def test_a_file_that_is_four_weeks_late_is_counted_as_never_sent_and_its_school_is_listed(busy, client_for):
    busy.clock.move(days=22)  # it was due on 14 September, and it is 13 October
    client = client_for(busy.cast.olive)
    page = client.page("/authority")
    card = next(one for one in page.iter("a") if one.get("href") == "/authority?show=never-sent#schools")
    assert text_of(card) == "1 file never sent"
    assert "“Never” means that the file was due more than four weeks ago." in text_of(page, "main")
    listed = client.page("/authority?show=never-sent")
    assert row_of(listed, "Alderford Primary School")[1:4] == [
        "1 overdue to send: Alderford Primary School 1 never",
        "0",
        "29 days",
    ]
    assert "Birchwater High School" not in [cells[0] for cells in rows_of(listed)]


def test_a_filter_in_use_stays_open(busy, client_for):
    markup = client_for(busy.cast.olive).get("/authority?order=name").text
    assert '<details class="govuk-details" id="filters" open>' in markup


def test_before_anything_is_recorded_the_page_says_how_it_begins(stage, client_for):
    page = client_for(stage.cast.olive).page("/authority")
    assert "No school of yours has recorded a move yet" in text_of(page, "main")


def test_the_chart_stands_beside_the_same_figures(busy, client_for):
    markup = client_for(busy.cast.olive).get("/authority").text
    drawn = markup[markup.index('<svg class="app-chart"') :]
    assert "<title>Sending: On time 4</title>" in drawn
    assert "<title>Acknowledging: Overdue 1</title>" in drawn


@pytest.mark.parametrize(
    "query, schools",
    [
        ("", ["Alderford", "Birchwater", "Dovecote"]),
        ("?show=all", ["Alderford", "Birchwater", "Cloverhill", "Dovecote"]),
        ("?name=clover", ["Cloverhill"]),
        ("?show=overdue", ["Alderford", "Birchwater"]),
        ("?show=quiet", ["Cloverhill"]),
        ("?show=keys", ["Cloverhill"]),
        ("?order=sent&name=nuneaton", ["Birchwater"]),
        ("?name=125583", ["Dovecote"]),
        ("?period=last-year&order=name&show=all", ["Alderford", "Birchwater", "Cloverhill", "Dovecote"]),
    ],
)
def test_the_table_can_be_narrowed_and_sorted(busy, client_for, query, schools):
    page = client_for(busy.cast.olive).page(f"/authority{query}")
    listed = [cells[0].split()[0] for cells in rows_of(page) if len(cells) == 8 and cells[0] != "School"]
    assert listed == schools


def test_what_was_due_in_another_period_is_not_counted(busy, client_for):
    page = client_for(busy.cast.olive).page("/authority?period=last-year&show=all")
    assert row_of(page, "Alderford Primary School")[1:7] == ["0", "0", "–", "None sent", "None yet", "0"]


def test_a_filter_that_does_not_exist_is_refused_beside_its_field(stage, client_for):
    response = client_for(stage.cast.olive).get("/authority?period=forever")
    assert response.status_code == 422
    assert 'href="#period"' in response.text


def test_a_long_table_goes_on_on_the_next_page(stage, client_for):
    for number in range(60):
        add_school(
            stage.service, stage.cast.warwickshire, urn=f"13{number:04}", name=f"School {number:02}", town="Rugby"
        )
    client = client_for(stage.cast.olive)
    first = client.page("/authority?order=name&show=all")
    assert len([cells for cells in rows_of(first) if len(cells) == 8]) == 51
    following = next(link.get("href") for link in first.iter("a") if link.get("rel") == "next")
    second = client.page(following)
    names = [cells[0] for cells in rows_of(second) if len(cells) == 8][1:]
    assert len(names) == 14
    assert names[0].startswith("School 46")


def test_a_school_of_another_authority_is_in_nobody_elses_figures(busy, client_for):
    page = client_for(busy.cast.oscar).page("/authority")
    assert "Alderford" not in text_of(page)
    assert row_of(page, "On time") == ["On time", "0", "0"]


def test_the_figures_can_be_taken_away_as_csv_and_excel(busy, client_for):
    client, before = client_for(busy.cast.olive), log_size(busy)
    csv = client.get("/authority/compliance.csv?order=name")
    assert events_after(busy, before) == ["compliance.exported"]
    assert csv.headers["Content-Disposition"] == 'attachment; filename="compliance-2026-09-21.csv"'
    lines = csv.data.decode("utf-8-sig").split("\r\n")
    assert lines[0].startswith("URN,School,Town,Overdue in all,Longest overdue in days")
    assert lines[1].startswith("125580,Alderford Primary School,Rugby,1,7,4,0,0,1,0")
    book = load_workbook(io.BytesIO(client.get("/authority/compliance.xlsx?order=name").data))
    assert [cell.value for cell in list(book.active.rows)[1]][:4] == ["125580", "Alderford Primary School", "Rugby", 1]


def test_a_log_that_is_frozen_shows_nothing_and_says_so(stage, client_for):
    with stage.database.writing() as session:
        session.execute(text("UPDATE log_head SET frozen = :yes, frozen_reason = 'rolled back'"), {"yes": True})
    response = client_for(stage.cast.olive).get("/authority")
    assert response.status_code == 503
    assert "frozen" in text_of(parse_page(response.data), "main")
