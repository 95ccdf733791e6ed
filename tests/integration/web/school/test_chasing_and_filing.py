"""What a school has to run after: what another school has not acknowledged in time, and what is not filed yet."""

import pytest

from tests.factories import dispatch_in
from tests.html import parse_page, text_of
from tests.integration.transfers.stage import Stage
from tests.integration.web.authority.looks import events_after, log_size
from tests.integration.web.school.browsing import errors, follow, reference_of
from tests.integration.web.school.signing_in import signed_in_again
from transfer_service.domain.breaches import BreachStep
from transfer_service.domain.statements import FILING_CONFIRMATION
from transfer_service.domain.transfer import DispatchKind, Status
from transfer_service.use_cases.transfers import listing

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
TO_CALL = "01926 555581"
"""The telephone of the receiving school, as the register gives it."""


def made(stage: Stage, status: Status, **more) -> str:
    return reference_of(
        stage,
        dispatch_in(
            stage, status, sender=stage.alma, receiver=stage.cora, keyless_school_id=stage.cast.keyless, **more
        ),
    )


def links_of(page, name: str) -> list[str]:
    return [one.get("href") for one in page.iter("a") if text_of(one).startswith(name)]


def test_what_is_not_acknowledged_in_time_stands_on_the_senders_start_page_with_whom_to_telephone(
    stage: Stage, browser
):
    sent, opened, acknowledged = (made(stage, one) for one in (Status.SENT, Status.OPENED, Status.ACKNOWLEDGED))
    assert "Not acknowledged in time" not in text_of(browser(stage.alma).page("/"), "main")

    stage.clock.move(days=8)
    page = browser(signed_in_again(stage.service, stage.ben)).page("/")

    said = text_of(page, "main")
    assert "Not acknowledged in time (2) 2 overdue" in said
    assert "Overdue by 1 day" in said
    assert sent in said
    assert opened in said
    assert acknowledged not in said
    assert links_of(page, TO_CALL) == ["tel:01926555581", "tel:01926555581"]
    assert links_of(page, sent) == [f"/transfers/{sent}"]


def test_the_list_of_it_goes_on_and_is_counted_over_all_pages(stage: Stage, browser, monkeypatch):
    monkeypatch.setattr(listing, "PAGE", 2)
    references = {made(stage, Status.SENT) for _ in range(3)}
    made(stage, Status.DRAFT)
    stage.clock.move(days=8)
    client = browser(signed_in_again(stage.service, stage.ben))

    assert "Not acknowledged in time (3) 3 overdue" in text_of(client.page("/"), "main")
    (all_of_it,) = links_of(client.page("/"), "See all 3")
    page = client.page(all_of_it)
    rest = client.page(next(one.get("href") for one in page.iter("a") if one.get("rel") == "next"))

    listed = [text_of(one) for part in (page, rest) for one in part.iter("a") if text_of(one).startswith("PT-")]
    assert sorted(listed) == sorted(references)
    assert TO_CALL in text_of(page, "main")


def test_what_was_acknowledged_waits_to_be_filed_until_somebody_states_that_it_is(stage: Stage, browser):
    reference = made(stage, Status.ACKNOWLEDGED)
    nil = made(stage, Status.ACKNOWLEDGED, kind=DispatchKind.NIL)
    client = browser(stage.cora)
    page = client.page("/")
    assert "To be filed in your school’s own system (1)" in text_of(page, "main")
    assert nil not in text_of(page, "main")
    assert links_of(page, reference) == [f"/transfers/{reference}/filed"]
    assert reference in text_of(client.page("/transfers?box=unfiled"), "main")

    client.post_form(f"/transfers/{reference}/archive", {}, page=f"/transfers/{reference}/filed")
    told = {"confirmed": "yes", "statement_version": FILING_CONFIRMATION.version}
    follow(client, f"/transfers/{reference}/filed", told)

    assert "To be filed" not in text_of(client.page("/"), "main")
    assert reference not in text_of(client.page("/transfers?box=unfiled"), "main")


def test_the_files_to_be_filed_are_counted_over_all_pages(stage: Stage, browser, monkeypatch):
    monkeypatch.setattr(listing, "PAGE", 2)
    for _ in range(3):
        made(stage, Status.ACKNOWLEDGED)

    assert "To be filed in your school’s own system (3)" in text_of(browser(stage.cora).page("/"), "main")


def test_what_was_opened_is_gone_on_with_on_its_own_page(stage: Stage, browser):
    sent, opened, waiting = (made(stage, one) for one in (Status.SENT, Status.OPENED, Status.WAITING))
    client = browser(stage.cora)
    for address in ("/", "/inbox"):
        page = client.page(address)
        assert links_of(page, sent) == [f"/transfers/{sent}/cover"]
        assert links_of(page, opened) == [f"/transfers/{opened}"]
        assert links_of(page, waiting) == []


def test_both_schools_see_whom_to_telephone(stage: Stage, browser):
    reference = made(stage, Status.SENT)
    assert TO_CALL in text_of(browser(stage.alma).page(f"/transfers/{reference}"), "main")
    receiver = browser(stage.cora)
    assert "01926 555580" in text_of(receiver.page(f"/transfers/{reference}"), "main")
    cover = text_of(receiver.page(f"/transfers/{reference}/cover"), "main")
    assert "Sent by Alma Reyes, Alderford Primary School" in cover
    assert "01926 555580" in cover


@pytest.mark.parametrize(("ending", "begins"), [("csv", b"\xef\xbb\xbfReference,Forename"), ("xlsx", b"PK")])
def test_a_list_is_taken_away_and_the_log_says_so(stage: Stage, browser, ending, begins):
    made(stage, Status.SENT)
    client, before = browser(stage.alma), log_size(stage)

    taken = client.get(f"/transfers.{ending}?box=out")

    assert taken.data.startswith(begins)
    assert taken.headers["Content-Disposition"] == f'attachment; filename="transfers-out-2026-09-07.{ending}"'
    assert events_after(stage, before) == ["compliance.exported"]


def test_the_whole_list_is_in_the_file_as_its_pages_show_it(stage: Stage, browser, monkeypatch):
    monkeypatch.setattr(listing, "PAGE", 2)
    references = [made(stage, Status.SENT) for _ in range(3)]
    nil = made(stage, Status.ACKNOWLEDGED, kind=DispatchKind.NIL)

    lines = browser(stage.alma).get("/transfers.csv?box=out").data.decode("utf-8-sig").splitlines()
    only_sent = browser(stage.alma).get("/transfers.csv?box=out&status=sent").data.decode("utf-8-sig").splitlines()

    assert lines[0] == (
        "Reference,Forename,Surname,To,URN,What was sent,State,Left on,Due to be sent by,Sent on,"
        "Due to be acknowledged by,Opened on,Acknowledged on,Filed on"
    )
    assert [line.split(",")[0] for line in lines[1:]] == [nil, *reversed(references)]
    assert lines[1] == (
        f"{nil},Zoë,O'Brien-Łącki,Birchwater High School,125581,Nil declaration,Acknowledged,2026-09-04,2026-09-14,"
        "2026-09-07,2026-09-14,,2026-09-07,"
    )
    assert [line.split(",")[0] for line in only_sent[1:]] == [*reversed(references)]


def test_a_file_of_what_was_sent_here_names_nobody_before_the_cover_sheet_was_shown(stage: Stage, browser):
    reference = made(stage, Status.SENT)
    client = browser(stage.cora)
    assert "Zoë" not in client.get("/transfers.csv?box=awaiting").text

    client.page(f"/transfers/{reference}/cover")

    assert f"{reference},Zoë,O'Brien-Łącki,Alderford Primary School,125580," in client.get(
        "/transfers.csv?box=awaiting"
    ).data.decode("utf-8-sig")


def test_the_office_takes_no_list_away(stage: Stage, browser):
    made(stage, Status.SENT)
    client = browser(stage.edie)
    assert client.get("/transfers.csv").status_code == 403
    assert "Take this list away" not in text_of(client.page("/transfers"), "main")


def test_a_reference_told_by_telephone_leads_to_its_transfer(stage: Stage, browser):
    reference = made(stage, Status.SENT)
    for member in (stage.alma, stage.edie, stage.cora):
        found = browser(member).get(f"/transfers?reference=+{reference.lower().replace('-', '')}")
        assert (found.status_code, found.location) == (303, f"/transfers/{reference}")
    stranger = browser(stage.stella).get(f"/transfers/{reference}")
    assert stranger.status_code == 404
    assert "Check the address or reference" in stranger.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Enter a transfer’s reference"),
        ("PT-7F3K-92QX", "Enter a reference like PT-7F3K-92Q4. Check each letter and number"),
    ],
)
def test_a_reference_that_is_none_is_refused_beside_its_input(stage: Stage, browser, typed, said):
    response = browser(stage.alma).get(f"/transfers?reference={typed}")
    assert response.status_code == 422
    assert errors(parse_page(response.data)) == {"reference": said}


def test_what_came_back_stands_with_its_reason_and_a_breach_with_its_hour(stage: Stage, browser):
    astray, unopened = made(stage, Status.OPENED), made(stage, Status.SENT)
    follow(browser(stage.cora), f"/transfers/{astray}/send-back", {"reason": "wrong_school"})
    follow(browser(stage.cora), f"/transfers/{unopened}/send-back", {"reason": "not_joining"})
    client = browser(stage.alma)

    page = client.page("/")

    said = text_of(page, "main")
    assert "Sent back to your school (2)" in said
    assert "It was meant for another school" in said
    assert "The pupil is not joining our school" in said
    assert links_of(page, f"{astray} : see what to do") == [f"/transfers/{astray}/breach?number=1"]
    assert "Opened at the wrong school (1) Data breach" in said
    assert "7 steps are left" in said
    assert said.index("Opened at the wrong school") < said.index("Sent back to your school")


def test_an_open_breach_stays_on_the_start_pages_of_leads_and_head_until_its_last_step(stage: Stage, browser):
    astray = made(stage, Status.OPENED)
    follow(browser(stage.cora), f"/transfers/{astray}/send-back", {"reason": "wrong_school"})
    client, head = browser(stage.alma), browser(stage.cast.hugh)
    follow(client, f"/transfers/{astray}/redirect", {"receiving_school": "125582"}, page=f"/transfers/{astray}")
    steps = [step.value for step in BreachStep]

    follow(client, f"/transfers/{astray}/breach?number=1", {"steps": steps[1:]})
    for one in (client, head):
        assert "1 step is left" in text_of(one.page("/"), "main")
    assert "wrong school" not in text_of(browser(stage.edie).page("/"), "main")
    follow(client, f"/transfers/{astray}/breach?number=1", {"steps": steps[:1]})

    for one in (client, head):
        assert "wrong school" not in text_of(one.page("/"), "main")


def test_a_nil_declaration_is_not_sent_back_unopened(stage: Stage, browser):
    nil = made(stage, Status.SENT, kind=DispatchKind.NIL)
    said = text_of(browser(stage.cora).page(f"/transfers/{nil}/cover"), "main")
    assert "or if you believe that the sending school holds information" in said
    assert "unopened" not in said
