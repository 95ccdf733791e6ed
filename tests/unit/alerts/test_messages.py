from datetime import UTC, datetime

import pytest

from transfer_service.alerts.messages import Alert, Site, compose, join, may_join
from transfer_service.alerts.wording import WORDINGS
from transfer_service.domain.alerts import SECURITY_ALERTS, AlertKind

SITE = Site(service_name="Pupil file transfer", base_url="https://files.example.org")
FIRST, SECOND = "PT-7F3K-92Q4", "PT-0ABC-DEF1"
LINKED = {AlertKind.INVITATION, AlertKind.PASSWORD_RESET}
PERSONAL = ["Amira", "Khan", "H801200001001", "2014-03-09", "St Joseph", "Prevent", "child protection plan"]


def alert_of(kind, references=(FIRST,)):
    return Alert(
        kind=kind,
        references=references if "{reference}" in WORDINGS[kind].one else (),
        link=f"{SITE.base_url}/invitation/abc" if kind in LINKED else None,
        evidence="example.org/log\n12\nroot\n" if kind is AlertKind.WEEKLY_CHECKPOINT else None,
    )


def test_every_kind_of_alert_has_its_words():
    assert set(WORDINGS) == set(AlertKind)


def test_a_waiting_transfer_is_told_by_its_reference_and_where_to_sign_in():
    message = compose(alert_of(AlertKind.DISPATCH_ARRIVED), SITE)
    assert message.subject == "PT-7F3K-92Q4 is waiting for your school"
    assert message.text.startswith("PT-7F3K-92Q4 is waiting for your school.\n\n")
    assert "\nSign in at https://files.example.org\n" in message.text
    assert "open it" in message.text


def test_several_references_are_counted_in_the_subject_and_listed_in_the_text():
    message = compose(alert_of(AlertKind.DISPATCH_ARRIVED, (FIRST, SECOND)), SITE)
    assert message.subject == "2 transfers are waiting for your school"
    assert "\n  PT-7F3K-92Q4\n  PT-0ABC-DEF1\n" in message.text
    assert "open them" in message.text


def test_a_long_list_of_references_is_cut_and_counted():
    references = tuple(f"PT-0000-{n:04d}" for n in range(60))
    text = compose(alert_of(AlertKind.DISPATCH_ARRIVED, references), SITE).text
    assert "PT-0000-0049" in text
    assert "PT-0000-0050" not in text
    assert "  and 10 more" in text


def test_an_acknowledgement_says_what_it_means():
    text = compose(alert_of(AlertKind.DISPATCH_ACKNOWLEDGED), SITE).text
    assert "Your school's part of this handover is complete." in text


@pytest.mark.parametrize("kind", list(AlertKind))
@pytest.mark.parametrize("references", [(FIRST,), (FIRST, SECOND)])
def test_every_mail_is_one_subject_line_and_a_whole_text(kind, references):
    message = compose(alert_of(kind, references), SITE)
    assert 10 < len(message.subject) < 100
    assert message.subject.isprintable()
    assert message.text.isascii()
    for unfilled in ("{", "}", "None", "  \n"):
        assert unfilled not in message.subject + message.text
    assert message.text.endswith("telephone your authority.\n")
    assert (f"Sign in at {SITE.base_url}" in message.text) == (kind not in LINKED)


@pytest.mark.parametrize("kind", list(AlertKind))
def test_no_mail_has_a_word_about_a_pupil_or_a_school(kind):
    message = compose(alert_of(kind), SITE)
    for word in PERSONAL:
        assert word.casefold() not in (message.subject + message.text).casefold()


@pytest.mark.parametrize("word", [*PERSONAL, "PT-7F3K-92Q4 Amira Khan", "", "pt-7f3k-92qd", "PT-7F3K-92Q4\n"])
def test_an_alert_takes_no_words_in_place_of_a_reference_and_does_not_repeat_them(word):
    with pytest.raises(ValueError, match="takes references of transfers and no other words") as refused:
        Alert(AlertKind.DISPATCH_ARRIVED, references=(word,))
    assert not word or word not in str(refused.value)


@pytest.mark.parametrize(
    "kind, parts",
    [
        (AlertKind.DISPATCH_ARRIVED, {}),
        (AlertKind.KEY_GRANTED, {"references": (FIRST,)}),
        (AlertKind.INVITATION, {}),
        (AlertKind.KEY_GRANTED, {"link": "https://files.example.org/x"}),
        (AlertKind.WEEKLY_CHECKPOINT, {}),
        (AlertKind.KEY_GRANTED, {"evidence": "lines"}),
    ],
)
def test_an_alert_that_lacks_a_part_or_has_one_too_many_is_refused(kind, parts):
    with pytest.raises(ValueError, match="or takes none, not so"):
        Alert(kind, **parts)


def test_an_invitation_carries_its_link_and_until_when_it_works():
    invitation = Alert(
        AlertKind.INVITATION,
        link="https://files.example.org/invitation/abc",
        expires_at=datetime(2026, 9, 10, 12, 0, tzinfo=UTC),
    )
    text = compose(invitation, SITE).text
    assert "https://files.example.org/invitation/abc\nThe link works until 10 September 2026 at 13:00." in text
    assert "Sign in at" not in text


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example.com/invitation/abc",
        "http://files.example.org/invitation/abc",
        "https://files.example.org@elsewhere.example.com/x",
        "https://files.example.org/x\nhttps://elsewhere.example.com",
        "javascript:alert(1)",
    ],
)
def test_a_link_that_leads_elsewhere_is_never_mailed(link):
    with pytest.raises(ValueError, match="leads to the service itself"):
        compose(Alert(AlertKind.INVITATION, link=link), SITE)


def test_a_notice_about_an_account_says_when_it_happened():
    notice = Alert(AlertKind.NEW_DEVICE, happened_at=datetime(2026, 12, 3, 9, 30, tzinfo=UTC))
    assert "When: 3 December 2026 at 09:30" in compose(notice, SITE).text


def test_the_weekly_checkpoint_is_mailed_line_for_line():
    text = compose(alert_of(AlertKind.WEEKLY_CHECKPOINT), SITE).text
    assert "\n\nexample.org/log\n12\nroot\n\n" in text


def test_braces_in_a_checkpoint_are_left_as_they_are():
    checkpoint = Alert(AlertKind.WEEKLY_CHECKPOINT, evidence="{origin}\n{}\n")
    assert "{origin}\n{}" in compose(checkpoint, SITE).text


def test_alerts_of_one_kind_become_one_mail_with_each_reference_once():
    joined = join(
        [alert_of(AlertKind.DISPATCH_OPENED), alert_of(AlertKind.DISPATCH_OPENED, (SECOND, FIRST))],
        SITE,
    )
    assert joined == compose(alert_of(AlertKind.DISPATCH_OPENED, (FIRST, SECOND)), SITE)


def test_one_alert_alone_is_not_dressed_up_as_several():
    assert join([alert_of(AlertKind.DISPATCH_OPENED)], SITE) == compose(alert_of(AlertKind.DISPATCH_OPENED), SITE)


def test_alerts_of_several_kinds_become_numbered_parts_of_one_mail():
    joined = join(
        [
            alert_of(AlertKind.SINGLE_KEY_HOLDER),
            alert_of(AlertKind.DISPATCH_ARRIVED),
            alert_of(AlertKind.DISPATCH_OPENED),
        ],
        SITE,
    )
    assert joined.subject == "Pupil file transfer: 3 alerts"
    assert "\n\n1. PT-7F3K-92Q4 was opened by the receiving school.\n\n" in joined.text
    assert "\n\n2. PT-7F3K-92Q4 is waiting for your school.\n\n" in joined.text
    assert "\n\n3. Only one person can open your school's files.\n\n" in joined.text
    assert joined.text.count("Sign in at") == 1


def test_what_cannot_wait_comes_first_and_into_the_subject():
    joined = join([alert_of(AlertKind.DISPATCH_OPENED), alert_of(AlertKind.BREACH_RECORDED, (SECOND,))], SITE)
    assert joined.subject == (
        "Pupil file transfer: Act today: PT-0ABC-DEF1 was opened by a school that it was not meant for"
    )
    assert "\n\n1. Act today: PT-0ABC-DEF1" in joined.text


def test_alerts_about_an_account_and_checkpoints_go_by_themselves():
    alone = {kind for kind in AlertKind if not may_join(kind)}
    assert alone == SECURITY_ALERTS | {AlertKind.WEEKLY_CHECKPOINT}
    with pytest.raises(ValueError, match="goes by itself"):
        join([alert_of(AlertKind.DISPATCH_OPENED), alert_of(AlertKind.PASSWORD_CHANGED)], SITE)


def test_no_alerts_make_no_mail():
    with pytest.raises(ValueError, match="nothing to join"):
        join([], SITE)
