"""The letter by which a school learns, apart from any receipt, whose signatures on receipts it can believe."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from transfer_service.domain.dates import say_time
from transfer_service.reports.facts import SchoolFacts
from transfer_service.reports.typesetting import typeset

TITLE: Final = "How your school can check its receipts"
_GROUP: Final = 8


@dataclass(frozen=True, slots=True)
class PolicyLetterFacts:
    """What the letter tells one school. `policy` is the whole text; `origin` the log's name; `made_at` is aware.

    `witnesses` are name and verifier key of those whom the policy names. `size` and `root` are of the newest
    checkpoint, 0 and empty before the first.
    """

    school: SchoolFacts
    authority: str
    base_url: str
    origin: str
    policy: str
    witnesses: tuple[tuple[str, str], ...]
    quorum: str
    size: int
    root: str
    made_at: datetime


def policy_fingerprint(policy: str) -> str:
    """Return the SHA-256 of the policy's text in groups of eight hex digits, as people compare it by telephone."""
    digits = hashlib.sha256(policy.encode()).hexdigest()
    return " ".join(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))


def policy_letter_pdf(facts: PolicyLetterFacts) -> bytes:
    """Make the letter as a PDF; raises ReportFailed."""
    return typeset("policy.typ", _letter(facts), at=facts.made_at)


def _letter(facts: PolicyLetterFacts) -> dict[str, Any]:
    log = [
        ("Its name", facts.origin),
        ("Fingerprint of the policy (SHA-256)", policy_fingerprint(facts.policy)),
        ("Witnesses that a receipt needs", facts.quorum),
    ]
    if facts.size:
        log += [("Entries signed so far", f"{facts.size:,}"), ("Root hash of these entries", facts.root)]
    return {
        "title": TITLE,
        "day": say_time(facts.made_at),
        "authority": facts.authority,
        "school": facts.school.line(),
        "log": log,
        "witnesses": list(facts.witnesses),
        "lines": [line for line in facts.policy.split("\n") if line.strip()],
        "policy_address": f"{facts.base_url}/log/policy",
        "verifier_address": f"{facts.base_url}/verifier.py",
        "verify_address": f"{facts.base_url}/verify",
    }
