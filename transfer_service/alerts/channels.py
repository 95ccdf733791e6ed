"""What every way of sending a mail has in common: an envelope goes in, one of four outcomes comes out."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Protocol
from uuid import UUID

from transfer_service.alerts.messages import Message
from transfer_service.domain.errors import ServiceError

_ADDRESS = re.compile(r"[^\s@<>,;:\\\"()\[\]]{1,64}@[^\s@<>,;:\\\"()\[\]]{1,253}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """One mail to one address.

    `alert_ids` are those of all alerts that the mail carries; with `deployment` they make the Message-ID, so that a
    mail that is sent twice is known to be the same. `at` is the moment of this attempt (aware).
    """

    alert_ids: tuple[UUID, ...]
    deployment: str
    recipient: str
    message: Message
    at: datetime


@dataclass(frozen=True, slots=True)
class Delivered:
    """The other side took responsibility for the mail."""


@dataclass(frozen=True, slots=True)
class TemporaryFailure:
    """The other side refused for now, or refuses us rather than the mail: try again. `code` is its number alone."""

    code: str


@dataclass(frozen=True, slots=True)
class PermanentFailure:
    """The other side refused this address or this mail for good. `code` is its number, or a word of ours."""

    code: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nobody answered, or the conversation broke off: try again. `why` is one word from a closed list of ours."""

    why: str


Outcome = Delivered | TemporaryFailure | PermanentFailure | Unreachable
"""What became of one attempt. None carries the other side's words, which may repeat the address or the text."""

BAD_ADDRESS = PermanentFailure("bad-address")


class Channel(Protocol):
    """A way of sending mail; it never raises for what happens on the other side."""

    def send(self, envelope: Envelope) -> Outcome:
        """Try once to send, and tell what became of it."""
        ...


class ChannelSettingRefused(ServiceError):
    """A setting of a channel cannot be used; the sentence says what to write and never repeats the value."""


def message_id(envelope: Envelope, *, domain: str) -> str:
    """Tell the Message-ID: the same for the same alerts to the same address from the same deployment, always."""
    parts = [envelope.deployment, envelope.recipient, *sorted(str(alert_id) for alert_id in envelope.alert_ids)]
    digest = hashlib.sha256("\x00".join(parts).encode()).hexdigest()
    return f"<{digest[:40]}@{domain}>"


def is_address(text: str) -> bool:
    """Tell whether this is one plain mail address, so that nothing can be slipped into a header beside it."""
    return _ADDRESS.fullmatch(text) is not None and text.isprintable()


def read_sender(mail_from: str) -> Address:
    """Read MAIL_FROM, `alerts@example.org` or `Pupil file transfer <alerts@example.org>`.

    Raises ChannelSettingRefused where it is neither.
    """
    match = re.fullmatch(
        r"(?:(?P<name>[^<>\"\r\n]*[^<>\"\s])\s*<(?P<inner>[^<>]+)>|(?P<bare>[^<>\s]+))", mail_from.strip()
    )
    spec = (match["inner"] or match["bare"]) if match else ""
    if match is None or not is_address(spec):
        raise ChannelSettingRefused(
            "MAIL_FROM must be one mail address, such as Pupil file transfer <alerts@example.org>."
        )
    return Address(display_name=match["name"] or "", addr_spec=spec)


def render(envelope: Envelope, sender: Address) -> EmailMessage:
    """Write the mail as it travels: plain text, marked as automatic, without a Reply-To.

    Raises ValueError where the address or the subject would break a header.
    """
    if not is_address(envelope.recipient):
        raise ValueError("the recipient is no mail address")
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = envelope.recipient
    mail["Subject"] = envelope.message.subject
    mail["Date"] = format_datetime(envelope.at)
    mail["Message-ID"] = message_id(envelope, domain=sender.domain)
    # RFC 3834: machines that answer mail leave this one alone.
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(envelope.message.text)
    return mail
