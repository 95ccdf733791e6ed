"""One file on the pages, from "who is moving?" to the receipt, as two safeguarding leads go through it."""

import io
import zipfile

import pytest

from tests.factories import NOTE_TEXT, PDF
from tests.html import text_of
from tests.integration.transfers.stage import Stage
from tests.integration.web.school.browsing import WRONG_LETTER, attach, day, follow, record_transfer

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)


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
    opened = follow(cora, f"{base}/open", {"statement_version": "joining/1", "confirmed": "yes"}, page=f"{base}/cover")
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
