import asyncio
import email
import os
import signal
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, update

from tests.integration.alerts.relays import Mailbox, running_relay
from tests.integration.cli.conftest import Installation
from tests.integration.cli.processes import fetch, free_port, running, wait_until
from tests.integration.cli.test_alerts_and_retention import add_alert
from transfer_service.audit.leaf import decode_leaf
from transfer_service.db.models import Alert, LogCheckpoint, LogLeaf
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertState


class SlowMailbox(Mailbox):
    """Takes a mail, tells that it has it, and answers when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived, self.may_answer = threading.Event(), threading.Event()

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 -- aiosmtpd's name
        self.mails.append(envelope)
        self.arrived.set()
        await asyncio.to_thread(self.may_answer.wait)
        return "250 OK"


@pytest.fixture
def mailbox() -> SlowMailbox:
    return SlowMailbox()


@pytest.fixture
def relay(mailbox: SlowMailbox) -> Iterator[str]:
    with running_relay(mailbox) as port:
        yield f"smtp://127.0.0.1:{port}?starttls=no"
        mailbox.may_answer.set()


def environ_of(installation: Installation, relay: str) -> dict[str, str]:
    return {**installation.environ, "TRANSFER_SERVICE_SMTP_URL": relay}


def state_of(installation: Installation, alert_id: UUID) -> AlertState:
    database = Database(installation.database.url)
    with database.reading() as session:
        state = session.get_one(Alert, alert_id).state
    database.dispose()
    return state


def events(installation: Installation) -> list[str]:
    database = Database(installation.database.url)
    with database.reading() as session:
        said = [decode_leaf(body).said.event for body in session.scalars(select(LogLeaf.body).order_by(LogLeaf.idx))]
    database.dispose()
    return said


def signed_size(installation: Installation) -> int:
    database = Database(installation.database.url)
    with database.reading() as session:
        sizes = session.scalars(select(LogCheckpoint.size)).all()
    database.dispose()
    return max(sizes, default=0)


def message_ids(mailbox: Mailbox) -> list[str]:
    return [email.message_from_bytes(mail.content)["Message-ID"] for mail in mailbox.mails]


def test_a_worker_that_is_told_to_stop_finishes_the_message_in_hand(
    any_installation: Installation, mailbox: SlowMailbox, relay: str, tmp_path: Path
):
    first, second = (add_alert(any_installation, number, AlertState.PENDING) for number in (1, 2))
    with running("worker", environ=environ_of(any_installation, relay), log=tmp_path / "log") as worker:
        assert mailbox.arrived.wait(30)
        worker.send_signal(signal.SIGTERM)
        mailbox.may_answer.set()
        assert worker.wait(30) == 0
    assert len(mailbox.mails) == 1
    assert state_of(any_installation, first) is AlertState.SENT
    assert state_of(any_installation, second) is AlertState.PENDING
    assert events(any_installation) == ["alert.sent"]
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_worker_killed_between_sending_and_marking_sends_the_same_mail_again_after_its_lease(
    any_installation: Installation, mailbox: SlowMailbox, relay: str, tmp_path: Path
):
    alert_id = add_alert(any_installation, 1, AlertState.PENDING)
    environ = environ_of(any_installation, relay)
    with running("worker", environ=environ, log=tmp_path / "log") as worker:
        assert mailbox.arrived.wait(30)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait(30)
    mailbox.may_answer.set()
    assert state_of(any_installation, alert_id) is AlertState.PENDING
    with running("worker", environ=environ, log=tmp_path / "log") as worker:
        # The other alert shows that this worker works, while the lease still keeps the first one from it.
        other = add_alert(any_installation, 2, AlertState.PENDING)
        wait_until(lambda: state_of(any_installation, other) is AlertState.SENT, "the other alert")
        assert state_of(any_installation, alert_id) is AlertState.PENDING
        database = Database(any_installation.database.url)
        with database.writing() as session:
            earlier = session.get_one(Alert, alert_id).leased_until - timedelta(minutes=5)
            session.execute(update(Alert).where(Alert.id == alert_id).values(leased_until=earlier))
        database.dispose()
        wait_until(lambda: state_of(any_installation, alert_id) is AlertState.SENT, "the alert")
    ids = message_ids(mailbox)
    assert len(ids) == 3
    assert ids[0] == ids[2]
    assert ids[0] != ids[1]


def test_the_web_service_on_sqlite_sends_alerts_and_signs_beside_its_pages_and_stops_politely(
    installation: Installation, mailbox: SlowMailbox, relay: str, tmp_path: Path
):
    alert_id = add_alert(installation, 1, AlertState.PENDING)
    port = free_port()
    environ = environ_of(installation, relay)
    with running("serve", "--port", str(port), environ=environ, log=tmp_path / "log") as service:
        wait_until(lambda: fetch(port, "/health") is not None, "the web service")
        assert fetch(port, "/ready")[0] == 200
        assert mailbox.arrived.wait(30)
        # A slow mail server holds up no page.
        assert fetch(port, "/health")[0] == 200
        service.send_signal(signal.SIGTERM)
        mailbox.may_answer.set()
        assert service.wait(30) == 0
    assert state_of(installation, alert_id) is AlertState.SENT
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert "person1@example.org" not in log


def test_a_leaf_is_signed_within_seconds_of_its_commit(
    any_installation: Installation, mailbox: SlowMailbox, relay: str, tmp_path: Path
):
    mailbox.may_answer.set()
    with running("worker", environ=environ_of(any_installation, relay), log=tmp_path / "log"):
        add_alert(any_installation, 1, AlertState.PENDING)
        wait_until(lambda: signed_size(any_installation) == 1, "a checkpoint")
    assert any_installation.run("audit", "verify").code == 0


def test_two_web_processes_on_postgresql_serve_without_sending(
    any_installation: Installation, mailbox: SlowMailbox, relay: str, tmp_path: Path
):
    if any_installation.database.kind == "sqlite":
        assert any_installation.run("serve", "--workers", "2").code == 2
        return
    alert_id = add_alert(any_installation, 1, AlertState.PENDING)
    port = free_port()
    with running(
        "serve", "--port", str(port), environ=environ_of(any_installation, relay), log=tmp_path / "log"
    ) as service:
        wait_until(lambda: fetch(port, "/ready") is not None, "the web service")
        service.send_signal(signal.SIGTERM)
        assert service.wait(30) == 0
    assert mailbox.mails == []
    assert state_of(any_installation, alert_id) is AlertState.PENDING


def test_a_port_that_is_taken_is_said_and_is_no_success(installation: Installation, relay: str, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environ = environ_of(installation, relay)
        with running("serve", "--port", str(port), environ=environ, log=tmp_path / "log") as service:
            assert service.wait(30) == 3
    assert (tmp_path / "log").read_text().splitlines()[-1] == (
        f"The service cannot listen at 127.0.0.1 port {port}: Address already in use. "
        "Choose another --port or --host, or stop what listens there."
    )
