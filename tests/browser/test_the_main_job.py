"""The main job between two real schools of Warwickshire, as people do it in a browser, with scripts and without."""

import contextlib
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import cryptography
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ContextFactory
from tests.browser.visiting import (
    Visitor,
    acknowledge,
    days_ago,
    open_file,
    record_transfer,
    reference_in,
    send,
    visitor,
    write_note,
)
from tests.demonstration import Demonstration, code_of
from transfer_service.demo.papers import make_pdf, make_picture

ROOT = Path(__file__).parents[2]

# The pupil of ../shared/data/ctf/8384512_partial_ctf19.xml, typed in as it stands there: the UPN's letter is wrong.
PUPIL = {"forename": "Mick", "surname": "Jagger", "born": "7 6 2009", "upn": "J933207636549"}
NOTE = "His brother collects him on Tuesdays; nobody else may, until the review in October."
PDF = make_pdf("Genogram", "Made up for a test")
PHOTO = make_picture(300, 200)

pytestmark = pytest.mark.slow


def wait_for_mail(demonstration: Demonstration, recipient: str, *words: str) -> str:
    """The newest mail to an address that holds all these words; the worker sends it within seconds.

    Alerts within ten minutes of another become one mail: in the minutes after eight o'clock reminders went out before.
    """
    with contextlib.closing(sqlite3.connect(demonstration.folder / "transfer.db", timeout=20)) as connection:
        connection.execute("UPDATE alert SET finished_at = finished_at - 600000000 WHERE state = 'sent'")
        connection.execute("UPDATE alert SET not_before = created_at WHERE state = 'pending'")
        connection.commit()
    for _ in range(40):
        for mail in demonstration.mails(recipient):
            if all(word in mail.text for word in words):
                return mail.subject + "\n" + mail.text
        time.sleep(0.5)
    pytest.fail(f"no mail about {words}")


@pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without scripts"])
def test_a_file_with_a_pdf_and_a_photograph_is_sent_opened_acknowledged_and_proved(
    service: str, demonstration: Demonstration, context_factory: ContextFactory, tmp_path: Path, javascript: bool
) -> None:
    harriet = visitor(context_factory(javascript=javascript), service, demonstration)
    harriet.sign_in("harriet.osborne@")

    reference = record_with_the_wrong_letter(harriet, with_scripts=javascript)
    write_note(harriet, reference, category="Risk to the child or to others", dated_on=days_ago(20), text=NOTE)
    attach(harriet, reference)
    send(harriet, reference)
    expect(harriet.page.get_by_text("Nobody there has opened it yet")).to_be_visible()

    mail = wait_for_mail(demonstration, "naomi.fletcher@school-137771.example", reference)
    for secret in (PUPIL["surname"], PUPIL["upn"], NOTE, "Nursery Hill", "genogram"):
        assert secret not in mail

    naomi = visitor(context_factory(javascript=javascript), service, demonstration)
    naomi.sign_in("naomi.fletcher@")
    read_it_all(naomi, reference)
    acknowledge(naomi, reference)
    expect(naomi.page.get_by_role("heading", level=1)).to_have_text("Receipts")
    verify_receipt(naomi, reference, demonstration, tmp_path)

    harriet.go(f"/transfers/{reference}")
    expect(harriet.page.get_by_text("Your part is done; keep the receipt.")).to_be_visible()
    # That it was acknowledged joins what else comes within ten minutes.
    wait_for_mail(demonstration, "harriet.osborne@school-125500.example", reference, "was opened")

    oversee(context_factory, service, demonstration, reference)
    assert harriet.complaints == []
    assert naomi.complaints == []


def record_with_the_wrong_letter(harriet: Visitor, *, with_scripts: bool) -> str:
    """Record the move; the wrong letter of the UPN is warned of, and kept on purpose."""
    page = harriet.page
    harriet.press("Record a new transfer")
    harriet.fill("Forename", PUPIL["forename"])
    harriet.fill("Surname", PUPIL["surname"])
    harriet.fill_date("Date of birth", PUPIL["born"])
    harriet.fill("UPN (if you know it)", PUPIL["upn"].lower())
    harriet.press("Continue")
    expect(page.get_by_role("heading", level=1)).to_have_text("Check the UPN")
    expect(page.get_by_text(PUPIL["upn"])).to_be_visible()
    harriet.choose("It is right: keep it as it is")
    harriet.press("Continue")
    harriet.choose("In-year move")
    harriet.fill_date("When does the pupil leave your school?", days_ago(3))
    harriet.press("Continue")
    harriet.fill("Name, town, postcode or URN", "etone")
    if with_scripts:  # choosing a suggestion searches for it, and the one school found is chosen already
        page.get_by_role("option", name="Etone College").click()
        expect(page.get_by_label(re.compile(r"^\s*Etone College"))).to_be_checked()
    else:
        harriet.press("Search")
        harriet.choose(re.compile(r"^\s*Etone College"))
    harriet.press("Continue")
    expect(page.get_by_text("kept although it looks wrong")).to_be_visible()
    harriet.press("Record the transfer")
    return reference_in(harriet)


def attach(harriet: Visitor, reference: str) -> None:
    """Attach both papers in one go."""
    harriet.go(f"/transfers/{reference}/attachments")
    harriet.page.get_by_label("Choose files").set_input_files(
        [
            {"name": "genogram.pdf", "mimeType": "application/pdf", "buffer": PDF},
            {"name": "front gate.png", "mimeType": "image/png", "buffer": PHOTO},
        ]
    )
    harriet.press("Seal and save")
    for name in ("genogram.pdf", "front gate.png"):
        expect(harriet.page.get_by_role("rowheader", name=name)).to_be_visible()


def read_it_all(naomi: Visitor, reference: str) -> None:
    """See the cover sheet, open, read, and download both papers as they were."""
    naomi.go("/inbox")
    naomi.follow(reference)
    expect(naomi.page.get_by_role("heading", level=1)).to_have_text("Mick Jagger")
    assert NOTE not in naomi.page.content()
    open_file(naomi, reference)
    expect(naomi.page.get_by_text(NOTE)).to_be_visible()
    for name, body in (("genogram.pdf", PDF), ("front gate.png", PHOTO)):
        with naomi.page.expect_download() as arriving:
            naomi.follow(f"Download {name}")
        assert Path(arriving.value.path()).read_bytes() == body
        assert arriving.value.suggested_filename == name
    with naomi.page.expect_download() as arriving:
        naomi.press("Download the whole file as one archive")
    assert arriving.value.suggested_filename == f"{reference}.zip"
    with zipfile.ZipFile(arriving.value.path()) as archive:
        assert archive.read(f"{reference}/originals/genogram.pdf") == PDF
        assert archive.read(f"{reference}/safeguarding-file.pdf").startswith(b"%PDF")


def verify_receipt(naomi: Visitor, reference: str, demonstration: Demonstration, folder: Path) -> None:
    """Fetch the evidence of the acknowledgement and check it where nothing but `cryptography` is installed."""
    row = naomi.page.get_by_role("row", name=re.compile("Acknowledged"))
    for _ in range(50):
        if row.get_by_role("link", name=re.compile("evidence")).count():
            break
        time.sleep(0.2)
        naomi.page.reload()
    with naomi.page.expect_download() as arriving:
        row.get_by_role("link", name=re.compile("PDF")).click()
    assert Path(arriving.value.path()).read_bytes().startswith(b"%PDF")
    with naomi.page.expect_download() as arriving:
        row.get_by_role("link", name=re.compile("evidence")).click()
    assert reference in arriving.value.suggested_filename
    receipt = folder / arriving.value.suggested_filename
    arriving.value.save_as(receipt)
    proved = verifier(folder, "verify", "receipt", str(receipt), "--policy", demonstration.answer["policy"])
    assert proved.returncode == 0, proved.stdout + proved.stderr
    assert reference in proved.stdout
    assert PUPIL["surname"] not in proved.stdout
    altered = folder / "altered.tlog-proof"
    altered.write_bytes(receipt.read_bytes().replace(b"index ", b"index 1", 1))
    assert verifier(folder, "verify", "receipt", str(altered), "--policy", demonstration.answer["policy"]).returncode


def verifier(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the one file of the verifier with the standard library and `cryptography`, and nothing of ours."""
    alone = folder / "alone"
    if not alone.exists():
        alone.mkdir()
        installed = Path(cryptography.__file__).parent.parent
        for needed in (installed / "cryptography", installed / "cffi", *installed.glob("_cffi_backend*")):
            (alone / needed.name).symlink_to(needed)
        shutil.copy(ROOT / "transfer_service" / "verifier.py", alone / "verifier.py")
    run = f"import runpy, sys; sys.path.insert(0, {str(alone)!r}); runpy.run_path(sys.argv[0], run_name='__main__')"
    start = f"import sys; sys.argv = [{str(alone / 'verifier.py')!r}, *sys.argv[1:]]; {run}"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", start, *words], capture_output=True, text=True, check=False, cwd=folder
    )


def oversee(context_factory: ContextFactory, service: str, demonstration: Demonstration, reference: str) -> None:
    """The Head of Service finds the transfer on time, and neither its contents nor the pupil's name."""
    philippa = visitor(context_factory(), service, demonstration)
    philippa.sign_in("philippa.garnett@")
    assert philippa.go("/authority") == 200
    assert "it cannot show a move that nobody recorded" in philippa.page.content()
    assert philippa.go(f"/authority/transfers/{reference}") == 200
    said = philippa.text
    assert "On time" in said
    assert "Acknowledged" in said
    for secret in ("Jagger", PUPIL["upn"], NOTE, "genogram"):
        assert secret not in philippa.page.content()
    assert philippa.complaints == []


def test_a_school_without_a_key_enrols_and_gets_what_waited_for_it(
    service: str, demonstration: Demonstration, context_factory: ContextFactory
) -> None:
    eleanor = visitor(context_factory(), service, demonstration)
    eleanor.sign_in("eleanor.voss@")
    words = eleanor.page.locator("#own-words").inner_text()
    assert len(words.split()) == 8

    dominic = visitor(context_factory(), service, demonstration)
    dominic.sign_in("dominic.achebe@")
    dominic.go("/authority/approvals")
    dominic.follow(re.compile("Check Eleanor Voss"))
    assert words in dominic.page.content()
    dominic.fill("Whom did you speak with?", "Mrs Ames in the office")
    dominic.choose(re.compile(r"^\s*I telephoned the school"))
    dominic.press("Approve")

    eleanor.go("/")
    eleanor.follow("make your school’s key")
    expect(eleanor.page.get_by_role("heading", level=1)).to_have_text("Make your school’s key")
    eleanor.press("Make the key")
    eleanor.go("/inbox")
    waiting = eleanor.page.get_by_role("row", name=re.compile("Nursery Hill Primary School"))
    reference = waiting.get_by_role("link").first.inner_text()
    expect(waiting).to_contain_text("Waiting")

    sanjay = visitor(context_factory(), service, demonstration)
    sanjay.sign_in("sanjay.dhillon@")
    sanjay.go(f"/transfers/{reference}")
    expect(sanjay.page.get_by_text("Nobody there has opened it yet")).to_be_visible()

    open_file(eleanor, reference)
    expect(eleanor.page.get_by_role("heading", level=1)).to_have_text("Jacob Merriman")
    acknowledge(eleanor, reference)
    expect(eleanor.page.get_by_role("heading", level=1)).to_have_text("Receipts")
    assert eleanor.complaints == sanjay.complaints == dominic.complaints == []


def test_a_file_sent_back_unopened_goes_on_to_the_right_school(
    service: str, demonstration: Demonstration, context_factory: ContextFactory
) -> None:
    harriet = visitor(context_factory(), service, demonstration)
    harriet.sign_in("harriet.osborne@")
    reference = record_transfer(harriet, {**PUPIL, "upn": ""}, to="Race Leys Junior School", leaving_on=days_ago(3))
    write_note(harriet, reference, category="Chronology", dated_on=days_ago(20), text=NOTE)
    send(harriet, reference)

    fiona = visitor(context_factory(), service, demonstration)
    fiona.sign_in("fiona.kettle@")
    fiona.go(f"/transfers/{reference}/cover")
    fiona.follow("Send it back")
    fiona.choose("It was meant for another school")
    fiona.page.get_by_label(re.compile(r"^\s*What should the sending school know")).fill("He goes to Park Lane.")
    fiona.press("Send it back")
    assert fiona.go(f"/transfers/{reference}/contents") in {404, 409}

    harriet.go(f"/transfers/{reference}/returned")
    expect(harriet.page.get_by_text("He goes to Park Lane.")).to_be_visible()
    harriet.go(f"/transfers/{reference}/redirect?q=park+lane")
    harriet.choose(re.compile(r"^\s*Park Lane Primary School"))
    harriet.press("Send again")

    joanne = visitor(context_factory(), service, demonstration)
    joanne.sign_in("joanne.tranter@")
    open_file(joanne, reference)
    expect(joanne.page.get_by_text(NOTE)).to_be_visible()
    assert fiona.go(f"/transfers/{reference}/cover") in {404, 409}
    assert harriet.complaints == fiona.complaints == joanne.complaints == []


def test_a_nil_declaration_is_made_and_acknowledged(
    service: str, demonstration: Demonstration, context_factory: ContextFactory
) -> None:
    harriet = visitor(context_factory(javascript=False), service, demonstration)
    harriet.sign_in("harriet.osborne@")
    reference = record_transfer(harriet, {**PUPIL, "upn": ""}, to="Etone College", leaving_on=days_ago(3))
    harriet.go(f"/transfers/{reference}/held")
    harriet.choose("No, we hold nothing")
    harriet.press("Continue")
    harriet.choose(re.compile(r"^\s*I am a designated safeguarding lead"))
    harriet.press("Declare and send")

    tomasz = visitor(context_factory(javascript=False), service, demonstration)
    tomasz.sign_in("tomasz.zielinski@")
    tomasz.go("/inbox/nils")
    tomasz.choose(re.compile(r"^\s*Mick Jagger"))
    tomasz.choose(re.compile(r"^\s*I am a designated safeguarding lead"))
    tomasz.press("Acknowledge those chosen")
    harriet.go(f"/transfers/{reference}")
    expect(harriet.page.get_by_text("Your part is done; keep the receipt.")).to_be_visible()


def test_the_whole_sign_in_and_a_search_are_done_by_keyboard_alone(
    service: str, demonstration: Demonstration, context_factory: ContextFactory
) -> None:
    harriet = visitor(context_factory(), service, demonstration)
    page, person = harriet.page, demonstration.person("harriet.osborne@")
    harriet.go("/sign-in")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "#email")
    page.keyboard.type(person["email"])
    tab_to(page, "#password")
    page.keyboard.type(person["password"])
    page.keyboard.press("Enter")
    tab_to(page, "#code")
    page.keyboard.type(code_of(person))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("What awaits you")
    tab_to(page, 'a[href="/transfers/new"]')
    page.keyboard.press("Enter")
    tab_to(page, "#forename")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("There is a problem")
    tab_to(page, '.govuk-error-summary a[href="#forename"]')
    page.keyboard.press("Enter")
    expect(page.locator("#forename")).to_be_focused()
    assert harriet.complaints == []


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until this has the focus, as somebody without a mouse does."""
    wanted = page.locator(selector).first
    for _ in range(60):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{selector} is not reached by the keyboard")
