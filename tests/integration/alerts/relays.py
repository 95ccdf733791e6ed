"""Mail relays for the tests: real ones by aiosmtpd, and rude ones that answer what a script says."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Mailbox:
    """Keeps what arrives; refuses addresses by their beginning: `550-gone@…` is answered with 550."""

    def __init__(self, *, after_data: str = "250 OK") -> None:
        self.mails: list[Envelope] = []
        self.after_data = after_data

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):  # noqa: N802 -- aiosmtpd's name
        if address[:3].isdigit():
            return f"{address[:3]} no, {address}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 -- aiosmtpd's name
        if self.after_data.startswith("250"):
            self.mails.append(envelope)
        return self.after_data


class _Relay(Controller):
    """A controller whose first look, whether it listens, is encrypted as its server is."""

    def __init__(self, handler: object, **options: object) -> None:
        self.starttls = options.pop("starttls", None)
        self.password = options.pop("password", None)
        super().__init__(handler, hostname="127.0.0.1", port=_free_port(), **options)

    def factory(self) -> SMTP:
        def authenticate(server, session, envelope, mechanism, auth_data):
            return AuthResult(success=auth_data.password.decode() == self.password, handled=False)

        return SMTP(
            self.handler,
            tls_context=self.starttls,
            require_starttls=self.starttls is not None,
            authenticator=authenticate,
            auth_required=self.password is not None,
            auth_require_tls=self.starttls is not None,
            enable_SMTPUTF8=False,
        )


@contextmanager
def running_relay(mailbox: Mailbox, **options: object) -> Iterator[int]:
    relay = _Relay(mailbox, **options)
    relay.start()
    try:
        yield relay.port
    finally:
        relay.stop()


@contextmanager
def scripted_relay(answers: Sequence[bytes], *, hang: bool = False) -> Iterator[int]:
    """Answer each line in turn with the next of `answers`, the first unasked; then hang up, or say nothing more."""
    done = threading.Event()

    def play(connection: socket.socket) -> None:
        lines = connection.makefile("rb")
        with connection, lines:
            for place, answer in enumerate(answers):
                if place and not lines.readline():
                    return
                connection.sendall(answer)
            if hang:
                done.wait(10)

    with _listening(play) as port:
        try:
            yield port
        finally:
            done.set()


@contextmanager
def _listening(play: Callable[[socket.socket], None]) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            try:
                play(connection)
            except OSError:
                return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def make_certificate(folder: Path) -> Path:
    """Make a certificate of 127.0.0.1 that signs itself; key and certificate are in the one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "relay")])
    now = datetime.now(tz=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "relay.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
