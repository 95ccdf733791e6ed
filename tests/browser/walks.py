"""Where each person of the demonstration goes beyond what links lead to."""

import contextlib
import re
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass

import pyotp
import pytest

from tests.browser.looking import Looker
from tests.browser.visiting import Visitor, days_ago, open_file, reference_in

OtherPeople = Callable[[str | None], Visitor]
DOUBTFUL_UPN = "J933207636549"
PASSWORD_OF_ALL = "three brass kettles by the canal"
PASSWORD = "seven quiet otters on the jetty"


@dataclass(frozen=True)
class Walk:
    """A walk: whose address begins like this, and what is done where no link leads."""

    begins: str | None
    beyond: Callable[[Looker, OtherPeople], None] = lambda looker, others: None


def press_and_look(looker: Looker, *buttons: str) -> None:
    """Press a button of each name, one after another, and look at each page that answers."""
    for button in buttons:
        with looker.at.page.expect_navigation():
            looker.at.press(button)
        looker.look()


def follow_and_look(looker: Looker, link: str | re.Pattern[str]) -> None:
    """Follow the first link of this name and look at where it leads."""
    with looker.at.page.expect_navigation():
        looker.at.follow(link)
    looker.look()


def link_in_mail(at: Visitor, recipient: str, path: str) -> str:
    """The address below `path` in the newest mail to somebody; the worker sends it within seconds."""
    for _ in range(60):
        for mail in at.demonstration.mails(recipient):
            if found := re.search(rf"{re.escape(path)}\S+", mail.text):
                return found[0]
        time.sleep(0.25)
    pytest.fail(f"no mail with {path} to {recipient}")


def arrive(looker: Looker, others: OtherPeople) -> None:
    """Sign in wrongly and halfway, forget a password, be invited and set up an account."""
    at = looker.at
    looker.go("/nothing-is-here", status=404)
    looker.go("/log/frozen")
    looker.go("/sign-in")
    press_and_look(looker, "Continue")
    person = at.demonstration.person("wendy.cope@")
    at.page.get_by_label("Email address").fill(person["email"])
    at.page.get_by_label("Password", exact=True).fill(person["password"])
    press_and_look(looker, "Continue", "Sign in")
    looker.go("/sign-in/recovery-code")
    press_and_look(looker, "Continue")
    looker.go("/sign-in/backup-code")
    looker.go("/verify")
    press_and_look(looker, "Check the receipt")
    looker.go("/forgotten")
    press_and_look(looker, "Send the link")
    at.page.get_by_label("Email address").fill(person["email"])
    press_and_look(looker, "Send the link")
    looker.go(link_in_mail(at, person["email"], "/password/reset/"))
    press_and_look(looker, "Change my password")
    be_invited(looker, others("dominic.achebe@"))


def be_invited(looker: Looker, officer: Visitor) -> None:
    """Take up an invitation of an officer, up to the codes on paper and the wait for approval."""
    email = "rowan.pike@school-137766.example"
    officer.go("/authority/people/schools/137766")
    officer.fill("Email address", email)
    officer.choose(re.compile(r"^\s*Designated safeguarding lead"))
    officer.press("Send the invitation")
    at = looker.at
    link = link_in_mail(at, email, "/invitations/")
    looker.go(f"{link}/again")
    looker.go(link)
    press_and_look(looker, "Make my account")
    at.fill("Full name", "Rowan Pike")
    at.fill("Password", PASSWORD)
    press_and_look(looker, "Make my account", "Continue")
    secret = at.page.locator("#secret-letters").text_content() or ""
    at.page.get_by_label("6-digit code").fill(pyotp.TOTP(secret.replace(" ", "")).now())
    press_and_look(looker, "Continue", "Show the codes", "I have kept them", "Show the code")
    press_and_look(looker, "I have written it down", "Confirm")
    looker.go("/waiting")


def start_a_transfer(looker: Looker, others: OtherPeople) -> None:
    """Go through a new transfer with every mistake on its way, up to the check before sending."""
    at = looker.at
    looker.go("/transfers/new")
    press_and_look(looker, "Continue")
    at.fill("Forename", "Wren")
    at.fill("Surname", "Halloran")
    at.fill_date("Date of birth", "7 6 2014")
    at.fill("UPN (if you know it)", DOUBTFUL_UPN)
    press_and_look(looker, "Continue", "Continue")
    at.choose("It is right: keep it as it is")
    press_and_look(looker, "Continue", "Continue")
    at.choose("In-year move")
    at.fill_date("When does the pupil leave your school?", days_ago(3))
    press_and_look(looker, "Continue")
    at.fill("Name, town, postcode or URN", "primary nuneaton")
    with at.page.expect_navigation():
        at.page.keyboard.press("Enter")
    looker.look()
    press_and_look(looker, "Continue")
    at.choose(re.compile(r"^\s*Park Lane Primary School"))
    press_and_look(looker, "Continue")
    follow_and_look(looker, "Change the pupil")
    press_and_look(looker, "Continue", "Record the transfer", "Continue")
    at.choose("Yes, or I am not sure")
    press_and_look(looker, "Continue")
    fill_the_draft(looker, reference_in(at))


def fill_the_draft(looker: Looker, reference: str) -> None:
    """Put a note, an attachment and something left out into a draft, with the mistakes that can be made."""
    at, base = looker.at, f"/transfers/{reference}"
    looker.go(f"{base}/notes/new")
    press_and_look(looker, "Seal and save")
    at.choose("Chronology")
    at.fill_date("Date of the note", days_ago(20))
    at.fill("Note", "Made up for a test.")
    at.choose("The new school needs it to keep the pupil safe")
    press_and_look(looker, "Seal and save")
    follow_and_look(looker, re.compile("Edit the note"))
    looker.go(f"{base}/attachments")
    press_and_look(looker, "Seal and save")
    looker.go(f"{base}/withheld")
    press_and_look(looker, "Add to the list")
    at.fill("What do you leave out?", "A letter of a neighbour")
    at.choose("It is personal data about somebody else")
    press_and_look(looker, "Add to the list")
    looker.go(f"{base}/pupil")
    at.fill("Forename", "")
    press_and_look(looker, "Save")
    looker.go(base)
    looker.go(f"{base}/check")
    press_and_look(looker, "Send the file")
    looker.go("/confirm-password")
    press_and_look(looker, "Continue")
    looker.go("/choose-place")
    looker.go("/transfers?status=sent")
    follow_and_look(looker, re.compile("^PT-"))
    press_and_look(looker, "Withdraw")


def open_and_send_back(looker: Looker, others: OtherPeople) -> None:
    """Open a file, begin to acknowledge it, and find that it was meant for another school."""
    at = looker.at
    looker.go("/inbox/nils")
    press_and_look(looker, "Acknowledge those chosen")
    looker.go("/inbox")
    row = at.page.get_by_role("row", name=re.compile("Race Leys Junior School")).first
    reference = row.get_by_role("link").first.inner_text()
    follow_and_look(looker, reference)
    press_and_look(looker, "Open the file")
    with at.page.expect_navigation(url=re.compile("/contents")):
        open_file(at, reference)
    looker.look()
    press_and_look(looker, "Acknowledge", "Acknowledge")
    looker.go(f"/transfers/{reference}/send-back")
    press_and_look(looker, "Send it back")
    at.choose("It was meant for another school")
    press_and_look(looker, "Send it back")
    fiona = Looker(others("fiona.kettle@"), looker.endpoint_of, looker.built, looker.faults, looker.seen, looker.paths)
    fiona.go("/")
    fiona.go(f"/transfers/{reference}")
    fiona.go(f"/transfers/{reference}/breach")
    press_and_look(fiona, "Save")
    fiona.go(f"/transfers/{reference}/returned")
    fiona.go(f"/transfers/{reference}/redirect?q=park+lane")
    press_and_look(fiona, "Send again")
    assert fiona.at.complaints == []


def oversee(looker: Looker, others: OtherPeople) -> None:
    """Ask for a name, filter, make mistakes, ask the custodians for help."""
    at = looker.at
    looker.go("/authority?show=quiet")
    looker.go("/authority?period=sometimes", status=422)
    looker.go("/authority/people?q=race")
    looker.go("/authority/people/schools/138431")
    press_and_look(looker, "Send the invitation")
    for address, button in (
        ("/authority/people/invite", "Send the invitation"),
        ("/authority/recovery/custodians/new", "Record"),
        ("/authority/calendar/terms/new", "Add"),
        ("/authority/calendar/closures/new", "Add"),
        ("/authority/recovery", "Bring it in"),
    ):
        looker.go(address)
        press_and_look(looker, button)
    looker.go("/authority/settings/clocks/in_year")
    at.fill("How many days?", "many")
    press_and_look(looker, "Save")
    looker.go("/authority?show=all")
    reference = at.page.locator("a.app-late").first.get_attribute("href")
    looker.go(str(reference))
    follow_and_look(looker, re.compile("^PT-"))
    follow_and_look(looker, re.compile("Show the pupil.s name"))
    press_and_look(looker, "Show the name")
    at.choose("A complaint")
    press_and_look(looker, "Show the name")
    in_the_database(at, "UPDATE school SET status = 'Closed' WHERE urn = '138431'")
    looker.go("/authority/conversions")
    looker.go("/authority/conversions/138431")
    ask_for_a_school(looker, others("dominic.achebe@"))


def ask_for_a_school(looker: Looker, officer: Visitor) -> None:
    """Ask the custodians' help for a school whose key nobody holds any more; another officer looks at the request."""
    at = looker.at
    in_the_database(
        at,
        "DELETE FROM key_grant WHERE grantee_kind = 'person' AND school_epoch_id IN "
        "(SELECT e.id FROM school_epoch e JOIN school s ON s.id = e.school_id WHERE s.urn = '140004')",
    )
    looker.go("/authority/recovery/schools/140004")
    press_and_look(looker, "Ask for help")
    at.choose("Joanne Tranter")
    at.choose(re.compile(r"^\s*Every safeguarding lead of the authority is told"))
    press_and_look(looker, "Ask for help")
    dominic = Looker(officer, looker.endpoint_of, looker.built, looker.faults, looker.seen, looker.paths)
    dominic.go(at.path)
    press_and_look(dominic, "Approve")
    assert officer.complaints == []


def approve(looker: Looker, others: OtherPeople) -> None:
    """An officer tries to approve this person without a call, then does; the key is made."""
    dominic = Looker(
        others("dominic.achebe@"), looker.endpoint_of, looker.built, looker.faults, looker.seen, looker.paths
    )
    dominic.go("/authority/recovery/schools/137767")
    dominic.go("/authority/approvals")
    follow_and_look(dominic, re.compile("Check Eleanor Voss"))
    press_and_look(dominic, "Approve")
    dominic.at.fill("Whom did you speak with?", "Mrs Ames in the office")
    dominic.at.choose(re.compile(r"^\s*I telephoned the school"))
    press_and_look(dominic, "Approve")
    looker.go("/")
    follow_and_look(looker, "make your school’s key")
    press_and_look(looker, "Make the key")
    looker.go("/")
    assert dominic.at.complaints == []


def give_the_key(looker: Looker, others: OtherPeople) -> None:
    """Begin to give a colleague the key, without having compared the words."""
    looker.go("/people")
    follow_and_look(looker, re.compile("Give the key"))
    press_and_look(looker, "Give the key")
    looker.at.choose(re.compile("In person"))
    looker.at.choose(re.compile("All eight words"))
    in_the_database(looker.at, "UPDATE sign_in_session SET password_given_at = password_given_at - 7200000000")
    press_and_look(looker, "Give the key")
    looker.at.page.get_by_label("Password", exact=True).fill(PASSWORD_OF_ALL)
    press_and_look(looker, "Continue")


def in_the_database(at: Visitor, statement: str, *values: object) -> None:
    """Change what no page can: the time that has gone by, or the national register."""
    with contextlib.closing(sqlite3.connect(at.demonstration.folder / "transfer.db", timeout=20)) as connection:
        connection.execute(statement, values)
        connection.commit()


def ask_the_custodians(looker: Looker, others: OtherPeople) -> None:
    """Find that nothing can be asked for."""
    looker.go("/people/recovery")


WALKS: dict[str, Walk] = {
    "nobody": Walk(None, arrive),
    "a lead who sends": Walk("harriet.osborne@", start_a_transfer),
    "a lead who receives": Walk("naomi.fletcher@", open_and_send_back),
    "a lead whose deputy waits": Walk("marcus.bell@", give_the_key),
    "an office": Walk("beth.lowry@"),
    "a head teacher": Walk("gareth.pugh@", ask_the_custodians),
    "a Head of Service": Walk("philippa.garnett@", oversee),
    "an officer": Walk("callum.fairbairn@"),
    "an administrator": Walk("morgan.tilley@"),
    "a lead who waits": Walk("eleanor.voss@", approve),
}
