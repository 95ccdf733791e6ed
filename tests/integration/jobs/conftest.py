"""A relay of this test's own, and a sender of alerts that talks to it."""

import email
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from email.message import Message
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.cast import Cast, Clock, Member, Service
from tests.integration.alerts.relays import Mailbox, running_relay
from transfer_service.alerts.channels import read_sender
from transfer_service.alerts.messages import Site
from transfer_service.alerts.smtp import SmtpChannel, SmtpRelay
from transfer_service.audit.leaf import decode_leaf
from transfer_service.db.models import Alert, LogLeaf
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertKind
from transfer_service.jobs.alerts import AlertSender
from transfer_service.storage.blobs import Storage
from transfer_service.storage.settings import FolderLocation
from transfer_service.use_cases.alerting import alert_person
from transfer_service.use_cases.installation import Installation

SITE = Site(service_name="Pupil file transfer", base_url="https://transfer.example.org")


@dataclass(frozen=True)
class Setting:
    """What the factories and the jobs act in."""

    database: Database
    at: Installation
    clock: Clock
    storage: Storage
    cast: Cast


@pytest.fixture
def setting(service: Service, cast: Cast, tmp_path: Path) -> Setting:
    storage = Storage(FolderLocation(tmp_path / "blobs"))
    return Setting(database=service.database, at=service.at, clock=service.clock, storage=storage, cast=cast)


class WatchedMailbox(Mailbox):
    """Keeps the Message-ID of every mail that was handed over, taken or not."""

    def __init__(self) -> None:
        super().__init__()
        self.message_ids: list[str] = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 -- aiosmtpd's name
        self.message_ids.append(email.message_from_bytes(envelope.content)["Message-ID"])
        return await super().handle_DATA(server, session, envelope)


@dataclass(frozen=True)
class Post:
    """The relay's mailbox and a way to send through it."""

    mailbox: WatchedMailbox
    port: int
    sender: AlertSender

    def mails(self) -> list[Message]:
        return [email.message_from_bytes(envelope.content) for envelope in self.mailbox.mails]

    def run(self) -> str:
        return self.sender.run(lambda: False)


def sender_through(service: Service, port: int) -> AlertSender:
    relay = SmtpRelay(host="127.0.0.1", port=port, security="none")
    channel = SmtpChannel(relay, sender=read_sender("alerts@example.org"), timeout=timedelta(seconds=5))
    return AlertSender(database=service.database, at=service.at, channel=channel, site=SITE, jitter=lambda: 0.0)


@pytest.fixture
def post(service: Service) -> Iterator[Post]:
    mailbox = WatchedMailbox()
    with running_relay(mailbox) as port:
        yield Post(mailbox=mailbox, port=port, sender=sender_through(service, port))


@pytest.fixture
def queue(service: Service) -> Callable[..., UUID]:
    """Put one alert to somebody into the outbox."""

    def put(kind: AlertKind, member: Member | None = None, *, address: str = "", secret: str | None = None) -> UUID:
        with service.database.writing() as session:
            person = _Addressee(address) if member is None else _Addressee(member.email, member.person_id)
            return alert_person(session, service.at, kind, person, secret=secret).id  # type: ignore[arg-type]

    return put


class _Addressee:
    """Somebody with an address, as `alert_person` looks at people."""

    def __init__(self, address: str, person_id: UUID | None = None) -> None:
        self.email, self.id = address, person_id


def get_alert(service: Service, alert_id: UUID) -> Alert:
    with service.database.reading() as session:
        return session.get_one(Alert, alert_id)


def events(service: Service, about: UUID | None = None) -> list[str]:
    """The events of the log, oldest first; those about one subject where it is given."""
    with service.database.reading() as session:
        said = [decode_leaf(body).said for body in session.scalars(select(LogLeaf.body).order_by(LogLeaf.idx))]
    return [one.event for one in said if about is None or one.subject == about]


def alerts_of(session: Session, kind: AlertKind) -> list[Alert]:
    return list(session.scalars(select(Alert).where(Alert.kind == kind.value).order_by(Alert.address)))
