"""What no page of ours asks with: each address, question and form answers it with a page, none with a fault of ours."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from itertools import cycle
from urllib.parse import quote
from xml.etree.ElementTree import Element

import pytest
from flask import Flask

from tests.factories import dispatch_in, draft
from tests.html import StrictClient, parse_page
from tests.integration.transfers.stage import Stage
from tests.integration.web.school.browsing import reference_of
from transfer_service.domain.transfer import Status

NONSENSE = {
    "nothing at all": "\x00",
    "a huge number": "9" * 60,
    "a cursor": f"0-{'f' * 16}-{'f' * 32}",
    "no UTF-8": b"\xed\xa0\x80\xff",
    "a turned direction": "\u202e\u2066x",
    "signs": "%'\"<&;--\\{{7*7}}",
    "a long one": "x" * 3000,
}
QUESTIONS = (
    "q", "after", "before", "number", "kind", "box", "show", "status", "next", "school", "person", "reference",
    "event", "from_on", "to_on", "period", "order", "name", "to", "later", "csrf_token", "v",
)  # fmt: skip
ELSEWHERE = {"/sign-out", "/session/extend"}
EVERYBODY = ("alma", "olive")


@pytest.fixture
def references(stage: Stage) -> list[str]:
    """A draft, and a file that was acknowledged."""
    made = [
        draft(stage, stage.alma, stage.cast.receiving),
        dispatch_in(stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora, attachments=["genogram.pdf"]),
    ]
    return [reference_of(stage, one) for one in made]


def addresses_of(app: Flask, given: str) -> Iterator[str]:
    """Every address that is asked with GET, `given` in each place that takes any text."""
    for rule in sorted(app.url_map.iter_rules(), key=str):
        if "GET" in (rule.methods or ()):
            yield re.sub(r"<(?:(\w+)[^:>]*:)?\w+>", lambda place: fill(place[1], given), rule.rule)


def fill(converter: str | None, given: str) -> str:
    """What stands in one place of an address: of its kind, else the router itself refuses it."""
    if converter in {None, "string", "path"}:
        return given
    return {"uuid": "01990000-0000-7000-8000-000000000001", "int": "9" * 40}.get(converter or "", "csv")


@pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", EVERYBODY)
def test_no_address_and_no_question_breaks_a_page(app: Flask, stage: Stage, browser, name: str):
    client, nonsense = browser(getattr(stage.cast, name)), cycle(quote(one, safe="") for one in NONSENSE.values())
    for address in addresses_of(app, "125580"):
        given = next(nonsense)
        asked = "&".join(f"{one}={given}" for one in QUESTIONS)
        assert client.get(f"{address}?{asked}").status_code < 500, (address, given)
    for given in map(quote, NONSENSE.values()):
        for address in {one for one in addresses_of(app, given) if given in one}:
            assert client.get(address).status_code < 500, address


@pytest.mark.parametrize("cast_and_service", ["postgresql"], indirect=True)
@pytest.mark.parametrize("name", EVERYBODY)
def test_no_form_is_broken_by_what_is_typed_into_it(
    app: Flask, stage: Stage, browser, references: list[str], name: str
):
    client, seen = browser(getattr(stage.cast, name)), set()
    nonsense = cycle(one for one in NONSENSE.values() if isinstance(one, str))
    for reference in [*references, "125580"]:
        for address in addresses_of(app, reference):
            response = client.get(address)
            if response.status_code == HTTPStatus.OK and response.mimetype == "text/html":
                for action, names in forms_of(parse_page(response.data), address):
                    if (action, names) not in seen and action not in ELSEWHERE:
                        seen.add((action, names))
                        given = next(nonsense)
                        assert type_into(client, action, names, given) < 500, (action, given)
    assert len(seen) > 10


def forms_of(page: Element, address: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for form in page.iter("form"):
        if (form.get("method") or "").lower() == "post" and form.get("enctype") is None:
            names = {one.get("name") or "" for tag in ("input", "textarea", "select") for one in form.iter(tag)}
            yield form.get("action") or address, tuple(sorted(names - {"", "csrf_token"}))


def type_into(client: StrictClient, action: str, names: tuple[str, ...], text: str) -> int:
    return client.post_form(action, dict.fromkeys(names, text), page="/accessibility").status_code
