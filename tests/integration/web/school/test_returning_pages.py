"""Sent back, withdrawn, sent again, begun anew, and what a breach asks for."""

import pytest

from tests.factories import declare_nil, dispatch_in, empty_draft
from tests.html import text_of
from tests.integration.transfers.stage import Stage
from tests.integration.web.school.browsing import dispatch_of, follow, reference_of, refused
from tests.observing import leaves
from transfer_service.db.models import Breach
from transfer_service.domain.breaches import BreachStep
from transfer_service.domain.transfer import DispatchKind, RejectionReason, Status
from transfer_service.web.school.returning import BEFORE_SENDING_AGAIN

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
WORDS = "She lives with her father now and has joined a school in Leeds."


def in_state(stage: Stage, status: Status, **more):
    dispatch_id = dispatch_in(stage, status, sender=stage.alma, receiver=stage.cora, **more)
    return dispatch_id, f"/transfers/{reference_of(stage, dispatch_id)}"


def test_sending_back_needs_a_reason_and_for_another_one_words(stage: Stage, browser):
    dispatch_id, base = in_state(stage, Status.SENT)
    client = browser(stage.cora)

    assert list(refused(client, f"{base}/send-back", {})) == ["reason"]
    assert list(refused(client, f"{base}/send-back", {"reason": "other"})) == ["words"]

    assert dispatch_of(stage, dispatch_id).status is Status.SENT


def test_what_was_sent_back_is_explained_to_the_sender_and_sent_to_another_school(stage: Stage, browser):
    dispatch_id, base = in_state(stage, Status.SENT)
    follow(browser(stage.cora), f"{base}/send-back", {"reason": "not_joining", "words": WORDS})
    alma = browser(stage.alma)
    assert "The pupil is not joining our school" in text_of(alma.page(base), "main")
    assert reference_of(stage, dispatch_id) in text_of(alma.page("/"), "main")
    assert WORDS in text_of(alma.page(f"{base}/returned"), "main")

    assert follow(alma, f"{base}/redirect", {"receiving_school": "125582"}, page=f"{base}/redirect?q=clover") == base

    assert "Cloverhill School" in text_of(alma.page(base), "main")
    assert text_of(browser(stage.stella).page(f"{base}/cover"), "h1").startswith("Zoë")
    assert browser(stage.cora).get(f"{base}/cover").status_code in {404, 409}
    assert browser(stage.alma).get(f"{base}/breach").status_code == 404


def test_a_file_that_went_astray_is_not_sent_there_again_by_a_careless_press(stage: Stage, browser):
    _, base = in_state(stage, Status.OPENED)
    follow(browser(stage.cora), f"{base}/send-back", {"reason": "wrong_school"})
    alma = browser(stage.alma)

    page = alma.page(f"{base}/redirect")

    said = text_of(page, "main")
    assert "The school says that it was meant for another school. Find out which before you send it again." in said
    assert said.index("Name, town, postcode or URN") < said.index("Or all the same to the school that sent it back")
    assert [one.get("value") for one in page.iter("input") if one.get("type") == "radio"] == ["125581"]
    assert [one for one in page.iter("input") if one.get("checked") is not None] == []
    assert list(refused(alma, f"{base}/redirect", {})) == ["receiving_school"]


def test_each_reason_has_its_advice_before_the_same_goes_out_again(stage: Stage):
    assert set(RejectionReason) - set(BEFORE_SENDING_AGAIN) == {RejectionReason.OTHER}


def test_what_was_withdrawn_is_sent_to_the_same_school_first_without_advice(stage: Stage, browser):
    _, base = in_state(stage, Status.WITHDRAWN)
    page = browser(stage.alma).page(f"{base}/redirect")
    said = text_of(page, "main")
    assert said.index("To the same school again?") < said.index("Or to another school")
    assert "Warning" not in said
    assert [one for one in page.iter("input") if one.get("checked") is not None] == []


def test_sending_again_refuses_what_makes_no_sense(stage: Stage, browser):
    _, base = in_state(stage, Status.WITHDRAWN)
    client = browser(stage.alma)

    assert list(refused(client, f"{base}/redirect", {"receiving_school": "125580"})) == ["receiving_school"]
    assert list(refused(client, f"{base}/redirect", {})) == ["receiving_school"]
    follow(client, f"{base}/redirect", {"receiving_school": "125581"})
    response = client.post_form(f"{base}/redirect", {"receiving_school": "125581"}, page="/accessibility")
    assert response.status_code == 409


def test_what_is_unopened_can_be_withdrawn_and_then_not_opened(stage: Stage, browser):
    dispatch_id, base = in_state(stage, Status.SENT)
    client = browser(stage.alma)

    assert follow(client, f"{base}/withdraw", {}) == base
    assert follow(client, f"{base}/withdraw", {}, page="/accessibility") == base

    assert dispatch_of(stage, dispatch_id).status is Status.WITHDRAWN
    assert browser(stage.cora).get(f"{base}/cover").status_code in {404, 409}


def test_what_was_opened_is_not_withdrawn(stage: Stage, browser):
    dispatch_id, base = in_state(stage, Status.OPENED)

    assert browser(stage.alma).post_form(f"{base}/withdraw", page="/accessibility").status_code == 409

    assert dispatch_of(stage, dispatch_id).status is Status.OPENED


def test_a_disputed_nil_is_answered_by_a_file(stage: Stage, browser):
    dispatch_id = empty_draft(stage, stage.alma, stage.cast.receiving)
    declare_nil(stage, stage.alma, dispatch_id)
    base = f"/transfers/{reference_of(stage, dispatch_id)}"
    page = browser(stage.cora).get(f"{base}/send-back").text
    assert "nil_disputed" in page
    assert "incomplete" not in page
    follow(browser(stage.cora), f"{base}/send-back", {"reason": "nil_disputed"})
    client = browser(stage.alma)

    follow(client, f"{base}/draft-again", {}, page=base)

    assert client.get(f"{base}/notes").status_code == 200
    assert dispatch_of(stage, dispatch_id).kind is DispatchKind.NIL


def test_a_file_opened_at_the_wrong_school_starts_the_72_hours(stage: Stage, browser):
    _, base = in_state(stage, Status.OPENED)
    assert "personal data breach" in text_of(browser(stage.cora).page(f"{base}/send-back"), "main")
    follow(browser(stage.cora), f"{base}/send-back", {"reason": "wrong_school"})
    client = browser(stage.alma)
    assert "This is a personal data breach of your school" in text_of(client.page(base), "main")

    page = text_of(client.page(f"{base}/breach"), "main")

    assert "10 September 2026 at 08:35" in page
    assert "That is in 72 hours." in page
    assert "Cora Whitlock opened the file" in page
    assert browser(stage.cora).get(f"{base}/breach").status_code == 404
    assert browser(stage.edie).get(f"{base}/breach").status_code == 403


def test_ticking_every_step_closes_the_breach_record(stage: Stage, browser):
    _, base = in_state(stage, Status.OPENED)
    follow(browser(stage.cora), f"{base}/send-back", {"reason": "wrong_pupil"})
    client = browser(stage.alma)
    steps = [step.value for step in BreachStep]
    assert list(refused(client, f"{base}/breach", {})) == ["steps"]

    follow(client, f"{base}/breach", {"steps": steps[:2]})
    stage.clock.move(minutes=20)
    page = text_of(client.page(f"{base}/breach"), "main")
    assert "(Alma Reyes, 7 September 2026 at 08:35)" in page
    assert "That is in 71 hours." in page
    follow(client, f"{base}/breach", {"steps": steps[2:]})

    assert "Closed" in text_of(client.page(f"{base}/breach"), "main")
    assert follow(client, f"{base}/breach", {"steps": steps}, page="/accessibility") == f"{base}/breach"
    said = [leaf.event for leaf in leaves(stage.service)]
    assert said.count("breach.changed") == 1
    assert said.count("breach.closed") == 1


def test_a_breach_whose_time_is_over_says_so(stage: Stage, browser):
    dispatch_id, base = in_state(stage, Status.OPENED)
    follow(browser(stage.cora), f"{base}/send-back", {"reason": "not_joining"})
    with stage.database.writing() as session:
        session.get_one(Breach, dispatch_id).report_by = stage.at.now()
    stage.clock.move(minutes=1)

    assert "The 72 hours ended" in text_of(browser(stage.alma).page(f"{base}/breach"), "main")
