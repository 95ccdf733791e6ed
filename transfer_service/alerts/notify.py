"""Send mail through GOV.UK Notify, which public bodies may use, with nothing but the standard library.

The template in Notify needs the subject `((subject))` and the message `((body))`. The key and the API are described in
Notify's documentation of its REST API.
"""

import base64
import hashlib
import hmac
import http.client
import json
import re
import socket
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from transfer_service.alerts.channels import (
    BAD_ADDRESS,
    ChannelSettingRefused,
    Delivered,
    Envelope,
    Outcome,
    PermanentFailure,
    TemporaryFailure,
    Unreachable,
    is_address,
    message_id,
)

API_URL = "https://api.notifications.service.gov.uk"

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_KEY = re.compile(rf".*?-?(?P<service>{_UUID})-(?P<secret>{_UUID})")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class NotifyKey:
    """An API key of Notify: the service's id and the secret that signs our requests."""

    service_id: str
    secret: str = field(repr=False)


def read_notify_key(text: str) -> NotifyKey:
    """Read a key as Notify shows it, `name-<service id>-<secret>`; raises ChannelSettingRefused where it is none."""
    match = _KEY.fullmatch(text.strip())
    if match is None:
        raise ChannelSettingRefused("NOTIFY_API_KEY must be the whole key as GOV.UK Notify showed it once.")
    return NotifyKey(service_id=match["service"], secret=match["secret"])


def sign_request(key: NotifyKey, at: datetime) -> str:
    """Make the token of one request: a JSON Web Token (RFC 7519) signed with HMAC-SHA256, good for half a minute."""
    header = _part({"alg": "HS256", "typ": "JWT"})
    claims = _part({"iat": int(at.timestamp()), "iss": key.service_id})
    signature = hmac.digest(key.secret.encode(), f"{header}.{claims}".encode(), hashlib.sha256)
    return f"{header}.{claims}.{_base64(signature)}"


class NotifyChannel:
    """Sends each mail as one request to Notify."""

    def __init__(
        self, key: NotifyKey, *, template_id: str, api_url: str = API_URL, timeout: timedelta = timedelta(seconds=20)
    ) -> None:
        """Prepare to send; `timeout` bounds each wait for Notify.

        Raises ChannelSettingRefused for a template that is no id and for an address that is not encrypted.
        """
        parts = urlsplit(api_url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ChannelSettingRefused("The address of GOV.UK Notify must begin with https://.")
        if re.fullmatch(_UUID, template_id) is None:
            raise ChannelSettingRefused("NOTIFY_TEMPLATE_ID must be the id of a template, as GOV.UK Notify shows it.")
        self._key = key
        self._template_id = template_id
        self._url = f"{api_url.rstrip('/')}/v2/notifications/email"
        self._timeout = timeout.total_seconds()
        self._opener = urllib.request.build_opener(_StayHere)

    def send(self, envelope: Envelope) -> Outcome:
        """Try once to hand the mail to Notify.

        A refusal of the request (400) is for good; a refusal of ourselves (401, 403) can be put right before the mail
        is given up; too many requests and faults of the server pass.
        """
        if not is_address(envelope.recipient):
            return BAD_ADDRESS
        try:
            with self._opener.open(self._request(envelope), timeout=self._timeout) as answer:
                status = int(answer.status)
        except urllib.error.HTTPError as refusal:
            with refusal:
                status = refusal.code
        except (OSError, http.client.HTTPException) as error:
            return Unreachable(_why(error))
        if status == http.HTTPStatus.CREATED:
            return Delivered()
        if status == http.HTTPStatus.BAD_REQUEST:
            return PermanentFailure("400")
        return TemporaryFailure(str(status))

    def _request(self, envelope: Envelope) -> urllib.request.Request:
        """Write the request; `reference` is stable, so that a mail sent twice is found by it."""
        body = {
            "email_address": envelope.recipient,
            "template_id": self._template_id,
            "personalisation": {"subject": envelope.message.subject, "body": envelope.message.text},
            "reference": message_id(envelope, domain="notify").strip("<>"),
        }
        return urllib.request.Request(  # noqa: S310 -- the scheme was checked when the channel was made
            self._url,
            data=json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {sign_request(self._key, envelope.at)}",
                "Content-Type": "application/json",
                "User-Agent": "pupil-file-transfer",
            },
            method="POST",
        )


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follow no redirect: it would carry the token and the mail to somebody else."""

    def redirect_request(self, *_: object) -> None:
        return None


def _why(error: Exception) -> str:
    """Name in one word why Notify was not reached."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return "timeout"
    if isinstance(cause, ConnectionRefusedError):
        return "refused"
    if isinstance(cause, socket.gaierror):
        return "unknown-host"
    if isinstance(cause, ssl.SSLError):
        return "encryption"
    return "broken-off"


def _part(claims: dict[str, object]) -> str:
    """Write one part of a token."""
    return _base64(json.dumps(claims, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    """Write bytes as RFC 7515 does: base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
