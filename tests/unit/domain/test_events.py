import re

from transfer_service.domain.events import NAME_SHOWING_BASES, Basis, Event
from transfer_service.domain.statements import ACKNOWLEDGEMENT, NIL_DECLARATION, SEND_CONFIRMATION, STATEMENTS


def test_events_are_a_noun_and_a_past_tense():
    strange = [event for event in Event if not re.fullmatch(r"[a-z_]+\.[a-z_]+", event)]
    assert strange == ["restored"]
    irregular = {event.value for event in Event if event is not Event.RESTORED and not event.value.endswith("ed")}
    assert irregular == {
        "item.withheld",
        "dispatch.sent",
        "dispatch.waiting",
        "dispatch.withdrawn",
        "cover.shown",
        "notes.read",
        "invitation.withdrawn",
        "alert.withdrawn",
        "password.reset",
        "alert.sent",
        "pupil_name.shown",
        "backup.made",
        "backup_codes.made",
        "legal_hold.set",
    }


def test_no_two_events_share_a_name():
    assert len({event.value for event in Event}) == len(Event.__members__)


def test_the_names_that_stand_in_logs_are_kept():
    kept = (
        "transfer.created dispatch.drafted note.sealed attachment.sealed item.removed dispatch.sent dispatch.waiting "
        "dispatch.delivered cover.shown dispatch.opened notes.read attachment.downloaded archive.downloaded "
        "dispatch.acknowledged nil.declared nil.acknowledged dispatch.withdrawn dispatch.rejected dispatch.redirected "
        "dispatch.discarded item.open_failed breach.recorded receipt.downloaded person.invited invitation.accepted "
        "membership.approved membership.ended membership.suspended password.changed second_factor.enrolled "
        "second_factor.replaced recovery_code.issued recovery_code.used session.started session.ended sign_in.locked "
        "epoch.created epoch.retired epoch.destroyed key.granted key.revoked escrow.granted recovery_key.recorded "
        "drill.recorded alert.sent alert.failed alert.abandoned compliance.listed audit.listed pupil_name.shown "
        "audit.exported calendar.changed setting.changed schools.imported access.refused detail.erased restored "
        "log_key.rotated item.reencrypted item.reverted grants.renewed "
        "freeze.lifted signer_state.adopted legal_hold.set legal_hold.lifted policy_letter.issued "
        "backup_codes.made backup_codes.ended backup_code.used account.renewed account.damaged alert.withdrawn "
        "epoch.restored "
    )
    assert set(kept.split()) <= {event.value for event in Event}


def test_a_name_is_shown_for_reasons_from_the_list_alone():
    assert {basis.value for basis in NAME_SHOWING_BASES} == {
        "case_enquiry",
        "data_protection_request",
        "complaint",
        "court_order",
        "misdirected",
    }
    assert set(Basis) > NAME_SHOWING_BASES


def test_a_published_statement_is_never_reworded():
    assert ACKNOWLEDGEMENT.text == (
        "I am a designated safeguarding lead or deputy of the receiving school. I have opened and read every item "
        "listed in this receipt, and I take responsibility for this information at my school."
    )
    assert NIL_DECLARATION.text == (
        "I am a designated safeguarding lead or deputy of the sending school. We hold no safeguarding information on "
        "this pupil. I have checked our electronic records, our paper records, and any file that earlier schools gave "
        "us."
    )
    assert SEND_CONFIRMATION.text == (
        "This is the whole safeguarding file that we hold on this pupil, except for what is listed as withheld with a "
        "reason. The pupil is moving to the school named here."
    )


def test_a_statement_is_found_by_its_version():
    assert sorted(STATEMENTS) == ["ack/1", "filed/1", "first-dsl/1", "joining/1", "nil-ack/1", "nil/1", "send/1"]
    assert STATEMENTS["nil/1"] is NIL_DECLARATION
