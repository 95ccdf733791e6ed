"""Nobody is sent out of the service by an address that a request names."""

import pytest
from flask import Flask, request

from transfer_service.web.addresses import safe_path, sign_in_address


@pytest.mark.parametrize("text", ["/", "/inbox", "/transfers/PT-7F3K-92Q4?tab=items&page=2", "/x/%C3%A9"])
def test_a_path_of_this_service_is_kept(text: str) -> None:
    assert safe_path(text) == text


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "inbox",
        "/inbox\r\nSet-Cookie: a=b",
        "/@evil",
        "/" + "a" * 600,
    ],
)
def test_anything_else_leads_to_the_start_page(text: str | None) -> None:
    assert safe_path(text) == "/"


def test_the_sign_in_page_is_told_which_page_was_wanted() -> None:
    app = Flask("test")
    with app.test_request_context("/inbox?box=in"):
        assert sign_in_address(request) == "/sign-in?next=/inbox%3Fbox%3Din"
    with app.test_request_context("/"):
        assert sign_in_address(request) == "/sign-in"


def test_a_post_is_not_repeated_after_signing_in() -> None:
    with Flask("test").test_request_context("/transfers/new", method="POST"):
        assert sign_in_address(request) == "/sign-in"
