"""The breach record as a use case: whole or not at all, and told from the log."""

import pytest

from tests.factories import dispatch_in, send_back
from tests.html import text_of
from tests.integration.transfers.stage import Stage
from tests.integration.web.school.browsing import reference_of
from tests.observing import rows
from transfer_service.domain.breaches import BREACH_STEP_LABELS, BreachStep
from transfer_service.domain.errors import AlreadyDone, NotFound, PermissionRefused
from transfer_service.domain.transfer import RejectionReason, Status
from transfer_service.use_cases.transfers import breaches


@pytest.fixture
def reference(stage: Stage) -> str:
    dispatch_id = dispatch_in(stage, Status.OPENED, sender=stage.alma, receiver=stage.cora)
    send_back(stage, stage.cora, dispatch_id, reason=RejectionReason.WRONG_SCHOOL)
    return reference_of(stage, dispatch_id)


@pytest.fixture
def tick(stage: Stage, reference: str):
    def do(*steps: BreachStep, member=stage.alma, number: int | None = None) -> bool:
        with stage.database.writing() as session:
            return breaches.tick_breach(
                session, stage.at, member.actor, reference=reference, number=number, steps=steps
            )

    return do


def test_every_step_has_its_words():
    assert set(BREACH_STEP_LABELS) == set(BreachStep)


def test_a_step_ticked_twice_keeps_its_first_moment(stage: Stage, tick, reference):
    assert tick(BreachStep.OFFICER_TOLD) is False
    first = stage.at.now()
    stage.clock.move(hours=2)
    tick(BreachStep.OFFICER_TOLD, BreachStep.CONTAINED, member=stage.ben)

    with stage.database.reading() as session:
        record = breaches.get_breach(session, stage.alma.actor, reference=reference)

    assert record.ticked[BreachStep.OFFICER_TOLD] == breaches.Ticked(first, "Alma Reyes")
    assert record.ticked[BreachStep.CONTAINED].by == "Ben Okafor"
    assert [(who, what) for _, who, what in record.seen] == [("Cora Whitlock", "opened the file")]


def test_a_closed_record_stays_as_it_is(tick):
    assert tick(*BreachStep) is True

    with pytest.raises(AlreadyDone):
        tick(BreachStep.OFFICER_TOLD)


def test_where_the_leaf_cannot_be_written_nothing_is_ticked(stage: Stage, tick, monkeypatch):
    before = rows(stage.service)
    monkeypatch.setattr(breaches, "record_all", _fail)

    with pytest.raises(RuntimeError):
        tick(*BreachStep)

    assert rows(stage.service) == before


def test_the_head_teacher_sees_what_she_is_alerted_of_and_leaves_the_steps_to_the_leads(
    stage: Stage, tick, reference, browser
):
    hugh = stage.cast.hugh
    with pytest.raises(PermissionRefused):
        tick(BreachStep.CONTAINED, member=hugh)

    client = browser(hugh)
    page = client.page(f"/transfers/{reference}/breach")

    assert "Cora Whitlock" in text_of(page, "main")
    assert [one for main in page.iter("main") for one in main.iter("input")] == []
    said = client.post(
        f"/transfers/{reference}/breach", data={"steps": "contained", "csrf_token": client.token("/calendar")}
    )
    assert said.status_code == 403


def test_only_the_sending_schools_leads_reach_it(stage: Stage, tick):
    for member, refusal in ((stage.cora, NotFound), (stage.stella, NotFound), (stage.edie, PermissionRefused)):
        with pytest.raises(refusal):
            tick(BreachStep.CONTAINED, member=member)
    with pytest.raises(NotFound):
        tick(BreachStep.CONTAINED, number=9)


def _fail(*arguments, **options):
    raise RuntimeError("the log cannot be written")
