from datetime import UTC, datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.policy import SMTP
from pathlib import Path
from uuid import UUID

import pytest

from transfer_service.alerts.catcher import FolderChannel
from transfer_service.alerts.channels import (
    ChannelSettingRefused,
    Envelope,
    is_address,
    message_id,
    read_sender,
    render,
)
from transfer_service.alerts.messages import Message
from transfer_service.alerts.notify import NotifyChannel
from transfer_service.alerts.opening import open_channel
from transfer_service.alerts.smtp import SmtpChannel, SmtpRelay

ONE = UUID("018f6f70-1a2b-7c3d-8e4f-5a6b7c8d4f02")
TWO = UUID("018f6f70-1a2b-7c3d-8e4f-5a6b7c8dab03")
SENDER = Address("Pupil file transfer", "alerts", "example.org")
NOTIFY_KEY = "live-26785a09-ab16-4eb0-8407-a37497a57506-3d844edf-8d35-48ac-975b-e847b4f122b0"
TEMPLATE = "f33517ff-2a88-4f6e-b855-c550268ce08a"


def envelope(**changes):
    given = {
        "alert_ids": (ONE,),
        "deployment": "county",
        "recipient": "dsl@school.example",
        "message": Message("PT-7F3K-92Q4 is waiting", "Sign in.\n"),
        "at": datetime(2026, 9, 3, 12, 0, tzinfo=UTC),
    }
    return Envelope(**(given | changes))


def test_the_message_id_stays_the_same_from_attempt_to_attempt():
    later = envelope(at=datetime(2026, 9, 4, 12, 0, tzinfo=UTC), message=Message("Other", "Other"))
    assert message_id(envelope(), domain="example.org") == message_id(later, domain="example.org")
    assert message_id(envelope(), domain="example.org").endswith("@example.org>")


def test_the_message_id_does_not_depend_on_the_order_of_joined_alerts():
    assert message_id(envelope(alert_ids=(ONE, TWO)), domain="a.org") == message_id(
        envelope(alert_ids=(TWO, ONE)), domain="a.org"
    )


@pytest.mark.parametrize("change", [{"alert_ids": (TWO,)}, {"deployment": "demo"}, {"recipient": "b@school.example"}])
def test_another_alert_deployment_or_address_has_another_message_id(change):
    assert message_id(envelope(**change), domain="a.org") != message_id(envelope(), domain="a.org")


def test_the_message_id_does_not_show_the_address():
    assert "dsl" not in message_id(envelope(), domain="example.org")


def test_a_mail_is_marked_as_automatic_and_has_no_reply_to():
    mail = render(envelope(), SENDER)
    assert mail["From"] == "Pupil file transfer <alerts@example.org>"
    assert mail["To"] == "dsl@school.example"
    assert mail["Subject"] == "PT-7F3K-92Q4 is waiting"
    assert mail["Date"] == "Thu, 03 Sep 2026 12:00:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Reply-To"] is None
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content() == "Sign in.\n"


def test_a_text_with_long_lines_travels_whole():
    text = "word " * 400 + "\nNaïve – ‘quoted’\n"
    raw = bytes(render(envelope(message=Message("Subject", text)), SENDER))
    assert max(len(line) for line in raw.split(b"\r\n")) < 998
    assert message_from_bytes(raw, policy=SMTP).get_content().replace("\r\n", "\n") == text


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@b@c",
        "two@example.org,three@example.org",
        "a@example.org\r\nBcc: b@example.org",
        "<a@example.org>",
        "a b@example.org",
        "a@exa\u202emple.org",
    ],
)
def test_what_is_not_one_plain_address_never_becomes_a_header(address):
    assert not is_address(address)
    with pytest.raises(ValueError, match="the recipient is no mail address"):
        render(envelope(recipient=address), SENDER)


def test_an_address_outside_ascii_is_an_address():
    assert is_address("zoë@schule.example")


def test_a_sender_is_read_with_and_without_a_name():
    assert read_sender("alerts@example.org") == Address("", "alerts", "example.org")
    assert read_sender(" Pupil file transfer <alerts@example.org> ") == SENDER


@pytest.mark.parametrize("text", ["", "nobody", "Name <nobody>", "<>", "a@b.org, c@d.org", "A\r\nBcc: x@y.z <a@b.org>"])
def test_a_sender_that_is_no_address_is_refused(text):
    with pytest.raises(ChannelSettingRefused, match="MAIL_FROM must be one mail address"):
        read_sender(text)


def test_the_password_of_a_relay_does_not_show_when_it_is_printed():
    assert "opensesame" not in repr(SmtpRelay("mail.example.org", 587, "starttls", "user", "opensesame"))


def test_the_way_that_is_set_is_opened(tmp_path):
    relay = SmtpRelay("mail.example.org", 587, "starttls")
    assert isinstance(open_channel(relay=relay, mail_from="alerts@example.org"), SmtpChannel)
    assert isinstance(open_channel(notify_api_key=NOTIFY_KEY, notify_template_id=TEMPLATE), NotifyChannel)
    assert isinstance(open_channel(folder=tmp_path / "mails"), FolderChannel)


@pytest.mark.parametrize(
    "settings, advice",
    [
        ({}, "Set SMTP_URL or NOTIFY_API_KEY"),
        ({"relay": SmtpRelay("mail.example.org", 25, "none")}, "needs MAIL_FROM beside it"),
        ({"relay": SmtpRelay("mail.example.org", 25, "none"), "mail_from": "x"}, "MAIL_FROM must be one mail address"),
        ({"notify_api_key": NOTIFY_KEY}, "needs NOTIFY_TEMPLATE_ID beside it"),
        ({"notify_api_key": "short", "notify_template_id": TEMPLATE}, "must be the whole key"),
        ({"notify_api_key": NOTIFY_KEY, "notify_template_id": "x"}, "must be the id of a template"),
        ({"folder": Path("/tmp"), "mail_from": "nobody"}, "MAIL_FROM must be one mail address"),
    ],
)
def test_a_way_that_lacks_a_part_says_which(settings, advice):
    with pytest.raises(ChannelSettingRefused) as refused:
        open_channel(**settings)
    assert advice in refused.value.sentence
