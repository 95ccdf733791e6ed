"""A test client that fails on a page that is not well made: malformed, or with parts that do not meet."""

import re
from collections import Counter
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

REFERRING = ("for", "aria-describedby", "aria-labelledby", "aria-controls", "list", "form")


class MalformedPage(AssertionError):
    """A page is not valid where it must be."""


def parse_page(markup: bytes | str) -> Element:
    """The page as a tree without namespaces; raises MalformedPage for the first error of the HTML parser."""
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), strict=True, namespaceHTMLElements=False)
    try:
        tree: Element = parser.parse(markup)
    except html5lib.html5parser.ParseError as error:
        line = parser.errors[-1][0][0] if parser.errors else 0
        raise MalformedPage(f"line {line}: {error}") from error
    return tree


def check_page(tree: Element) -> None:
    """Insist on a title, one h1, the landmarks, unique ids, and ids that are referred to being there."""
    titles = [one.text or "" for one in tree.iter("title")]
    if len(titles) < 1 or not titles[0].strip():
        raise MalformedPage("the page has no title")
    if tree.get("lang") != "en":
        raise MalformedPage("the page does not say that it is in English")
    for landmark in ("h1", "main", "header", "footer"):
        count = sum(1 for _ in tree.iter(landmark))
        if count != 1:
            raise MalformedPage(f"the page has {count} of {landmark}, not one")
    repeated = [
        name for name, count in Counter(one.get("id") for one in tree.iter() if one.get("id")).items() if count > 1
    ]
    if repeated:
        raise MalformedPage(f"more than one part has the id {repeated[0]}")
    _check_references(tree)
    _check_content_policy(tree)


def _check_references(tree: Element) -> None:
    ids = {one.get("id") for one in tree.iter() if one.get("id")}
    for one in tree.iter():
        for attribute in REFERRING:
            for name in (one.get(attribute) or "").split():
                if name not in ids:
                    raise MalformedPage(f"{attribute} of {one.tag} refers to {name}, which is not there")
        href = one.get("href") or ""
        if one.tag == "a" and href.startswith("#") and href[1:] not in ids:
            raise MalformedPage(f"a link leads to {href}, which is not there")
    labelled = {one.get("for") for one in tree.iter("label")}
    for kind in ("input", "select", "textarea"):
        for one in tree.iter(kind):
            hidden = one.get("type") in {"hidden", "submit", "button"} or one.get("hidden") is not None
            if not hidden and one.get("id") not in labelled and not one.get("aria-label"):
                raise MalformedPage(f"the {kind} {one.get('name')} has no label")


def _check_content_policy(tree: Element) -> None:
    for one in tree.iter():
        if one.tag == "style" or one.get("style") is not None:
            raise MalformedPage(f"{one.tag} holds a style, which the content security policy blocks")
        if one.tag == "script" and one.get("src") is None:
            raise MalformedPage("a script stands in the page, which the content security policy blocks")
        handler = next((name for name in one.keys() if str(name).startswith("on")), None)  # noqa: SIM118
        if handler:
            raise MalformedPage(f"{one.tag} has {handler}, which the content security policy blocks")


class StrictClient(FlaskClient):
    """A client of the application that checks every HTML response, and can post forms with their token."""

    def open(self, *arguments: Any, **options: Any) -> TestResponse:
        response = super().open(*arguments, **options)
        if response.mimetype == "text/html" and response.data and not 300 <= response.status_code < 400:
            check_page(parse_page(response.data))
        return response

    def page(self, address: str, status: int = 200) -> Element:
        """The tree of a page that answers with `status`."""
        response = self.get(address)
        assert response.status_code == status, f"{address} answered {response.status_code}"
        return parse_page(response.data)

    def token(self, address: str = "/accessibility") -> str:
        """The token against forged forms, from a page that has a form; else from the session that the page began."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get(address).text)
        assert found, f"no form on {address}"
        return found[1]

    def post_form(
        self, address: str, data: dict[str, Any] | None = None, *, page: str | None = None, **options: Any
    ) -> TestResponse:
        """Post a form as the browser does: with the token of the page that it stands on (by default `address`)."""
        headers = {"Sec-Fetch-Site": "same-origin", **options.pop("headers", {})}
        fields = {**(data or {}), "csrf_token": self.token(page or address)}
        return self.post(address, data=fields, headers=headers, **options)


def text_of(tree: Element, tag: str | None = None) -> str:
    """All text of the first element of this tag, or of the page, with single spaces."""
    start = next(tree.iter(tag)) if tag else tree
    return " ".join(" ".join(start.itertext()).split())
