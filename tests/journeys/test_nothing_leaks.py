"""After a whole journey nothing that was said of the pupil is in clear: not in the database, blobs, logs or mails.

It is searched for in every file of the installation, in the log lines of everything that ran, in what people saw who
may not see it, in error pages, and in the temporary folder and the installation while an upload is on its way.
"""

import io
import logging
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog

from config.logging import configure_logging
from tests.browser.visiting import days_ago
from tests.demonstration import Demonstration, code_of, copy_of, prepared_demonstration
from tests.html import StrictClient
from tests.integration.web.school.browsing import day, follow
from tests.shell import client_of
from transfer_service.app import build_worker, create_app
from transfer_service.use_cases.transfers import notes
from transfer_service.web.current import EXTENSION, Services

FORENAME, SURNAME, UPN = "Thelonius", "Quackenbush-Árnason", "J933207636549"
NOTE = "Cousin Barnaby telephoned thrice about the greenhouse"
WHY = "because the marmalade cupboard was unlocked"
WITHHELD = "Letter of the dentist Dr Wollstonecraft"
SENT_BACK = "Pomegranate Close is in the other catchment"
FILE_NAMES = ("harpsichord lesson.pdf", "rhododendron.png")
IN_PDF, IN_PICTURE = b"xylophonist in the refectory", b"periwinkle gables at dusk"
PDF = b"%PDF-1.7\n" + IN_PDF + b"\n" + b"0123456789abcdef" * 100_000
PICTURE = b"\x89PNG\r\n\x1a\n" + IN_PICTURE + b"." * 3000

SECRETS = [
    text.encode(coding)
    for text in (FORENAME, SURNAME, UPN, UPN.lower(), "2009-06-07", NOTE, WHY, WITHHELD, SENT_BACK, *FILE_NAMES)
    for coding in ("utf-8", "utf-16-le")
] + [IN_PDF, IN_PICTURE, b"%PDF-1.7\n"]


def found_in(*folders: Path) -> list[tuple[str, bytes]]:
    """Which secrets are in which files."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [
        (path.name, secret) for path in files for body in [path.read_bytes()] for secret in SECRETS if secret in body
    ]


class Watched(io.BytesIO):
    """The body of an upload; while the service reads it, the folders are searched again and again."""

    def __init__(self, body: bytes, *folders: Path) -> None:
        super().__init__(body)
        self.folders = folders
        self.leaks: list[tuple[str, bytes]] = []
        self.looks = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self._look()
        return super().read(size)

    def readinto(self, buffer: Any, /) -> int:
        self._look()
        return super().readinto(buffer)

    def _look(self) -> None:
        place = self.tell()
        if place > self.looks * 200_000:
            self.looks += 1
            self.leaks += found_in(*self.folders)


@dataclass
class Stage:
    """The installation under watch."""

    demonstration: Demonstration
    app: Any
    worker: Any
    log: io.StringIO
    temporary: Path
    seen_by_others: list[bytes] = field(default_factory=list)

    def client(self, begins: str) -> StrictClient:
        """Somebody signed in."""
        client, person = client_of(self.app), self.demonstration.person(begins)
        follow(client, "/sign-in", {"email": person["email"], "password": person["password"]})
        follow(client, "/sign-in/code", {"code": code_of(person)})
        return client


@pytest.fixture
def stage(run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    demonstration = copy_of(prepared_demonstration(run_folder), tmp_path / "demonstration")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    root, log = logging.getLogger(), io.StringIO()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    configure_logging("debug", log)
    settings = demonstration.settings()
    app = create_app(settings)
    services: Services = app.extensions[EXTENSION]
    yield Stage(demonstration, app, build_worker(settings, database=services.database), log, temporary)
    services.database.dispose()
    root.handlers[:], logging.raiseExceptions = handlers, raises
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def record(sender: StrictClient) -> str:
    """Record the move of the pupil, with a UPN whose letter is wrong, and begin the file; returns its address."""
    pupil = {"forename": FORENAME, "surname": SURNAME, **day("date_of_birth", "7 6 2009"), "upn": UPN.lower()}
    step = follow(sender, "/transfers/new", pupil)
    assert step.endswith("/upn")
    step = follow(sender, step, {"decision": "confirm", "upn": UPN})
    step = follow(sender, step, {"kind": "in_year", **day("leaving_on", days_ago(3))})
    step = follow(sender, step, {"receiving_school": "137771"}, page=f"{step}?q=137771")
    found = re.search(r"PT-[0-9A-Z]{4}-[0-9A-Z]{4}", follow(sender, step, {}))
    assert found
    return f"/transfers/{found[0]}"


def write(sender: StrictClient, base: str) -> None:
    note = {"category": "risk", **day("dated_on", days_ago(20)), "text": NOTE, "why_shared": "safeguard_child"}
    follow(sender, f"{base}/notes/new", {**note, "why_shared_words": WHY})
    follow(sender, f"{base}/withheld", {"words": WITHHELD, "reason": "third_party"})


def upload(stage: Stage, sender: StrictClient, base: str) -> None:
    """Send both papers, while the folders are searched again and again."""
    boundary = "seam"
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for name, content in zip(FILE_NAMES, (PDF, PICTURE), strict=True)
    )
    body += f"--{boundary}--\r\n".encode()
    watched = Watched(body, stage.temporary, stage.demonstration.folder)
    answer = sender.post(
        f"{base}/attachments?csrf_token={sender.token(f'{base}/notes/new')}",
        input_stream=watched,
        content_type=f"multipart/form-data; boundary={boundary}",
        content_length=len(body),
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 303
    assert watched.looks > 5
    assert watched.leaks == []
    listed = sender.get(f"{base}/attachments").text
    assert all(name in listed for name in FILE_NAMES)


def provoke(stage: Stage, sender: StrictClient, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make pages fail in many ways, with the secrets at hand: what they say is kept as seen by others."""

    def break_down(*_arguments: object, **_named: object) -> None:
        raise RuntimeError(f"{NOTE} {FORENAME} {SURNAME} {UPN}")

    note = {"category": "risk", **day("dated_on", days_ago(20)), "text": NOTE, "why_shared": "safeguard_child"}
    with monkeypatch.context() as broken:
        broken.setattr(notes, "seal_note", break_down)
        broken.setattr("transfer_service.web.school.notes.seal_note", break_down, raising=False)
        broken.setitem(stage.app.config, "PROPAGATE_EXCEPTIONS", False)
        failed = sender.post_form(f"{base}/notes/new", note)
    assert failed.status_code == 500
    stage.seen_by_others.append(failed.data)
    token = sender.token(f"{base}/notes/new")
    stage.seen_by_others += [
        sender.post(f"{base}/notes/new", data={**note, "csrf_token": "forged"}).data,
        sender.get(f"/transfers/{SURNAME}").data,
        sender.get(f"/nowhere?who={SURNAME}").data,
        sender.post("/transfers", data={"csrf_token": token, "surname": SURNAME}).data,
    ]


def look_as_others(stage: Stage, base: str) -> None:
    """Whoever may not read it looks at all that may say something of it."""
    reference = base.removeprefix("/transfers/")
    for begins in ("philippa.garnett@", "fiona.kettle@", "morgan.tilley@", "beth.lowry@"):
        client = stage.client(begins)
        paths = ["/", base, f"{base}/contents", f"{base}/cover", f"{base}/receipt", f"{base}/notes", "/inbox"]
        paths += ["/authority", f"/authority/transfers/{reference}", "/authority/audit", "/metrics", "/demo/alerts"]
        answers = [client.get(path) for path in paths]
        if begins == "beth.lowry@":
            # The office recorded pupils too: she may know who leaves, not what the file says.
            answers = [answer for answer in answers if SURNAME not in answer.text]
        stage.seen_by_others += [answer.data for answer in answers]


def test_after_a_whole_journey_nothing_is_in_clear(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    harriet, naomi = stage.client("harriet.osborne@"), stage.client("naomi.fletcher@")
    base = record(harriet)
    write(harriet, base)
    upload(stage, harriet, base)
    provoke(stage, harriet, base, monkeypatch)
    follow(harriet, f"{base}/check", {"statement_version": "send/1", "confirmed": "yes"})
    stage.worker.run_due()

    follow(naomi, f"{base}/open", {"statement_version": "joining/1", "confirmed": "yes"}, page=f"{base}/cover")
    contents = naomi.get(f"{base}/contents").text
    assert NOTE in contents
    archive = naomi.post_form(f"{base}/archive", page=f"{base}/contents")
    assert archive.status_code == 200, stage.log.getvalue()[-3000:]
    told = {"statement_version": "ack/1", "senco_told": "yes", "key_staff_told": "no", "confirmed": "yes"}
    follow(naomi, f"{base}/acknowledge", told)
    follow(naomi, f"{base}/send-back", {"reason": "wrong_pupil", "words": SENT_BACK})
    assert SENT_BACK in harriet.get(f"{base}/returned").text
    look_as_others(stage, base)
    stage.worker.run_due()

    assert found_in(stage.demonstration.folder, stage.temporary) == []
    lines = stage.log.getvalue().encode()
    assert b'"event"' in lines
    assert [secret for secret in SECRETS if secret in lines] == []
    for seen in stage.seen_by_others:
        assert [secret for secret in SECRETS if secret in seen] == []
    reference = base.removeprefix("/transfers/")
    mails = [
        mail for mail in stage.demonstration.mails("naomi.fletcher@school-137771.example") if reference in mail.text
    ]
    assert mails


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "spool").write_bytes(b"\x00" + NOTE.encode() + b"\x00")
    assert found_in(tmp_path) == [("spool", NOTE.encode())]
