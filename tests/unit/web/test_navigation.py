"""Each person is shown the pages that they may use, and no link leads nowhere."""

import pytest
from flask import Flask

from tests.shell import person
from transfer_service.domain.roles import Role
from transfer_service.web.navigation import FOOTER, PLACES, Navigation


@pytest.fixture
def navigation() -> Navigation:
    app = Flask("test", static_folder=None)
    for place in (*PLACES, *FOOTER):
        app.add_url_rule(place.address, endpoint=place.address.strip("/") or "home", view_func=lambda: "")
    return Navigation(app)


def texts(navigation: Navigation, role: Role) -> list[str]:
    return [item.text for item in navigation.items_for(person(role).actor, "/")]


def test_a_safeguarding_lead_sees_the_exchange_and_the_people(navigation: Navigation) -> None:
    expected = ["Home", "New transfer", "Inbox", "Transfers", "People", "Account"]

    assert texts(navigation, Role.DESIGNATED_SAFEGUARDING_LEAD) == expected
    assert texts(navigation, Role.DEPUTY_DSL) == expected


def test_the_office_sees_no_inbox(navigation: Navigation) -> None:
    assert texts(navigation, Role.SCHOOL_OFFICE) == ["Home", "New transfer", "Transfers", "Account"]


def test_the_authority_sees_its_own_pages(navigation: Navigation) -> None:
    expected = [
        "Compliance",
        "Approvals",
        "People",
        "Recovery key",
        "Audit",
        "Alerts",
        "Calendar",
        "Settings",
        "Account",
    ]

    assert texts(navigation, Role.HEAD_OF_SERVICE) == expected
    assert texts(navigation, Role.AUTHORITY_OFFICER) == expected


def test_the_administrator_sees_no_page_of_an_authority(navigation: Navigation) -> None:
    assert texts(navigation, Role.ADMINISTRATOR) == ["Home", "People", "Account"]


@pytest.mark.parametrize(
    ("role", "address"),
    [
        (Role.HEAD_OF_SERVICE, "/authority/people"),
        (Role.AUTHORITY_OFFICER, "/authority/people"),
        (Role.HEAD_TEACHER, "/people"),
        (Role.DEPUTY_DSL, "/people"),
        (Role.ADMINISTRATOR, "/people"),
    ],
)
def test_people_is_one_page_for_each(navigation: Navigation, role: Role, address: str) -> None:
    items = navigation.items_for(person(role).actor, "/")
    assert [item.address for item in items if item.text == "People"] == [address]


def test_nobody_sees_anything_before_signing_in(navigation: Navigation) -> None:
    assert navigation.items_for(None, "/") == ()


def test_the_nearest_place_is_marked(navigation: Navigation) -> None:
    items = navigation.items_for(person(Role.HEAD_OF_SERVICE).actor, "/authority/audit/search")

    assert [(item.text, item.current) for item in items if item.active] == [("Audit", False)]
    items = navigation.items_for(person(Role.HEAD_OF_SERVICE).actor, "/authority")
    assert [(item.text, item.active) for item in items if item.current] == [("Compliance", True)]


def test_an_address_that_the_application_has_not_is_not_linked() -> None:
    app = Flask("test", static_folder=None)
    app.add_url_rule("/account", endpoint="account", view_func=lambda: "")
    navigation = Navigation(app)

    assert [item.text for item in navigation.items_for(person().actor, "/")] == ["Account"]
    assert navigation.footer == ()
