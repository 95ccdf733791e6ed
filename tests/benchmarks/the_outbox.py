"""Sending alerts to a relay on this machine."""

import smtplib
import time
from datetime import timedelta
from email.message import EmailMessage
from uuid import UUID

from uuid_utils.compat import uuid7

from tests.benchmarks.measuring import Bench, Figure, benchmark
from tests.integration.alerts.relays import Mailbox, running_relay
from tests.integration.register import NOON
from transfer_service.alerts.channels import read_sender
from transfer_service.alerts.messages import Site
from transfer_service.alerts.smtp import SmtpChannel, SmtpRelay
from transfer_service.crypto.fields import FieldKeyring
from transfer_service.db.models import Alert
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertKind, AlertState
from transfer_service.jobs.alerts import AlertSender
from transfer_service.use_cases.installation import Installation

MAILS = 200


def fill(database: Database) -> None:
    with database.writing() as session:
        session.add_all(
            Alert(
                id=UUID(int=number + 1),
                kind=AlertKind.EPOCH_CREATED,
                address=f"person{number}@example.org",
                state=AlertState.PENDING,
                created_at=NOON,
                not_before=NOON,
                attempts=0,
            )
            for number in range(MAILS)
        )


@benchmark("alerts claimed, sent and marked, SQLite", floor="the same mails by smtplib, a connection each")
def sending(bench: Bench) -> tuple[Figure, Figure]:
    mailbox = Mailbox()
    with bench.database("sqlite") as made, running_relay(mailbox) as port:
        database = Database(made.url)
        fill(database)
        keys = FieldKeyring({1: bytes(range(32))}, deployment="bench")
        at = Installation(deployment="bench", field_keys=keys, now=lambda: NOON, new_id=uuid7)
        relay = SmtpRelay(host="127.0.0.1", port=port, security="none")
        channel = SmtpChannel(relay, sender=read_sender("a@example.org"), timeout=timedelta(seconds=5))
        site = Site(service_name="Pupil file transfer", base_url="https://transfer.example.org")
        sender = AlertSender(database=database, at=at, channel=channel, site=site, jitter=lambda: 0.0)
        started = time.perf_counter()
        assert sender.run(lambda: False) == f"sent {MAILS}, failed 0"
        ours = Figure(MAILS / (time.perf_counter() - started), "/s")
        database.dispose()
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "a@example.org", "b@example.org", "An alert"
        mail.set_content("Something waits for you.\n" * 8)
        started = time.perf_counter()
        for _ in range(MAILS):
            with smtplib.SMTP("127.0.0.1", port) as connection:
                connection.send_message(mail)
        floor = Figure(MAILS / (time.perf_counter() - started), "/s")
    assert len(mailbox.mails) == 2 * MAILS
    return ours, floor
