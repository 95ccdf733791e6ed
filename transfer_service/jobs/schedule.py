"""All jobs of the worker, and how often each is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from transfer_service.alerts.channels import Channel
from transfer_service.alerts.messages import Site
from transfer_service.audit.signer import SignOutcome
from transfer_service.db.session import Database
from transfer_service.jobs.alerts import AlertSender
from transfer_service.jobs.checkpoints import CheckpointMail
from transfer_service.jobs.doctor import Doctor
from transfer_service.jobs.expiry import Expiry
from transfer_service.jobs.holders import KeyHolders
from transfer_service.jobs.orphans import BlobStore, OrphanSweep
from transfer_service.jobs.reminders import Reminders
from transfer_service.jobs.retention import Retention
from transfer_service.jobs.signing import Signer
from transfer_service.jobs.witnessing import WitnessRound
from transfer_service.jobs.worker import Job
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.oversight.doctor import SealedBytes


class Store(BlobStore, SealedBytes, Protocol):
    """What the jobs need of the store of sealed bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the jobs work with, wired in `app`: `sign` signs once, `jitter` gives a random number from 0 up to 1.

    `policy` is that of the log, as text; empty where the operator gave none. `secret_files` are the files that hold the
    installation's secrets, by the name of their setting.
    """

    database: Database
    at: Installation
    channel: Channel
    site: Site
    store: Store
    sign: Callable[[], SignOutcome]
    jitter: Callable[[], float]
    policy: str = ""
    secret_files: Mapping[str, Path] = field(default_factory=dict)


def list_jobs(parts: Parts) -> list[Job]:
    """List the jobs: what people wait for comes first."""
    database, at, store = parts.database, parts.at, parts.store
    sender = AlertSender(database=database, at=at, channel=parts.channel, site=parts.site, jitter=parts.jitter)
    mail = CheckpointMail(database=database, at=at, policy=parts.policy)
    witnesses = WitnessRound(database=database, at=at, policy=parts.policy)
    signer = Signer(database=database, at=at, sign=parts.sign)
    retention = Retention(database=database, at=at, store=store)
    doctor = Doctor(database=database, at=at, store=store, secret_files=parts.secret_files)
    return [
        Job(name="signer", every=timedelta(seconds=1), run=signer.run, shared=False, lane="signing"),
        Job(name="alerts", every=timedelta(seconds=2), run=sender.run, shared=False, lane="mail"),
        Job(name="reminders", every=timedelta(minutes=15), run=Reminders(database=database, at=at).run),
        Job(name="key-holders", every=timedelta(hours=1), run=KeyHolders(database=database, at=at).run),
        Job(name="expiry", every=timedelta(minutes=10), run=Expiry(database=database, at=at).run),
        Job(name="checkpoints", every=timedelta(hours=1), run=mail.run),
        Job(name="witnesses", every=timedelta(hours=1), run=witnesses.run),
        Job(name="clock", every=timedelta(hours=1), run=retention.note_time),
        Job(name="retention", every=timedelta(hours=24), run=retention.run),
        Job(name="orphans", every=timedelta(hours=24), run=OrphanSweep(database=database, at=at, store=store).run),
        Job(name="doctor", every=timedelta(hours=24), run=doctor.run),
    ]
