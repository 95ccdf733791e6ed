"""One file on the pages, from "who is moving?" to the receipt, as two safeguarding leads go through it."""

import io
import re
import zipfile
from typing import Any

import pytest

from tests.factories import NOTE_TEXT, PDF
from tests.html import StrictClient, parse_page, text_of
from tests.integration.transfers.stage import Stage

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
WRONG_LETTER = "Z801200001001"


def follow(client: StrictClient, address: str, data: dict[str, Any], *, page: str | None = None) -> str:
    """Post a form that must be taken, and return where it leads."""
    response = client.post_form(address, data, page=page)
    assert response.status_code == 303, text_of(parse_page(response.data), "main")
    return response.location


def day(name: str, text: str) -> dict[str, str]:
    return dict(zip((f"{name}-day", f"{name}-month", f"{name}-year"), text.split(), strict=True))


def record_transfer(client: StrictClient, *, urn: str = "125581", upn: str = "") -> str:
    """Go through the steps of a new transfer and return its reference."""
    pupil = {"forename": "Zoë", "surname": "O'Brien-Łącki", **day("date_of_birth", "9 3 2014"), "upn": upn}
    step = follow(client, "/transfers/new", pupil)
    if step.endswith("/upn"):
        step = follow(client, step, {"decision": "confirm", "upn": upn})
    step = follow(client, step, {"kind": "in_year", **day("leaving_on", "4 9 2026")})
    step = follow(client, step, {"receiving_school": urn}, page=step + "?q=" + urn)
    assert step.endswith("/check")
    leads_to = follow(client, step, {})
    found = re.search(r"PT-[0-9A-Z]{4}-[0-9A-Z]{4}", leads_to)
    assert found
    return found[0]


def test_a_file_goes_from_the_first_question_to_the_receipt(stage: Stage, browser):
    alma, cora = browser(stage.alma), browser(stage.cora)

    reference = record_transfer(alma, upn=WRONG_LETTER)
    base = f"/transfers/{reference}"
    assert follow(alma, f"{base}/held", {"held": "file"}) == base
    note = {"category": "child_protection_plan", **day("dated_on", "3 9 2026"), "text": NOTE_TEXT}
    follow(alma, f"{base}/notes/new", {**note, "why_shared": ["safeguard_child", "support_in_place"]})
    assert NOTE_TEXT in text_of(alma.page(f"{base}/notes"))
    attach(alma, base, ("genogram.pdf", PDF), ("photo.jpg", b"\xff\xd8\xff\xe0" + b"j" * 3000))
    assert "genogram.pdf" in text_of(alma.page(f"{base}/attachments"))
    check = text_of(alma.page(f"{base}/check"), "main")
    for shown in ("Zoë O'Brien-Łącki", NOTE_TEXT, "photo.jpg", "Birchwater High School, Nuneaton, Warwickshire"):
        assert shown in check
    assert follow(alma, f"{base}/check", {"statement_version": "send/1", "confirmed": "yes"}) == base
    assert "Nobody there has opened it yet" in text_of(alma.page(base), "main")

    assert reference in text_of(cora.page("/"))
    assert "Zoë" not in text_of(cora.page("/inbox"))
    cover = cora.page(f"{base}/cover")
    assert text_of(cover, "h1") == "Zoë O'Brien-Łącki"
    assert NOTE_TEXT not in text_of(cover)
    assert cora.get(f"{base}/contents").status_code == 409
    opened = follow(
        cora, f"{base}/open", {"statement_version": "joining/1", "confirmed": "yes"}, page=f"{base}/cover"
    )
    assert opened == f"{base}/contents"
    contents = cora.page(opened)
    assert NOTE_TEXT in text_of(contents)
    download = next(one.get("href") for one in contents.iter("a") if "genogram" in " ".join(one.itertext()))
    response = cora.get(download)
    assert response.data == PDF
    assert response.headers["Content-Disposition"] == "attachment; filename=genogram.pdf"
    told = {"statement_version": "ack/1", "senco_told": "yes", "key_staff_told": "no", "confirmed": "yes"}
    assert follow(cora, f"{base}/acknowledge", told) == f"{base}/receipt"
    receipt = text_of(cora.page(f"{base}/receipt"), "main")
    assert "I have opened and read every item" in receipt
    assert "Your part is done" in text_of(alma.page(base), "main")


def attach(client: StrictClient, base: str, *files: tuple[str, bytes]) -> Any:
    token = client.token(f"{base}/held")
    return client.post(
        f"{base}/attachments?csrf_token={token}",
        data={"files": [(io.BytesIO(body), name) for name, body in files]},
        headers={"Sec-Fetch-Site": "same-origin"},
    )


def test_the_archive_holds_the_notes_and_the_originals_under_the_reference(stage: Stage, browser):
    alma, cora = browser(stage.alma), browser(stage.cora)
    reference = record_transfer(alma)
    base = f"/transfers/{reference}"
    note = {"category": "risk", **day("dated_on", "3 9 2026"), "text": NOTE_TEXT, "why_shared": "safeguard_child"}
    follow(alma, f"{base}/notes/new", note)
    attach(alma, base, ("genogram.pdf", PDF))
    follow(alma, f"{base}/check", {"statement_version": "send/1", "confirmed": "yes"})
    follow(cora, f"{base}/open", {"statement_version": "joining/1", "confirmed": "yes"}, page=f"{base}/cover")

    response = cora.post_form(f"{base}/archive", page=f"{base}/contents")

    assert response.headers["Content-Disposition"] == f"attachment; filename={reference}.zip"
    archive = zipfile.ZipFile(io.BytesIO(response.data))
    assert archive.read(f"{reference}/originals/genogram.pdf") == PDF
    assert NOTE_TEXT in archive.read(f"{reference}/safeguarding-file.txt").decode("utf-8-sig")
    assert "Zoë" not in " ".join(archive.namelist())
