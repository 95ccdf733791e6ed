"""What the application was wired with, for the request at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from flask import current_app, g

from transfer_service.db.session import Database
from transfer_service.domain.errors import SessionEnded
from transfer_service.domain.roles import Actor
from transfer_service.use_cases.equipment import Equipment
from transfer_service.use_cases.installation import Installation
from transfer_service.web.metrics import Metrics
from transfer_service.web.people import SignedIn

EXTENSION: Final = "transfer_service"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """The settings that pages read; `app` takes them from the whole. `metrics_token` is secret."""

    base_url: str
    deployment: str
    is_demo: bool
    trusts_proxies: bool
    max_attachment_bytes: int
    metrics_token: str | None = field(default=None, repr=False)
    log_policy: str = ""
    """Whose signatures under the log are believed (C2SP tlog-policy); empty where the operator gave none."""

    @property
    def is_https(self) -> bool:
        """Whether browsers reach the service over https."""
        return self.base_url.startswith("https://")


@dataclass(frozen=True, kw_only=True)
class Services:
    """The parts of one running application, wired in `transfer_service.app` and nowhere else."""

    settings: WebSettings
    database: Database
    installation: Installation
    equipment: Equipment
    metrics: Metrics
    find_session: Callable[[bytes, str], SignedIn | None]
    """From the cookie's bytes and the request's id to the person signed in; None where there is no live session."""
    hold_form: Callable[[bytes, str, bytes], bool]
    """Seals a form to the person of the ended session behind the cookie's bytes: its path and its body, url-encoded.
    Says whether it is kept; False where that session is no longer known."""
    is_outage: Callable[[BaseException], bool]
    """Whether an exception means that the database cannot be reached or is busy, so that trying again may help."""
    readiness: Mapping[str, Callable[[], None]]
    """What must answer for the service to be ready, by name; each raises where it does not."""
    is_log_frozen: Callable[[], bool] = field(default=lambda: False)
    """Whether nothing can be recorded, as of a few seconds ago, for the banner of the pages."""


def current_services() -> Services:
    """The parts of the running application."""
    return cast(Services, current_app.extensions[EXTENSION])


def current_actor() -> Actor:
    """Who acts in this request: the person signed in. Raises SessionEnded."""
    actor: Actor | None = g.get("actor")
    if actor is None:
        raise SessionEnded
    return actor
