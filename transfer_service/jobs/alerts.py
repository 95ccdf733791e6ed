"""Sending the alerts of the outbox: claim, send outside any transaction, mark. At least once, never two at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from transfer_service.alerts.channels import Channel, Envelope, Outcome, PermanentFailure
from transfer_service.alerts.messages import Alert as Told
from transfer_service.alerts.messages import Message, Site, join
from transfer_service.db.models import Alert
from transfer_service.db.session import Database
from transfer_service.domain.alerts import SECURITY_ALERTS, AlertKind
from transfer_service.jobs.outbox import Claim, claim_next, has_due, mark, say_outcome, withdraw
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people.inviting import INVITATION_LASTS
from transfer_service.use_cases.people.link_mails import is_link_dead
from transfer_service.use_cases.people.reset_links import RESET_LASTS

UNWRITABLE: Final = PermanentFailure("unwritable")
"""No mail can be made of the row: trying again would not help, and somebody must look at it."""

LINK_OVER: Final = PermanentFailure("link_over")
"""The link in the mail works no more: whoever followed it would be turned away."""

WITHDRAWN: Final = "withdrawn"
"""What became of a mail whose link was replaced, taken back or used up before it went out."""

_LINK_LASTS: Final = {AlertKind.INVITATION: INVITATION_LASTS}
_SENT_WITHIN: Final = {AlertKind.INVITATION.value: INVITATION_LASTS, AlertKind.PASSWORD_RESET.value: RESET_LASTS}

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSender:
    """Sends what is due through one channel. `jitter` gives a random number from 0 up to 1."""

    database: Database
    at: Installation
    channel: Channel
    site: Site
    jitter: Callable[[], float]

    def run(self, should_stop: Callable[[], bool]) -> str:
        """Send mail after mail until none is due; a wish to stop is heard between two mails."""
        with self.database.reading() as session:
            if not has_due(session, self.at.now()):
                return ""  # every two seconds, so without a transaction that writes
        sent = failed = 0
        while not should_stop():
            outcome = self.send_next()
            if outcome is None:
                break
            sent += outcome == "delivered"
            failed += outcome not in ("delivered", WITHDRAWN)
        return f"sent {sent}, failed {failed}" if sent or failed else ""

    def send_next(self) -> str | None:
        """Send the mail that has been due for longest and say what became of it; None where nothing is due."""
        with self.database.writing() as session:
            claim = claim_next(session, self.at)
        if claim is None:
            return None
        if self._leads_nowhere(claim):
            with self.database.writing() as session:
                withdraw(session, self.at, claim)
            return WITHDRAWN
        outcome = self._attempt(claim)
        with self.database.writing() as session:
            marked = mark(session, self.at, claim, outcome, jitter=self.jitter)
        said = say_outcome(outcome)
        _log.info("alert attempted", alert_id=claim.alerts[0].id, outcome=said, count=marked)
        return said

    def _leads_nowhere(self, claim: Claim) -> bool:
        """Whether the mail's link was replaced or taken back since, or was used up; one that ran out fails instead."""
        now = self.at.now()
        with self.database.reading() as session:
            return any(is_link_dead(session, self.at, alert) for alert in claim.alerts if not _is_link_over(alert, now))

    def _attempt(self, claim: Claim) -> Outcome:
        if any(_is_link_over(alert, self.at.now()) for alert in claim.alerts):
            return LINK_OVER
        try:
            message = self._compose(claim)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one row, the others must go out
            _log.error("alert cannot be written", alert_id=claim.alerts[0].id, error=type(error).__name__)
            return UNWRITABLE
        return self.channel.send(
            Envelope(
                alert_ids=tuple(alert.id for alert in claim.alerts),
                deployment=self.at.deployment,
                recipient=claim.address,
                message=message,
                at=self.at.now(),
            )
        )

    def _compose(self, claim: Claim) -> Message:
        """Word the mail; raises ValueError, or whatever a damaged row makes the field keys raise."""
        return join([self._tell(alert) for alert in claim.alerts], self.site)

    def _tell(self, alert: Alert) -> Told:
        """Say what one alert is about, with the secret that only its mail may show."""
        kind = AlertKind(alert.kind)
        secret = None
        if alert.secret is not None:
            secret = self.at.field_keys.open_text(alert.secret, table="alert", column="secret", row=alert.id)
        is_checkpoint = kind is AlertKind.WEEKLY_CHECKPOINT
        lasts: timedelta | None = _LINK_LASTS.get(kind)
        return Told(
            kind=kind,
            references=() if alert.reference is None else (alert.reference,),
            link=None if secret is None or is_checkpoint else self.site.base_url + secret,
            expires_at=None if lasts is None else alert.created_at + lasts,
            happened_at=alert.created_at if kind in SECURITY_ALERTS and lasts is None else None,
            evidence=secret if is_checkpoint else None,
        )


def _is_link_over(alert: Alert, now: datetime) -> bool:
    """Whether a mail carries a link that has run out; such mails share no other's envelope."""
    lasts = _SENT_WITHIN.get(alert.kind)
    return lasts is not None and alert.created_at + lasts <= now
