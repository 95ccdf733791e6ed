"""Send mail through a relay by SMTP, and say what its answer means."""

import smtplib
import socket
import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from email.headerregistry import Address
from typing import Literal

from transfer_service.alerts.channels import (
    BAD_ADDRESS,
    Delivered,
    Envelope,
    Outcome,
    PermanentFailure,
    TemporaryFailure,
    Unreachable,
    render,
)


@dataclass(frozen=True, slots=True)
class SmtpRelay:
    """Where the relay is and how to talk to it, as SMTP_URL says.

    `security` is "tls" (from the first byte), "starttls" (a plain connection that is then encrypted, and never goes on
    without), or "none", which the settings allow for this machine alone.
    """

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    username: str | None = None
    password: str | None = field(default=None, repr=False)


class SmtpChannel:
    """Sends each mail in a connection of its own: alerts are few, and a kept connection dies unnoticed."""

    def __init__(
        self,
        relay: SmtpRelay,
        *,
        sender: Address,
        timeout: timedelta = timedelta(seconds=20),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare to send; `timeout` bounds each wait for the relay.

        Without `tls` the machine's own certificate authorities decide whom we trust.
        """
        self._relay = relay
        self._sender = sender
        self._timeout = timeout.total_seconds()
        self._tls = tls or ssl.create_default_context()

    def send(self, envelope: Envelope) -> Outcome:
        """Try once to hand the mail to the relay.

        A refusal of the address or of the text is permanent where its code says so. A refusal of ourselves (greeting,
        encryption, sign-in, sender) is temporary whatever its code: the mail is not at fault, and a setting can be
        put right before it is given up.
        """
        try:
            mail = render(envelope, self._sender)
        except ValueError:
            return BAD_ADDRESS
        try:
            connection = self._connect()
        except smtplib.SMTPNotSupportedError:
            return TemporaryFailure("no-starttls")
        except smtplib.SMTPResponseException as refusal:
            return _refused_us(refusal.smtp_code)
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            return Unreachable(_why(error))
        try:
            connection.send_message(mail, from_addr=self._sender.addr_spec, to_addrs=[envelope.recipient])
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            return _judge(error)
        finally:
            _hang_up(connection)
        return Delivered()

    def _connect(self) -> smtplib.SMTP:
        """Connect, encrypt and sign in; whatever fails leaves no connection behind."""
        relay = self._relay
        connection: smtplib.SMTP
        if relay.security == "tls":
            connection = smtplib.SMTP_SSL(relay.host, relay.port, timeout=self._timeout, context=self._tls)
        else:
            connection = smtplib.SMTP(relay.host, relay.port, timeout=self._timeout)
        try:
            if relay.security == "starttls":
                connection.starttls(context=self._tls)
            if relay.username is not None:
                connection.login(relay.username, relay.password or "")
        except BaseException:
            connection.close()
            raise
        return connection


def _judge(error: Exception) -> Outcome:
    """Say what an error during the handing over means."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        # The mail has one recipient, so that there is one answer.
        codes = [code for code, _ in error.recipients.values()]
        return _by_code(codes[0])
    if isinstance(error, smtplib.SMTPSenderRefused):
        return _refused_us(error.smtp_code)
    if isinstance(error, smtplib.SMTPResponseException):
        return _by_code(error.smtp_code)
    if isinstance(error, smtplib.SMTPNotSupportedError | UnicodeError):
        return PermanentFailure("address-not-supported")
    return Unreachable(_why(error))


def _by_code(code: int) -> Outcome:
    """Read a reply code: 5yz is for good, everything else may pass (RFC 5321, section 4.2.1)."""
    return PermanentFailure(str(code)) if 500 <= code <= 599 else _refused_us(code)


def _refused_us(code: int) -> Outcome:
    """Take a refusal as passing whatever its code; what is no reply code at all is no relay."""
    return TemporaryFailure(str(code)) if 200 <= code <= 599 else Unreachable("broken-off")


def _why(error: Exception) -> str:
    """Name in one word why nobody was reached."""
    # smtplib turns a silence into a disconnection and keeps the reason as the context alone.
    cause = error.__context__ if isinstance(error, smtplib.SMTPServerDisconnected) else error
    if isinstance(cause, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, socket.gaierror | UnicodeError):
        return "unknown-host"
    if isinstance(error, ssl.SSLError):
        return "encryption"
    return "broken-off"


def _hang_up(connection: smtplib.SMTP) -> None:
    """Say goodbye; that the relay does not answer to it changes nothing about the mail."""
    try:
        connection.quit()
    except (OSError, smtplib.SMTPException):
        connection.close()
