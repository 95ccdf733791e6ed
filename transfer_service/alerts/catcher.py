"""Mail that goes no further than a folder, for the demo: each mail is a file that anyone can open."""

import os
import tempfile
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.policy import SMTP
from email.utils import parsedate_to_datetime
from pathlib import Path

from transfer_service.alerts.channels import (
    BAD_ADDRESS,
    Delivered,
    Envelope,
    Outcome,
    TemporaryFailure,
    message_id,
    render,
)


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """One mail in the folder; `name` finds it again and `at` is when it was sent (aware)."""

    name: str
    at: datetime
    recipient: str
    subject: str
    text: str


class FolderChannel:
    """Writes every mail as one `.eml` file into a folder, which is made where it is not there."""

    def __init__(self, folder: Path, *, sender: Address) -> None:
        self._folder = folder
        self._sender = sender
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def send(self, envelope: Envelope) -> Outcome:
        """Write the mail under a name made from its Message-ID, so that sending it twice leaves one file."""
        try:
            mail = render(envelope, self._sender)
        except ValueError:
            return BAD_ADDRESS
        name = message_id(envelope, domain="folder").strip("<>").partition("@")[0]
        try:
            handle, arriving = tempfile.mkstemp(dir=self._folder, suffix=".part")
            with os.fdopen(handle, "wb") as file:
                file.write(bytes(mail))
            # A rename shows the whole file or none to whoever lists the folder meanwhile.
            Path(arriving).replace(self._folder / f"{name}.eml")
        except OSError:
            return TemporaryFailure("folder")
        return Delivered()


def list_caught(folder: Path, *, recipient: str | None = None) -> list[CaughtMail]:
    """List the mails of a folder, newest first; only those to one address where `recipient` is given."""
    mails = [_read(path) for path in folder.glob("*.eml")]
    if recipient is not None:
        mails = [mail for mail in mails if mail.recipient.casefold() == recipient.casefold()]
    return sorted(mails, key=lambda mail: (mail.at, mail.name), reverse=True)


def find_caught(folder: Path, name: str) -> CaughtMail | None:
    """Find one mail by its name; None where there is none, or the name is not one of ours."""
    path = folder / f"{name}.eml"
    if not name.isalnum() or not path.is_file():
        return None
    return _read(path)


def _read(path: Path) -> CaughtMail:
    """Read one file that `FolderChannel` wrote."""
    mail = message_from_bytes(path.read_bytes(), policy=SMTP)
    return CaughtMail(
        name=path.stem,
        at=parsedate_to_datetime(mail["Date"]),
        recipient=str(mail["To"]),
        subject=str(mail["Subject"]),
        text=mail.get_content().replace("\r\n", "\n"),
    )
