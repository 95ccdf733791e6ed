import ssl
import time
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.headerregistry import Address
from email.policy import SMTP
from uuid import UUID

import pytest

from tests.integration.alerts.relays import (
    Mailbox,
    make_certificate,
    running_relay,
    scripted_relay,
    server_side,
)
from transfer_service.alerts.channels import (
    Delivered,
    Envelope,
    PermanentFailure,
    TemporaryFailure,
    Unreachable,
    message_id,
)
from transfer_service.alerts.messages import Message
from transfer_service.alerts.smtp import SmtpChannel, SmtpRelay

SENDER = Address("Pupil file transfer", "alerts", "example.org")
GREETING, HELLO, OK, GO_ON = b"220 here\r\n", b"250 here\r\n", b"250 OK\r\n", b"354 go on\r\n"


def envelope(recipient="dsl@school.example"):
    return Envelope(
        alert_ids=(UUID(int=1),),
        deployment="county",
        recipient=recipient,
        message=Message("PT-7F3K-92Q4 is waiting", "Sign in – today.\n.\nA dot stood alone above.\n"),
        at=datetime(2026, 9, 3, 12, 0, tzinfo=UTC),
    )


def plain(port, **options):
    relay = SmtpRelay("127.0.0.1", port, options.pop("security", "none"), **options)
    return SmtpChannel(relay, sender=SENDER, timeout=timedelta(seconds=0.5))


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("relay"))


def test_a_mail_arrives_as_it_was_written(mailbox):
    with running_relay(mailbox) as port:
        assert plain(port).send(envelope()) == Delivered()
    [arrived] = mailbox.mails
    assert arrived.mail_from == "alerts@example.org"
    assert arrived.rcpt_tos == ["dsl@school.example"]
    mail = message_from_bytes(arrived.content, policy=SMTP)
    assert mail["Subject"] == "PT-7F3K-92Q4 is waiting"
    assert mail["Message-ID"] == message_id(envelope(), domain="example.org")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Reply-To"] is None
    assert mail.get_content().replace("\r\n", "\n") == "Sign in – today.\n.\nA dot stood alone above.\n"


def test_the_same_mail_sent_again_has_the_same_message_id(mailbox):
    with running_relay(mailbox) as port:
        plain(port).send(envelope())
        plain(port).send(envelope())
    ids = {message_from_bytes(mail.content, policy=SMTP)["Message-ID"] for mail in mailbox.mails}
    assert len(mailbox.mails) == 2
    assert len(ids) == 1


def test_a_mail_travels_encrypted_after_starttls_and_with_a_password(mailbox, certificate):
    relay_options = {"starttls": server_side(certificate), "password": "opensesame"}
    with running_relay(mailbox, **relay_options) as port:
        relay = SmtpRelay("127.0.0.1", port, "starttls", "service", "opensesame")
        channel = SmtpChannel(relay, sender=SENDER, tls=ssl.create_default_context(cafile=certificate))
        assert channel.send(envelope()) == Delivered()
    assert len(mailbox.mails) == 1


def test_a_mail_travels_encrypted_from_the_first_byte(mailbox, certificate):
    with running_relay(mailbox, ssl_context=server_side(certificate)) as port:
        relay = SmtpRelay("127.0.0.1", port, "tls")
        channel = SmtpChannel(relay, sender=SENDER, tls=ssl.create_default_context(cafile=certificate))
        assert channel.send(envelope()) == Delivered()
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_relay_whose_certificate_nobody_vouches_for_gets_nothing(mailbox, certificate, security):
    context = server_side(certificate)
    options = {"starttls": context} if security == "starttls" else {"ssl_context": context}
    with running_relay(mailbox, **options) as port:
        assert plain(port, security=security).send(envelope()) == Unreachable("encryption")
    assert mailbox.mails == []


def test_a_relay_that_offers_no_encryption_gets_nothing_in_clear(mailbox):
    with running_relay(mailbox) as port:
        assert plain(port, security="starttls").send(envelope()) == TemporaryFailure("no-starttls")
    assert mailbox.mails == []


def test_a_wrong_password_is_our_fault_and_is_tried_again(mailbox, certificate):
    with running_relay(mailbox, starttls=server_side(certificate), password="opensesame") as port:
        relay = SmtpRelay("127.0.0.1", port, "starttls", "service", "wrong")
        channel = SmtpChannel(relay, sender=SENDER, tls=ssl.create_default_context(cafile=certificate))
        assert channel.send(envelope()) == TemporaryFailure("535")
    assert mailbox.mails == []


@pytest.mark.parametrize(
    "recipient, outcome",
    [
        ("550-gone@school.example", PermanentFailure("550")),
        ("553-gone@school.example", PermanentFailure("553")),
        ("450-busy@school.example", TemporaryFailure("450")),
        ("452-full@school.example", TemporaryFailure("452")),
    ],
)
def test_a_refused_address_is_for_good_or_for_now_as_its_code_says(mailbox, recipient, outcome):
    with running_relay(mailbox) as port:
        assert plain(port).send(envelope(recipient)) == outcome
    assert mailbox.mails == []


@pytest.mark.parametrize(
    "answer, outcome",
    [("554 policy", PermanentFailure("554")), ("451 later", TemporaryFailure("451"))],
)
def test_a_refused_text_is_for_good_or_for_now_as_its_code_says(answer, outcome):
    with running_relay(Mailbox(after_data=answer)) as port:
        assert plain(port).send(envelope()) == outcome


@pytest.mark.parametrize(
    "answers, outcome",
    [
        ([b"554 not today\r\n"], TemporaryFailure("554")),
        ([b"421 too busy\r\n"], TemporaryFailure("421")),
        ([GREETING, HELLO, b"553 sender unknown\r\n"], TemporaryFailure("553")),
        ([GREETING], Unreachable("broken-off")),
        ([GREETING, HELLO, OK], Unreachable("broken-off")),
        ([GREETING, HELLO, OK, OK, GO_ON], Unreachable("broken-off")),
        ([b"nonsense\r\n"], Unreachable("broken-off")),
    ],
)
def test_a_relay_that_refuses_us_or_hangs_up_is_tried_again(answers, outcome):
    with scripted_relay(answers) as port:
        assert plain(port).send(envelope()) == outcome


@pytest.mark.parametrize("answers", [[b""], [GREETING], [GREETING, HELLO, OK], [GREETING, HELLO, OK, OK, GO_ON]])
def test_a_relay_that_falls_silent_is_left_after_the_timeout(answers):
    began = time.monotonic()
    with scripted_relay(answers, hang=True) as port:
        assert plain(port).send(envelope()) == Unreachable("timeout")
    assert time.monotonic() - began < 5


def test_a_relay_that_took_the_mail_and_never_says_goodbye_has_taken_it():
    lines_of_mail = len(bytes_of(envelope()).split(b"\r\n"))
    answers = [GREETING, HELLO, OK, OK, GO_ON, *[b""] * (lines_of_mail - 1), b"250 taken\r\n"]
    with scripted_relay(answers) as port:
        assert plain(port).send(envelope()) == Delivered()


def bytes_of(sent):
    from transfer_service.alerts.channels import render

    return bytes(render(sent, SENDER))


def test_a_closed_port_is_unreachable():
    with scripted_relay([GREETING]) as port:
        pass
    assert plain(port).send(envelope()) == Unreachable("refused")


def test_a_host_that_does_not_exist_is_unreachable():
    relay = SmtpRelay("no-such-host.invalid", 587, "none")
    assert SmtpChannel(relay, sender=SENDER, timeout=timedelta(seconds=5)).send(envelope()) == Unreachable(
        "unknown-host"
    )


def test_an_address_outside_ascii_is_refused_for_good_where_the_relay_cannot_take_it(mailbox):
    with running_relay(mailbox) as port:
        assert plain(port).send(envelope("zoë@school.example")) == PermanentFailure("address-not-supported")


def test_an_address_that_would_slip_in_a_header_reaches_no_relay(mailbox):
    with running_relay(mailbox) as port:
        sent = plain(port).send(envelope("dsl@school.example\r\nBcc: all@school.example"))
    assert sent == PermanentFailure("bad-address")
    assert mailbox.mails == []


def test_what_the_relay_says_never_enters_the_outcome(mailbox):
    with running_relay(mailbox) as port:
        assert "gone" not in repr(plain(port).send(envelope("550-gone@school.example")))
