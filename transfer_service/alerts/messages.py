"""Compose the mails that the service sends: pure functions from what happened to a subject and a text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from urllib.parse import urlsplit

from transfer_service.alerts.wording import WORDINGS
from transfer_service.alerts.words import Wording
from transfer_service.domain.alerts import SECURITY_ALERTS, AlertKind
from transfer_service.domain.dates import say_time

REFERENCES_SHOWN = 50

_REFERENCE = re.compile(r"[A-Z]{2}(-[0-9A-HJKMNP-TV-Z]{4}){2}")
_LINKED = frozenset({AlertKind.INVITATION, AlertKind.PASSWORD_RESET})
_URGENT = frozenset({AlertKind.BREACH_RECORDED, AlertKind.LOG_FROZEN, AlertKind.NO_KEY_HOLDER})


@dataclass(frozen=True, slots=True)
class Site:
    """What every mail says about the service: its name on the pages and its address without a slash at the end."""

    service_name: str
    base_url: str


@dataclass(frozen=True, slots=True)
class Alert:
    """What one mail, or one part of a joined mail, is about.

    `references` are those of transfers, such as PT-7F3K-92Q4, and the only thing here that varies with a pupil.
    `link` is the address that an invitation or a reset carries; `expires_at` when it stops working; `happened_at` when
    the thing took place; `evidence` lines that are shown as they are, for the weekly checkpoint.

    Raises ValueError for what a mail may not carry; the message never repeats it.
    """

    kind: AlertKind
    references: tuple[str, ...] = ()
    link: str | None = None
    expires_at: datetime | None = None
    happened_at: datetime | None = None
    evidence: str | None = None

    def __post_init__(self) -> None:
        if not all(_REFERENCE.fullmatch(reference) for reference in self.references):
            raise ValueError("an alert takes references of transfers and no other words about them")
        if ("{reference}" in WORDINGS[self.kind].one) != bool(self.references):
            raise ValueError(f"an alert of the kind {self.kind} takes references or takes none, not so")
        if (self.link is not None) != (self.kind in _LINKED):
            raise ValueError(f"an alert of the kind {self.kind} takes a link or takes none, not so")
        if (self.evidence is not None) != (self.kind is AlertKind.WEEKLY_CHECKPOINT):
            raise ValueError(f"an alert of the kind {self.kind} takes evidence or takes none, not so")


@dataclass(frozen=True, slots=True)
class Message:
    """One mail: its subject, one line, and its plain text."""

    subject: str
    text: str


def compose(alert: Alert, site: Site) -> Message:
    """Word one alert; raises ValueError where its link leads elsewhere than to the service."""
    wording = WORDINGS[alert.kind]
    heading = _heading(wording, alert.references)
    parts = [f"{heading}.", *_particulars(alert, site), *_meaning(wording, alert.references)]
    if alert.evidence is not None:
        parts.append(alert.evidence.strip("\n"))
    return Message(subject=heading, text=_letter(parts, site, sign_in=alert.kind not in _LINKED))


def join(alerts: Sequence[Alert], site: Site) -> Message:
    """Word several alerts for one address as one mail, those of one kind together and the most pressing first.

    Raises ValueError for none at all, and for a kind that goes by itself (`may_join`).
    """
    if not alerts:
        raise ValueError("there is nothing to join")
    if len(alerts) == 1:
        return compose(alerts[0], site)
    if not all(may_join(alert.kind) for alert in alerts):
        raise ValueError("an alert about somebody's account goes by itself")
    merged = _merge(alerts)
    if len(merged) == 1:
        return compose(merged[0], site)
    parts = [f"{len(merged)} things have happened that you should know about."]
    for number, alert in enumerate(merged, start=1):
        wording = WORDINGS[alert.kind]
        parts.append(f"{number}. {_heading(wording, alert.references)}.")
        parts += [*_particulars(alert, site), *_meaning(wording, alert.references)]
    urgent = next((alert for alert in merged if alert.kind in _URGENT), None)
    subject = f"{len(merged)} alerts" if urgent is None else _heading(WORDINGS[urgent.kind], urgent.references)
    return Message(subject=f"{site.service_name}: {subject}", text=_letter(parts, site, sign_in=True))


def may_join(kind: AlertKind) -> bool:
    """Tell whether alerts of this kind may share a mail with others: those about an account and checkpoints may not."""
    return kind not in SECURITY_ALERTS and kind is not AlertKind.WEEKLY_CHECKPOINT


def _merge(alerts: Sequence[Alert]) -> list[Alert]:
    """Make one alert of each kind, with all its references once, in order."""
    order = {kind: (kind not in _URGENT, place) for place, kind in enumerate(WORDINGS)}
    merged = []
    for kind, same in groupby(sorted(alerts, key=lambda alert: order[alert.kind]), key=lambda alert: alert.kind):
        references = dict.fromkeys(reference for alert in same for reference in alert.references)
        merged.append(Alert(kind=kind, references=tuple(references)))
    return merged


def _heading(wording: Wording, references: Sequence[str]) -> str:
    """Fill in the sentence that is the subject too."""
    if len(references) > 1:
        return wording.many.format(count=len(references))
    return wording.one.format(reference=references[0] if references else "")


def _meaning(wording: Wording, references: Sequence[str]) -> list[str]:
    """Fill in the paragraphs, which speak of one transfer or of several."""
    subject, other = ("Each", "them") if len(references) > 1 else ("It", "it")
    return [paragraph.format(It=subject, it=other) for paragraph in wording.meaning]


def _particulars(alert: Alert, site: Site) -> list[str]:
    """Say the references, the time and the link, each where there is one."""
    parts = []
    if len(alert.references) > 1:
        shown = [f"  {reference}" for reference in alert.references[:REFERENCES_SHOWN]]
        if len(alert.references) > REFERENCES_SHOWN:
            shown.append(f"  and {len(alert.references) - REFERENCES_SHOWN} more")
        parts.append("\n".join(shown))
    if alert.happened_at is not None:
        parts.append(f"When: {say_time(alert.happened_at)}")
    if alert.link is not None:
        if urlsplit(alert.link)[:2] != urlsplit(site.base_url)[:2] or re.search(r"\s", alert.link):
            raise ValueError("a link in a mail leads to the service itself")
        until = "" if alert.expires_at is None else f"\nThe link works until {say_time(alert.expires_at)}."
        parts.append(f"{alert.link}{until}")
    return parts


def _letter(parts: Sequence[str], site: Site, *, sign_in: bool) -> str:
    """Put the parts together and close as every mail does."""
    closing = [f"Sign in at {site.base_url}"] if sign_in else []
    closing.append(
        f"{site.service_name}\n"
        "This email says nothing about any pupil, on purpose. Nobody reads replies to it: if you need help, telephone "
        "your authority."
    )
    return "\n\n".join([*parts, *closing]) + "\n"
