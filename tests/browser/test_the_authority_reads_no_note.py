"""The Head of Service's browser asks for every address that there is, about real files, and is shown no content."""

import re
import sqlite3
from pathlib import Path
from uuid import UUID

import pytest
from werkzeug.routing import Rule

from tests.browser.conftest import ContextFactory
from tests.browser.visiting import visitor
from tests.demonstration import Demonstration
from transfer_service.app import create_app
from transfer_service.demo.moves import MOVES
from transfer_service.demo.notes import NOTES
from transfer_service.web.current import EXTENSION

# A name is shown for a reason that is logged: it is no content, and the other addresses must not show it.
SHOWS_A_NAME = re.compile(r"^/authority/transfers/PT-[0-9A-Z-]+/name")
LEAVES = ("/sign-out", "/demo")

pytestmark = pytest.mark.slow


def files_of(demonstration: Demonstration) -> list[tuple[str, list[str]]]:
    """A reference and the items of one file in each state."""
    connection = sqlite3.connect(demonstration.folder / "transfer.db")
    try:
        rows = connection.execute(
            "SELECT t.reference, d.id FROM dispatch d JOIN transfer t ON t.id = d.transfer_id"
            " WHERE d.kind = 'file' GROUP BY d.status"
        ).fetchall()
        items = "SELECT item_id FROM dispatch_item WHERE dispatch_id = ?"
        return [(reference, [ids(row[0]) for row in connection.execute(items, (one,))]) for reference, one in rows]
    finally:
        connection.close()


def ids(value: object) -> str:
    """An id as addresses write it."""
    return str(UUID(bytes=value) if isinstance(value, bytes) else UUID(str(value)))


def addresses(rules: list[Rule], reference: str, items: list[str]) -> set[str]:
    """Every address about this file, and every other address once."""
    made = set()
    for rule in rules:
        for item in items or ["00000000-0000-7000-8000-000000000000"]:
            filled = re.sub(r"<uuid:\w+>", item, rule.rule.replace("<reference>", reference))
            made.add(re.sub(r"<int:\w+>", "1", re.sub(r"<(?:string:|path:)?\w+>", "1", filled)))
    return made


def test_no_address_shows_the_head_of_service_what_a_file_says(
    service: str, demonstration: Demonstration, context_factory: ContextFactory, tmp_path: Path
) -> None:
    app = create_app(demonstration.settings())
    app.extensions[EXTENSION].database.dispose()
    rules = [rule for rule in app.url_map.iter_rules() if not rule.rule.startswith(LEAVES)]
    readable = [rule for rule in rules if "GET" in (rule.methods or ())]
    written = [rule for rule in rules if "POST" in (rule.methods or ())]
    philippa = visitor(context_factory(), service, demonstration)
    philippa.sign_in("philippa.garnett@")
    token = philippa.page.locator('input[name="csrf_token"]').first.input_value()
    secrets = [text for _, text in NOTES] + ["grandmother", "adrenaline", "Review meeting.pdf", "Drawing.png"]
    names = [move.surname for move in MOVES]

    shown, answered = [], 0
    for number, (reference, items) in enumerate(files_of(demonstration)):
        asked = [rule for rule in readable if number == 0 or "<reference>" in rule.rule]
        for address in sorted(addresses(asked, reference, items)):
            answer = philippa.page.request.get(service + address, max_redirects=0)
            body = (
                answer.text() if "text" in answer.headers.get("content-type", "") else answer.body().decode("latin-1")
            )
            looked_for = secrets if SHOWS_A_NAME.match(address) else secrets + names
            shown += [(address, secret) for secret in looked_for if secret in body]
            answered += 1
        for address in sorted(addresses([rule for rule in written if "<reference>" in rule.rule], reference, items)):
            if SHOWS_A_NAME.match(address):
                continue
            answer = philippa.page.request.post(
                service + address,
                form={"csrf_token": token, "statement_version": "joining/1", "confirmed": "yes"},
                headers={"Sec-Fetch-Site": "same-origin", "Origin": service},
                max_redirects=0,
            )
            shown += [(address, secret) for secret in secrets + names if secret in answer.body().decode("latin-1")]
            assert answer.status in {400, 403, 404, 409, 422}, address
            answered += 1

    assert shown == []
    assert answered > 200
    for reference, _ in files_of(demonstration):
        assert philippa.page.request.get(f"{service}/transfers/{reference}/contents").status in {403, 404}
