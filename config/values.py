"""How the text of one setting becomes a value: each reader raises ValueError with what to write instead."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit
from uuid import UUID

from config.secrets import Secret

KEY_BYTES: Final = 32
LARGEST_KEY_ID: Final = 65_535
SHORTEST_SECRET: Final = 32
FEWEST_DISTINCT_CHARACTERS: Final = 12
LEAST_PLUSES_IN_LOG_KEY: Final = 4
MOST_PROXIES: Final = 10
LARGEST_ATTACHMENT: Final = 200 * 1024 * 1024

DEPLOYMENT_SHAPE: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{1,61}[a-z0-9])")
FINGERPRINT_SHAPE: Final = re.compile(r"[0-9a-f]{64}")
AUTHORITY_CODE_SHAPE: Final = re.compile(r"[0-9]{3}")
ADDRESS_SHAPE: Final = re.compile(r"[^\s@<>\",;]+@[^\s@<>\",;]+\.[^\s@<>\",;.]+|[^\s@<>\",;]+@localhost")
SENDER_SHAPE: Final = re.compile(r"[^<>\"\r\n]*<([^<>]+)>")
PLACEHOLDERS: Final = ("change-me", "changeme", "replace-me", "example", "secret")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")


Security = Literal["tls", "starttls", "none"]


@dataclass(frozen=True)
class SmtpServer:
    """Where mail is handed over: `security` is "tls" (from the first byte), "starttls" or "none"."""

    host: str
    port: int
    security: Security
    username: str | None
    password: Secret | None


def is_loopback(host: str) -> bool:
    """Say whether the host name or address can only be this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def split_url(text: str, schemes: tuple[str, ...]) -> SplitResult:
    """Take a URL apart; its scheme must be one of `schemes` and its port a number. Raises ValueError."""
    allowed = " or ".join(f"{scheme}://" for scheme in schemes)
    sentence = f"must be an address that begins with {allowed}"
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise ValueError(sentence) from error
    if parts.scheme not in schemes:
        raise ValueError(sentence)
    return parts


def read_database_url(text: str) -> Secret:
    """Check an address of an SQLite file or a PostgreSQL database; it is a secret, since it may hold a password."""
    if text.startswith("postgres://"):
        raise ValueError("must begin with postgresql://, not postgres://")
    parts = split_url(text.replace("postgresql+psycopg://", "postgresql://", 1), ("sqlite", "postgresql"))
    if parts.scheme == "sqlite" and not parts.path.strip("/"):
        raise ValueError("must name a file, such as sqlite:///instance/transfer.db")
    if parts.scheme == "postgresql" and not parts.path.strip("/"):
        raise ValueError("must name a database, such as postgresql://user:password@host/transfer")
    return Secret(text)


def read_base_url(text: str) -> str:
    """Check the address at which browsers reach the service: https, or http on this machine alone; no path."""
    parts = split_url(text, ("https", "http"))
    if not parts.hostname or parts.username or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must be a scheme and a host only, such as https://transfer.example.org")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must begin with https:// (http:// is accepted for this machine alone)")
    return f"{parts.scheme}://{parts.netloc}"


def read_deployment(text: str) -> str:
    """Check the name of the installation: 3 to 63 small letters, digits, dots and hyphens."""
    if not DEPLOYMENT_SHAPE.fullmatch(text):
        raise ValueError("must be 3 to 63 small letters, digits, dots and hyphens, such as warwickshire-live")
    return text


def read_secret_key(text: str) -> Secret:
    """Check that a secret is long and not obviously made up."""
    if len(text) < SHORTEST_SECRET or len(set(text)) < FEWEST_DISTINCT_CHARACTERS:
        raise ValueError(
            f"is too weak: use at least {SHORTEST_SECRET} random characters (transfer-service keys new makes one)"
        )
    if any(text.lower().startswith(word) for word in PLACEHOLDERS):
        raise ValueError("is still a placeholder: run transfer-service keys new and use what it prints")
    return Secret(text)


def read_numbered_keys(text: str) -> Secret:
    """Check numbered 32-byte keys, `number:base64` separated by commas, the one to use for new data first."""
    numbers: set[int] = set()
    keys: set[bytes] = set()
    for part in text.split(","):
        number_text, _, encoded = part.strip().partition(":")
        try:
            number = int(number_text)
            key = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error) as error:
            raise ValueError(
                "must read number:base64 with commas between, such as 1:…= (transfer-service keys new makes one)"
            ) from error
        if not 1 <= number <= LARGEST_KEY_ID or number in numbers:
            raise ValueError(f"needs a different number from 1 to {LARGEST_KEY_ID} before each key")
        if len(key) != KEY_BYTES or len(set(key)) < FEWEST_DISTINCT_CHARACTERS or key in keys:
            raise ValueError(f"needs {KEY_BYTES} random bytes in each key, no two the same")
        numbers.add(number)
        keys.add(key)
    return Secret(text)


def read_log_signing_key(text: str) -> Secret:
    """Check that a log key looks like one: `PRIVATE+KEY+name+hash+base64`, the form of C2SP signed notes."""
    if not text.startswith("PRIVATE+KEY+") or text.count("+") < LEAST_PLUSES_IN_LOG_KEY:
        raise ValueError("must be a key that begins with PRIVATE+KEY+ (transfer-service keys new makes one)")
    return Secret(text)


def read_recovery_keys(text: str) -> tuple[tuple[str, str], ...]:
    """Read `code:fingerprint` pairs with commas between: an authority's three digits, 64 hexadecimal digits."""
    pairs: dict[str, str] = {}
    for part in text.split(","):
        code, _, fingerprint = part.strip().partition(":")
        if not AUTHORITY_CODE_SHAPE.fullmatch(code) or not FINGERPRINT_SHAPE.fullmatch(fingerprint.lower()):
            raise ValueError(
                "must read code:fingerprint with commas between: three digits, then the 64 digits of the fingerprint"
            )
        if code in pairs:
            raise ValueError(f"names the authority {code} twice: keep the key that is in use")
        pairs[code] = fingerprint.lower()
    return tuple(pairs.items())


def read_storage_url(text: str) -> Secret:
    """Check where sealed attachments are kept: `file:///folder` or `s3://bucket/prefix`, which may hold a key."""
    parts = split_url(text, ("file", "s3"))
    if parts.scheme == "file" and (parts.netloc or not parts.path.strip("/")):
        raise ValueError("must name a folder with its whole path, such as file:///var/lib/transfer/attachments")
    if parts.scheme == "s3" and not parts.netloc:
        raise ValueError("must name a bucket, such as s3://bucket/prefix")
    return Secret(text)


def read_smtp_url(text: str) -> Secret:
    """Check a mail server's address; see `parse_smtp_url`. It is a secret, since it may hold a password."""
    parse_smtp_url(text)
    return Secret(text)


def parse_smtp_url(text: str) -> SmtpServer:
    """Take `smtp://user:password@host:port?starttls=yes|no` or `smtps://…` apart.

    Encryption is the default: smtp means STARTTLS (port 587), smtps TLS at once (465). `starttls=no` is accepted for
    this machine alone. Raises ValueError with what to write instead.
    """
    parts = split_url(text, ("smtp", "smtps"))
    options = parse_qs(parts.query)
    unknown = set(options) - {"starttls"}
    if not parts.hostname or parts.path.strip("/") or unknown or parts.port == 0:
        raise ValueError(
            "must read smtp://user:password@host:port, with ?starttls=no where this machine takes mail in clear"
        )
    asked = options.get("starttls", ["yes"])[-1].lower()
    if asked not in {"yes", "no", "true", "false", "1", "0"} or (options and parts.scheme == "smtps"):
        raise ValueError("takes starttls=yes or starttls=no, with smtp:// alone")
    security: Security = "tls" if parts.scheme == "smtps" else "starttls" if asked in {"yes", "true", "1"} else "none"
    if security == "none" and not is_loopback(parts.hostname):
        raise ValueError("would send mail unencrypted to another machine: leave out starttls=no")
    default_port = {"tls": 465, "starttls": 587, "none": 25}[security]
    return SmtpServer(
        host=parts.hostname,
        port=parts.port or default_port,
        security=security,
        username=unquote(parts.username) if parts.username else None,
        password=Secret(unquote(parts.password)) if parts.password else None,
    )


def read_mail_address(text: str) -> str:
    """Check the address that mail comes from, `alerts@example.org` or `A name <alerts@example.org>`."""
    named = SENDER_SHAPE.fullmatch(text)
    if not ADDRESS_SHAPE.fullmatch(named[1] if named else text):
        raise ValueError("must be one mail address, such as Pupil file transfer <alerts@example.org>")
    return text


def read_https_url(text: str) -> str:
    """Check an address that must be reached over https (http on this machine alone)."""
    parts = split_url(text, ("https", "http"))
    if not parts.hostname or (parts.scheme == "http" and not is_loopback(parts.hostname)):
        raise ValueError("must begin with https:// (http:// is accepted for this machine alone)")
    return text.rstrip("/")


def read_clamd_url(text: str) -> str:
    """Check where the virus scanner listens: `tcp://host:port` or `unix:///path`."""
    parts = split_url(text, ("tcp", "unix"))
    complete = bool(parts.hostname and parts.port) if parts.scheme == "tcp" else bool(parts.path.strip("/"))
    if not complete:
        raise ValueError("must read tcp://host:port or unix:///path/of/the/socket")
    return text


def read_word(text: str) -> str:
    """Take a word as it is."""
    return text


def read_policy(text: str) -> str:
    """Check the lines of a policy roughly, and give them back with a line's end; the log's own reader checks the rest.

    Source: C2SP tlog-policy.
    """
    words = [line.split()[0] for line in text.splitlines() if line.split()]
    if "log" not in words or "quorum" not in words:
        raise ValueError("must be a policy as keys new writes it, with a log line and a quorum line")
    return text.strip("\n") + "\n"


def read_secret(text: str) -> Secret:
    """Take a secret whose form another party decides."""
    return Secret(text)


def read_token(text: str) -> Secret:
    """Check a token that a machine presents: at least 32 characters without spaces."""
    if len(text) < SHORTEST_SECRET or any(character.isspace() for character in text):
        raise ValueError(f"must be at least {SHORTEST_SECRET} characters without spaces")
    return Secret(text)


def read_folder(text: str) -> Path:
    """Read the path of a folder, relative to where the command runs."""
    return Path(text)


def read_log_level(text: str) -> str:
    """Check one of the four levels."""
    if text.lower() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}")
    return text.lower()


def read_trusted_proxies(text: str) -> int:
    """Read how many proxies stand before the service, 0 to 10."""
    return _whole(text, smallest=0, largest=MOST_PROXIES)


def read_attachment_bytes(text: str) -> int:
    """Read the largest attachment in bytes, 1 kB to 200 MiB."""
    return _whole(text, smallest=1_000, largest=LARGEST_ATTACHMENT)


def _whole(text: str, *, smallest: int, largest: int) -> int:
    if not text.isascii() or not text.isdigit() or not smallest <= int(text) <= largest:
        raise ValueError(f"must be a whole number from {smallest} to {largest}")
    return int(text)


def read_uuid(text: str) -> str:
    """Read an identifier of the form 8-4-4-4-12 hexadecimal digits."""
    try:
        return str(UUID(text))
    except ValueError as error:
        raise ValueError("must be an identifier such as 123e4567-e89b-12d3-a456-426614174000") from error
