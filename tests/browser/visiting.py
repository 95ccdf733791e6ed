"""Somebody at a browser: signs in, fills forms in by their labels, and notes whatever the browser complains about."""

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from tests.demonstration import Demonstration, code_of

# Chromium says this itself for every answer of 400 or more, which tests provoke on purpose.
FAILED_LOAD = "Failed to load resource"


def days_ago(days: int) -> str:
    """A day as people type it: the service counts from the day on which the test runs."""
    day = date.today() - timedelta(days=days)  # noqa: DTZ011 - as the browser's user would
    return f"{day.day} {day.month} {day.year}"


@dataclass
class Visitor:
    """One person's browser at the service."""

    page: Page
    address: str
    demonstration: Demonstration
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        def listen(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"} and not message.text.startswith(FAILED_LOAD):
                self.complaints.append(f"{self.page.url}: {message.text}")

        self.page.on("console", listen)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))

    def go(self, path: str) -> int:
        """Go to a page; its status."""
        answer = self.page.goto(self.address + path)
        assert answer is not None
        return answer.status

    def sign_in(self, begins: str) -> None:
        """Sign in as whoever's address begins like this."""
        person = self.demonstration.person(begins)
        self.go("/sign-in")
        self.page.get_by_label("Email address").fill(person["email"])
        self.page.get_by_label("Password", exact=True).fill(person["password"])
        self.press("Continue")
        self.page.get_by_label("6-digit code").fill(code_of(person))
        self.press("Sign in")
        expect(self.page.get_by_text("Signed in as")).to_be_visible()

    def fill(self, label: str, text: str) -> None:
        """Fill in a field, once the page's scripts have made of it what they will."""
        self.page.wait_for_load_state()
        self.page.get_by_label(label, exact=True).fill(text)

    def fill_date(self, legend: str, text: str) -> None:
        """Fill in a date written as `6 7 2009`."""
        group = self.page.get_by_role("group", name=legend)
        for part, value in zip(("Day", "Month", "Year"), text.split(), strict=True):
            group.get_by_label(part).fill(value)

    def choose(self, label: str | re.Pattern[str]) -> None:
        """Tick a box or choose one of several."""
        self.page.get_by_label(label).check()

    def press(self, name: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str | re.Pattern[str]) -> None:
        """Follow the first link of this name."""
        self.page.get_by_role("link", name=name).first.click()

    @property
    def path(self) -> str:
        return self.page.url.removeprefix(self.address)

    @property
    def text(self) -> str:
        """What the page's main part says."""
        return self.page.locator("main").inner_text()


def visitor(context: BrowserContext, address: str, demonstration: Demonstration) -> Visitor:
    return Visitor(context.new_page(), address, demonstration)


def record_transfer(sender: Visitor, pupil: dict[str, Any], *, to: str, leaving_on: str) -> str:
    """Go through the steps of a new transfer to the school whose name begins with `to`; returns its reference."""
    sender.go("/transfers/new")
    sender.fill("Forename", pupil["forename"])
    sender.fill("Surname", pupil["surname"])
    sender.fill_date("Date of birth", pupil["born"])
    sender.fill("UPN (if you know it)", pupil["upn"])
    sender.press("Continue")
    if sender.path.endswith("/upn"):
        sender.choose("It is right: keep it as it is")
        sender.press("Continue")
    sender.choose("In-year move")
    sender.fill_date("When does the pupil leave your school?", leaving_on)
    sender.press("Continue")
    choose_school(sender, to)
    sender.press("Continue")
    expect(sender.page.get_by_role("heading", level=1)).to_have_text("Check the details")
    sender.press("Record the transfer")
    return reference_in(sender)


def choose_school(sender: Visitor, name: str) -> None:
    """Search for a school with the Enter key, with scripts or without, and choose it."""
    sender.fill("Name, town, postcode or URN", name)
    sender.page.get_by_label("Name, town, postcode or URN").press("Enter")
    sender.choose(re.compile(rf"^\s*{name}"))


def reference_in(at: Visitor) -> str:
    found = re.search(r"PT-[0-9A-Z]{4}-[0-9A-Z]{4}", at.path)
    assert found, at.path
    return found[0]


def write_note(sender: Visitor, reference: str, *, category: str, dated_on: str, text: str) -> None:
    """Write one note into a draft."""
    sender.go(f"/transfers/{reference}/notes/new")
    sender.choose(category)
    sender.fill_date("Date of the note", dated_on)
    sender.fill("Note", text)
    sender.choose("The new school needs it to keep the pupil safe")
    sender.press("Seal and save")
    expect(sender.page.get_by_text(text)).to_be_visible()


def send(sender: Visitor, reference: str) -> None:
    sender.go(f"/transfers/{reference}/check")
    sender.choose(re.compile(r"^\s*This is the whole safeguarding file"))
    sender.press("Send the file")


def open_file(receiver: Visitor, reference: str) -> None:
    receiver.go(f"/transfers/{reference}/cover")
    receiver.choose(re.compile(r"^\s*The pupil on this cover sheet is joining"))
    receiver.press("Open the file")


def acknowledge(receiver: Visitor, reference: str) -> None:
    receiver.go(f"/transfers/{reference}/acknowledge")
    for legend in ("Have you told the SENCO", "Have you told the staff"):
        receiver.page.get_by_role("group", name=re.compile(legend)).get_by_label("Yes").check()
    receiver.choose(re.compile(r"^\s*I am a designated safeguarding lead"))
    receiver.press("Acknowledge")
