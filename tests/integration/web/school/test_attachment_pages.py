"""Uploads: sealed as they arrive, judged by their contents, refused by their place, checked before they are read."""

import errno
import io
import json
import tempfile
from contextlib import contextmanager

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from tests.factories import PDF, declare_nil, empty_draft
from tests.html import parse_page, text_of
from tests.integration.transfers.stage import Stage
from tests.integration.web.school.browsing import attach, errors, follow, multipart, reference_of
from transfer_service.db.models import Dispatch
from transfer_service.web.uploads import READ_AT_ONCE

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
JPEG = b"\xff\xd8\xff\xe0" + b"\r\n--" * 3000


@pytest.fixture
def base(stage: Stage) -> str:
    return f"/transfers/{reference_of(stage, empty_draft(stage, stage.alma, stage.cast.receiving))}"


def stored(stage: Stage) -> list[bytes]:
    return [one.read_bytes() for one in stage.blobs.rglob("*") if one.is_file()]


def test_several_files_are_sealed_at_once(stage: Stage, browser, base):
    client = browser(stage.alma)

    response = attach(client, base, ("genogram.pdf", PDF), ("Zoë's photo.jpg", JPEG))

    assert (response.status_code, response.location) == (303, f"{base}/attachments")
    page = text_of(client.page(f"{base}/attachments"))
    assert "genogram.pdf" in page
    assert "Zoë's photo.jpg" in page
    assert len(stored(stage)) == 2
    assert not any(b"genogram" in body or b"\r\n--\r\n--" in body for body in stored(stage))


def test_each_refusal_names_the_place_and_the_good_ones_stay(stage: Stage, browser, base):
    client = browser(stage.alma)
    pretending = ("report.pdf", b"MZ" + b"\x00" * 3000)

    response = attach(client, base, ("a.pdf", PDF), pretending, ("empty.pdf", b""), ("tool.exe", b"MZ" * 99))

    assert response.status_code == 422
    said = next(iter(errors(parse_page(response.data)).values()))
    assert "File 4" in said
    page = text_of(parse_page(response.data), "main")
    for place in (
        "File 2: The file is not what its name says",
        "File 3: The file is empty",
        "File 4: The file must be",
    ):
        assert place in page
    assert len(stored(stage)) == 1
    assert "a.pdf" in page


def test_a_file_beyond_the_limit_is_refused_and_leaves_nothing(stage: Stage, browser, base):
    response = attach(browser(stage.alma), base, ("big.pdf", PDF + b"x" * (25 * 1024 * 1024)))

    assert response.status_code == 422
    assert "File 1: The file is larger than 25 MB" in response.text
    assert stored(stage) == []


def test_a_request_beyond_the_limit_is_read_to_its_end_so_that_its_answer_arrives(stage: Stage, browser, base):
    client, body = browser(stage.alma), Zeros(300 * 1024 * 1024)
    token = client.token(f"{base}/held")

    response = client.post(
        f"{base}/attachments?csrf_token={token}",
        headers={"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(body.size)},
        input_stream=body,
    )

    assert response.status_code == 413
    assert body.place == body.size


@pytest.mark.parametrize("reason", ["a full disk", "a draft that was sent meanwhile"])
def test_an_upload_that_is_refused_is_read_to_its_end_so_that_its_answer_arrives(
    stage: Stage, browser, base, monkeypatch, reason
):
    client = browser(stage.alma)
    token = client.token(f"{base}/held")
    body = io.BytesIO(multipart(("big.pdf", PDF + bytes(4 * 1024 * 1024))))

    def full(**_given):
        raise OSError(errno.ENOSPC, "No space left on device")

    if reason == "a full disk":
        monkeypatch.setattr(tempfile, "mkstemp", full)
    else:
        with stage.database.reading() as session:
            dispatch_id = session.scalars(select(Dispatch.id)).one()
        declare_nil(stage, stage.alma, dispatch_id)
    response = client.post(
        f"{base}/attachments?csrf_token={token}",
        headers={"Content-Type": "multipart/form-data; boundary=b0undary", "Content-Length": str(len(body.getvalue()))},
        input_stream=body,
    )

    assert response.status_code == (503 if reason == "a full disk" else 404)
    assert body.tell() == len(body.getvalue())
    assert stored(stage) == []


def test_a_request_beyond_everything_is_not_read(stage: Stage, browser, base):
    client = browser(stage.alma)
    token = client.token(f"{base}/held")

    response = client.post(
        f"{base}/attachments?csrf_token={token}",
        headers={"Content-Type": "multipart/form-data; boundary=b"},
        input_stream=Unreadable(2 * 1024 * 1024 * 1024),
    )

    assert response.status_code == 413
    assert "too large" in response.text


def test_choosing_nothing_is_said_at_the_field(stage: Stage, browser, base):
    response = attach(browser(stage.alma), base, ("", b""))

    assert response.status_code == 422
    assert errors(parse_page(response.data)) == {"files": "Choose at least one file"}


def test_the_script_is_told_where_to_go_and_what_is_wrong(stage: Stage, browser, base):
    client = browser(stage.alma)
    headers = {"Accept": "application/json, text/html;q=0.9", "X-CSRF-Token": client.token(f"{base}/held")}

    def post(name: str, body: bytes):
        return client.post(f"{base}/attachments", data={"files": (io.BytesIO(body), name)}, headers=headers)

    assert post("a.pdf", PDF).json == {"next": f"{base}/attachments"}
    refused = post("a.exe", b"MZ")
    assert refused.status_code == 422
    assert refused.mimetype == "application/problem+json"
    assert json.loads(refused.data)["detail"].startswith("File 1: The file must be a PDF")
    assert json.loads(refused.data)["sealed"] == 0


def test_the_script_is_told_that_another_file_was_sealed_beside_a_refused_one(stage: Stage, browser, base):
    client = browser(stage.alma)
    headers = {"Accept": "application/json, text/html;q=0.9", "X-CSRF-Token": client.token(f"{base}/held")}
    files = [(io.BytesIO(PDF), "good.pdf"), (io.BytesIO(b"MZ"), "bad.exe")]

    said = json.loads(client.post(f"{base}/attachments", data={"files": files}, headers=headers).data)

    assert said["sealed"] == 1
    assert said["detail"].startswith("File 2: ")
    assert said["detail"].endswith("The other file is sealed and in the list.")
    lists = [one for one in client.page(f"{base}/attachments").iter("div") if "data-upload-list" in one.attrib]
    assert [text for text in lists[0].itertext() if text == "good.pdf"] == ["good.pdf"]


def test_without_a_token_or_the_right_the_body_is_not_read(stage: Stage, browser, base):
    headers = {"Content-Type": "multipart/form-data; boundary=b"}

    def post(member, query=""):
        return browser(member).post(f"{base}/attachments{query}", headers=headers, input_stream=Unreadable(5000))

    assert post(stage.alma).status_code == 400
    assert post(stage.edie).status_code == 403
    token = browser(stage.alma).token(f"{base}/held")
    assert post(stage.alma, f"?csrf_token={token}").status_code == 400  # made for another browser's form


def test_nothing_is_ever_in_a_temporary_file(stage: Stage, browser, base, monkeypatch):
    def forbidden(*arguments, **options):
        raise AssertionError("something was about to be written to a temporary file")

    for name in ("TemporaryFile", "SpooledTemporaryFile", "NamedTemporaryFile"):
        monkeypatch.setattr(tempfile, name, forbidden)

    client = browser(stage.alma)
    token = client.token(f"{base}/held")
    response = client.post(
        f"{base}/attachments?csrf_token={token}",
        headers={"Content-Type": "multipart/form-data; boundary=b0undary"},
        input_stream=Slow(multipart(("a.pdf", PDF + b"\x00" * 2_000_000))),
    )

    assert response.status_code == 303
    assert len(stored(stage)) == 1


@pytest.mark.parametrize(
    "body", [b"--b\r\n", b"--b\r\nContent-Disposition: form-data; name=x; filename=a.pdf\r\n\r\n%PDF-1.7", b"junk"]
)
def test_a_body_that_breaks_off_is_refused_and_leaves_nothing(stage: Stage, browser, base, body):
    client = browser(stage.alma)
    token = client.token(f"{base}/held")

    response = client.post(
        f"{base}/attachments?csrf_token={token}", data=body, content_type="multipart/form-data; boundary=b"
    )

    assert response.status_code == 400
    assert stored(stage) == []


def test_another_kind_of_body_is_refused(stage: Stage, browser, base):
    client = browser(stage.alma)
    token = client.token(f"{base}/held")

    assert client.post(f"{base}/attachments?csrf_token={token}", data={"files": "x"}).status_code == 415


def test_an_attachment_is_removed_with_its_bytes(stage: Stage, browser, base):
    client = browser(stage.alma)
    attach(client, base, ("a.pdf", PDF))
    form = next(
        one for one in client.page(f"{base}/attachments").iter("form") if "/items/" in (one.get("action") or "")
    )

    assert follow(client, form.get("action"), {}, page=f"{base}/attachments") == f"{base}/attachments"

    assert stored(stage) == []


class Unreadable(io.RawIOBase):
    """A body of so many bytes that must not be touched."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size, self.place = size, 0

    def tell(self) -> int:
        return self.place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.place = self.size if whence == io.SEEK_END else offset
        return self.place

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        raise AssertionError("the body was read")


class Zeros(Unreadable):
    """A body of so many zeros."""

    def read(self, size: int = -1) -> bytes:
        taken = min(size if size >= 0 else self.size, self.size - self.place)
        self.place += taken
        return bytes(taken)


class Slow(io.BytesIO):
    """A body that comes in small pieces, as from a slow line."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size if size and size > 0 else READ_AT_ONCE, 1000))


def test_a_commit_whose_answer_is_lost_keeps_the_blob_of_its_row(stage: Stage, browser, base, monkeypatch):
    client = browser(stage.alma)
    token = client.token(f"{base}/held")
    real = stage.database.writing

    @contextmanager
    def lost_after_the_commit():
        with real() as session:
            yield session
        raise OperationalError("COMMIT", {}, Exception("server closed the connection unexpectedly"))

    with monkeypatch.context() as patched:
        patched.setattr(stage.database, "writing", lost_after_the_commit)
        response = client.post(
            f"{base}/attachments?csrf_token={token}",
            data=multipart(("genogram.pdf", PDF)),
            content_type="multipart/form-data; boundary=b0undary",
        )

    assert response.status_code == 503
    assert len(stored(stage)) == 1
    assert "genogram.pdf" in text_of(client.page(f"{base}/attachments"))
