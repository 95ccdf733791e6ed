"""Settings that are right one by one and wrong together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

Loaded = Mapping[str, Any]


def find_contradictions(loaded: Loaded) -> Iterator[str]:
    """Yield a sentence for each contradiction among the loaded settings, beginning with a setting's name."""
    for rule in RULES:
        yield from rule(loaded)


def _database_roles(loaded: Loaded) -> Iterator[str]:
    owner, application = loaded.get("database_owner_url"), loaded.get("database_url")
    if owner is None or application is None:
        return
    if not application.reveal().startswith("postgresql"):
        yield "DATABASE_OWNER_URL is for PostgreSQL alone: leave it out with SQLite"
    elif not owner.reveal().startswith("postgresql"):
        yield "DATABASE_OWNER_URL must be a PostgreSQL address, as DATABASE_URL is"
    elif urlsplit(owner.reveal()).username == urlsplit(application.reveal()).username:
        # A role that owns the tables could switch off the guards of the log (docs/log.md).
        yield "DATABASE_OWNER_URL must name another role than DATABASE_URL: the application may not own its tables"


def _mail(loaded: Loaded) -> Iterator[str]:
    if "smtp_url" not in loaded or "notify_api_key" not in loaded:
        return
    smtp, notify = loaded["smtp_url"], loaded["notify_api_key"]
    if smtp is not None and notify is not None:
        yield "SMTP_URL and NOTIFY_API_KEY are both set: alerts go one way, keep one"
    if smtp is None and notify is None and loaded.get("demo_directory") is None:
        yield "SMTP_URL is missing: alerts need a mail server, or NOTIFY_API_KEY instead"
    if smtp is not None and loaded.get("mail_from") is None:
        yield "MAIL_FROM is missing: mail sent through SMTP_URL needs an address that it comes from"
    if (notify is None) != (loaded.get("notify_template_id") is None):
        yield "NOTIFY_API_KEY and NOTIFY_TEMPLATE_ID belong together: set both or neither"


def _proxies(loaded: Loaded) -> Iterator[str]:
    # Else every request seems to come from the proxy: one person's wrong passwords would lock everybody out, and
    # /metrics would answer anybody.
    if str(loaded.get("base_url", "")).startswith("https://") and loaded.get("trusted_proxies") == 0:
        yield (
            "TRUSTED_PROXIES is 0 and BASE_URL begins with https: the service itself speaks plain HTTP, "
            "so say how many proxies stand before it, usually 1"
        )


def _reserved(loaded: Loaded) -> Iterator[str]:
    # Whoever sets one of these relies on what it promises, so that silence would be worse than a refusal.
    for name in ("oidc_issuer", "oidc_client_id", "oidc_client_secret", "clamd_url"):
        if loaded.get(name) is not None:
            yield f"{name.upper()} is reserved, and this version does nothing with it: leave it out"


def _demonstration(loaded: Loaded) -> Iterator[str]:
    # A demonstration's recovery shares lie in its folder, so its keys must never guard a real file.
    if "demo_directory" not in loaded or "deployment" not in loaded:
        return
    named_demo = loaded["deployment"].startswith("demo")
    if named_demo and loaded["demo_directory"] is None:
        yield "DEPLOYMENT begins with demo, and this is no demonstration: choose another name"
    if not named_demo and loaded["demo_directory"] is not None:
        yield "DEMO_DIRECTORY is for demonstrations alone: leave it out, or begin DEPLOYMENT with demo"


def _one_secret_one_use(loaded: Loaded) -> Iterator[str]:
    seen: dict[str, str] = {}
    for name in ("secret_key", "field_keys", "peppers", "log_signing_key", "metrics_token"):
        secret = loaded.get(name)
        if secret is None:
            continue
        # Numbered keys are compared by their material, so that 1:x in one and 2:x in the other are found.
        for part in {piece.strip().rpartition(":")[2] for piece in secret.reveal().split(",")}:
            if part in seen and seen[part] != name:
                yield f"{name.upper()} holds the same secret as {seen[part].upper()}: each needs its own"
            seen.setdefault(part, name)


RULES: Final[tuple[Callable[[Loaded], Iterator[str]], ...]] = (
    _database_roles,
    _mail,
    _proxies,
    _reserved,
    _demonstration,
    _one_secret_one_use,
)
