"""A legal hold: nothing of a transfer is shredded while an authority holds it, and nobody reads more because of it."""

import pytest
from sqlalchemy import select

from tests import factories
from tests.html import text_of
from tests.integration.transfers.stage import Stage
from tests.observing import leaves
from transfer_service.db.models import Dispatch
from transfer_service.domain.errors import Invalid, RuleForbids
from transfer_service.domain.events import Basis
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.legal_holds import list_holds, mark_as_logged, set_hold
from transfer_service.use_cases.retention import list_due_for_shredding, shred_dispatch


@pytest.fixture
def made(stage: Stage):
    """A file that was acknowledged, exported and filed: it is due in thirty days."""
    dispatch_id = factories.dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora)
    with stage.database.writing() as session:
        dispatch = session.get_one(Dispatch, dispatch_id)
        dispatch.exported_at = dispatch.filed_at = stage.clock()
        return dispatch_id, dispatch.transfer.reference, dispatch.transfer_id


def due(stage: Stage) -> list:
    with stage.database.reading() as session:
        return list_due_for_shredding(session, now=stage.clock())


def marks(stage: Stage, transfer_id) -> list[bool]:
    with stage.database.reading() as session:
        return list(session.scalars(select(Dispatch.legal_hold).where(Dispatch.transfer_id == transfer_id)))


def test_what_is_held_is_not_shredded_until_the_hold_is_lifted(stage: Stage, client_for, made):
    dispatch_id, reference, transfer_id = made
    client = client_for(stage.cast.olive)
    address = f"/authority/transfers/{reference}/hold"
    before = len(leaves(stage.service))
    response = client.post_form(address, {"basis": "court_order"}, page=address)
    assert (response.status_code, response.headers["Location"]) == (303, f"/authority/transfers/{reference}")
    said = leaves(stage.service)[before:]
    assert ("legal_hold.set", "court_order", transfer_id) in [(one.event, one.basis, one.subject) for one in said]
    assert "A court order, or proceedings" in text_of(client.page(address), "main")
    stage.clock.move(days=31)
    assert due(stage) == []
    with stage.database.writing() as session, pytest.raises(RuleForbids, match="legal hold"):
        shred_dispatch(session, stage.at, dispatch_id=dispatch_id)
    client = client_for(stage.cast.olive)
    assert client.post_form(f"{address}/lift", {}, page=address).status_code == 303
    assert due(stage) == [dispatch_id]
    assert [one.event for one in leaves(stage.service)].count("legal_hold.lifted") == 1


def test_both_schools_see_the_hold_in_what_happened(stage: Stage, client_for, made):
    _, reference, _ = made
    address = f"/authority/transfers/{reference}/hold"
    client_for(stage.cast.olive).post_form(address, {"basis": "complaint"}, page=address)
    for member in (stage.alma, stage.cora):
        assert "set a legal hold" in client_for(member).get(f"/transfers/{reference}").text


def test_each_authority_of_a_move_lifts_its_own_hold_alone(stage: Stage, client_for, made):
    from tests.integration.web.authority.test_school_page import move_school

    _, reference, transfer_id = made
    move_school(stage, stage.cora.actor.organisation_id, stage.cast.oscar.actor.organisation_id)
    address = f"/authority/transfers/{reference}/hold"
    for officer in (stage.cast.olive, stage.cast.oscar):
        client = client_for(officer)
        assert client.post_form(address, {"basis": "case_enquiry"}, page=address).status_code == 303
    with stage.database.reading() as session:
        assert len(list_holds(session, transfer_id)) == 2
    client = client_for(stage.cast.olive)
    client.post_form(f"{address}/lift", {}, page=address)
    assert "Another authority has a legal hold" in text_of(client.page(address), "main")
    assert marks(stage, transfer_id) == [True]
    client_for(stage.cast.oscar).post_form(f"{address}/lift", {}, page=address)
    assert marks(stage, transfer_id) == [False]


def test_it_is_refused_without_a_reason_twice_and_where_there_is_none_to_lift(stage: Stage, client_for, made):
    _, reference, transfer_id = made
    client = client_for(stage.cast.olive)
    address = f"/authority/transfers/{reference}/hold"
    without = client.post_form(address, {}, page=address)
    assert (without.status_code, marks(stage, transfer_id)) == (422, [False])
    assert "Choose why the contents must be kept" in without.text
    assert "no legal hold on this transfer" in client.post_form(f"{address}/lift", {}, page=address).text
    client.post_form(address, {"basis": "court_order"}, page=address)
    again = client.post_form(address, {"basis": "court_order"}, page=address)
    assert again.status_code == 422
    assert "has a legal hold on this transfer already" in again.text
    with stage.database.writing() as session, pytest.raises(Invalid):
        set_hold(session, stage.at, stage.cast.olive.actor, reference=reference, basis=Basis.LEAVER)


def test_nothing_that_was_shredded_can_be_held(stage: Stage, client_for, made):
    dispatch_id, reference, transfer_id = made
    stage.clock.move(days=31)
    with stage.database.writing() as session:
        shred_dispatch(session, stage.at, dispatch_id=dispatch_id)
    client = client_for(stage.cast.olive)
    address = f"/authority/transfers/{reference}/hold"
    assert "a hold would keep nothing" in text_of(client.page(address), "main")
    refused = client.post_form(address, {"basis": "court_order"}, page="/accessibility")
    assert (refused.status_code, marks(stage, transfer_id)) == (422, [False])


def test_after_a_restore_the_marks_are_those_of_the_log(stage: Stage, client_for, made):
    dispatch_id, reference, transfer_id = made
    address = f"/authority/transfers/{reference}/hold"
    client_for(stage.cast.olive).post_form(address, {"basis": "court_order"}, page=address)
    with stage.database.writing() as session:
        session.get_one(Dispatch, dispatch_id).legal_hold = False
    with stage.database.writing() as session:
        assert mark_as_logged(session, transfer_id) is True
        assert mark_as_logged(session, transfer_id) is False
    assert marks(stage, transfer_id) == [True]
