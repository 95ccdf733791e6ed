"""What people do on a school's pages, step by step, for tests."""

import re
from typing import Any
from uuid import UUID
from xml.etree.ElementTree import Element

from tests.html import StrictClient, parse_page, text_of
from tests.integration.transfers.stage import Stage
from transfer_service.db.models import Dispatch

ON_SQLITE = ("cast_and_service", ["sqlite"])
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


def attach(client: StrictClient, base: str, *files: tuple[str, bytes]) -> Any:
    """Upload files as a form without scripts does."""
    return client.post(
        f"{base}/attachments?csrf_token={client.token(f'{base}/held')}",
        data=multipart(*files),
        content_type="multipart/form-data; boundary=b0undary",
        headers={"Sec-Fetch-Site": "same-origin"},
    )


def multipart(*files: tuple[str, bytes]) -> bytes:
    """A form with files, written by hand: the test client itself would keep a large one in a temporary file."""
    parts = [
        b'--b0undary\r\nContent-Disposition: form-data; name="files"; filename="'
        + name.encode()
        + b'"\r\nContent-Type: application/octet-stream\r\n\r\n'
        + body
        + b"\r\n"
        for name, body in files
    ]
    return b"".join(parts) + b"--b0undary--\r\n"


def errors(tree: Element) -> dict[str, str]:
    """What the error summary says, by the id of the input that it leads to."""
    found = {}
    for box in tree.iter("div"):
        if "govuk-error-summary" in (box.get("class") or "").split():
            found = {(one.get("href") or "")[1:]: " ".join(one.itertext()).strip() for one in box.iter("a")}
    return found


def refused(client: StrictClient, address: str, data: dict[str, Any], *, page: str | None = None) -> dict[str, str]:
    """Post a form that must be refused, and return the errors of its page."""
    response = client.post_form(address, data, page=page)
    assert response.status_code == 422, response.status_code
    return errors(parse_page(response.data))


def reference_of(stage: Stage, dispatch_id: UUID) -> str:
    """The reference of a dispatch's transfer."""
    with stage.database.reading() as session:
        return session.get_one(Dispatch, dispatch_id).transfer.reference


def dispatch_of(stage: Stage, dispatch_id: UUID) -> Dispatch:
    """A dispatch's row as it is now."""
    with stage.database.reading() as session:
        return session.get_one(Dispatch, dispatch_id)
