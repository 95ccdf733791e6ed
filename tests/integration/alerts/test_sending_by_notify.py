import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID

import pytest

from transfer_service.alerts.channels import Delivered, Envelope, PermanentFailure, TemporaryFailure, Unreachable
from transfer_service.alerts.messages import Message
from transfer_service.alerts.notify import NotifyChannel, NotifyKey, sign_request

KEY = NotifyKey("26785a09-ab16-4eb0-8407-a37497a57506", "3d844edf-8d35-48ac-975b-e847b4f122b0")
TEMPLATE = "f33517ff-2a88-4f6e-b855-c550268ce08a"
NOON = datetime(2026, 9, 3, 12, 0, tzinfo=UTC)


class Notify(ThreadingHTTPServer):
    """Answers every request with `status`, and keeps what came."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 201
        self.silence = threading.Event()
        self.came = []


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((self.path, dict(self.headers), json.loads(body)))
        if self.server.status == 0:
            self.server.silence.wait(10)
            return
        if self.server.status == -1:
            self.wfile.write(b"this is not HTTP\r\n\r\n")
            return
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        return


@pytest.fixture
def notify():
    server = Notify()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.silence.set()
    server.shutdown()
    thread.join()
    server.server_close()


def channel(server, seconds=5.0):
    url = f"http://127.0.0.1:{server.server_port}"
    return NotifyChannel(KEY, template_id=TEMPLATE, api_url=url, timeout=timedelta(seconds=seconds))


def envelope(recipient="dsl@school.example"):
    return Envelope((UUID(int=1),), "county", recipient, Message("PT-7F3K-92Q4 is waiting", "Sign in.\n"), NOON)


def test_a_mail_is_handed_to_notify_with_its_template_and_a_signed_request(notify):
    assert channel(notify).send(envelope()) == Delivered()
    [(path, headers, body)] = notify.came
    assert path == "/v2/notifications/email"
    assert headers["Authorization"] == f"Bearer {sign_request(KEY, NOON)}"
    assert headers["Content-Type"] == "application/json"
    assert body.pop("reference").endswith("@notify")
    assert body == {
        "email_address": "dsl@school.example",
        "template_id": TEMPLATE,
        "personalisation": {"subject": "PT-7F3K-92Q4 is waiting", "body": "Sign in.\n"},
    }


def test_the_reference_of_a_mail_stays_the_same_when_it_is_sent_again(notify):
    channel(notify).send(envelope())
    channel(notify).send(envelope())
    assert notify.came[0][2]["reference"] == notify.came[1][2]["reference"]


@pytest.mark.parametrize(
    "status, outcome",
    [
        (400, PermanentFailure("400")),
        (403, TemporaryFailure("403")),
        (429, TemporaryFailure("429")),
        (500, TemporaryFailure("500")),
        (503, TemporaryFailure("503")),
        (200, TemporaryFailure("200")),
        (-1, Unreachable("broken-off")),
    ],
)
def test_what_notify_answers_is_read_as_delivered_refused_or_later(notify, status, outcome):
    notify.status = status
    assert channel(notify).send(envelope()) == outcome


def test_a_redirect_is_not_followed_with_the_token(notify):
    notify.status = 302
    assert channel(notify).send(envelope()) == TemporaryFailure("302")
    assert [path for path, _, _ in notify.came] == ["/v2/notifications/email"]


def test_notify_that_falls_silent_is_left_after_the_timeout(notify):
    notify.status = 0
    assert channel(notify, seconds=0.3).send(envelope()) == Unreachable("timeout")


def test_a_closed_port_is_unreachable(notify):
    closed = Notify()
    closed.server_close()
    assert channel(closed).send(envelope()) == Unreachable("refused")


def test_a_name_that_nobody_knows_is_unreachable():
    nowhere = NotifyChannel(KEY, template_id=TEMPLATE, api_url="https://no-such-host.invalid")
    assert nowhere.send(envelope()) == Unreachable("unknown-host")


def test_a_server_that_does_not_speak_tls_is_unreachable(notify):
    wrong = NotifyChannel(KEY, template_id=TEMPLATE, api_url=f"https://127.0.0.1:{notify.server_port}")
    assert wrong.send(envelope()) == Unreachable("encryption")


def test_an_address_that_is_none_never_reaches_notify(notify):
    assert channel(notify).send(envelope("nobody")) == PermanentFailure("bad-address")
    assert notify.came == []
