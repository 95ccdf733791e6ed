"""Every form control is valid HTML, tied to its label, hint and error, and works under the content policy."""

import io
from pathlib import Path

import pytest
from flask import Blueprint, Flask, redirect, render_template_string, request
from werkzeug.wrappers import Response

from tests.html import parse_page, text_of
from tests.shell import client_of, person, services_with, settings_in, sign_in
from transfer_service import app as composition
from transfer_service.app import create_app
from transfer_service.domain.permissions import Permission
from transfer_service.domain.transfer import Status
from transfer_service.web import access
from transfer_service.web.forms import Form, filled
from transfer_service.web.notices import declare_notice, leave_notice

GALLERY = """
{% extends "layout.html" %}
{% import "macros/forms.html" as forms %}
{% import "macros/display.html" as show %}
{% set title = "Gallery" %}
{% set back = "/accessibility" %}
{% set kinds = (("in_year", "In-year"), {"value": "phase", "text": "Phase", "hint": "Year 3 or 7"}) %}
{% set scripts = ["autocomplete.js"] %}
{% block content %}
<h1 class="govuk-heading-l">Gallery</h1>
{% call forms.start() %}
  {{ forms.text(form, "surname", "Surname", hint="As on the birth certificate", width=20, autocomplete="off") }}
  {{ forms.password(form, "password", "Password") }}
  {{ forms.code(form, "one_time_code", "Code from your app") }}
  {{ forms.textarea(form, "text", "Note", limit=5000) }}
  {{ forms.textarea(form, "why", "Why it is shared") }}
  {{ forms.date(form, "leaving_on", "Leaving date", hint="For example, 3 9 2026") }}
  {{ forms.radios(form, "kind", "Kind of move", kinds) }}
  {{ forms.yes_no(form, "urgent", "Is it urgent?") }}
  {{ forms.checkboxes(form, "reasons", "Reasons", (("a", "One"), ("b", "Two"))) }}
  {{ forms.confirm(form, "sure", "I have checked the paper records") }}
  {{ forms.select(form, "school", "School", (("1", "Oak Lane"), ("2", "Elm Road")), search=true) }}
  {{ forms.submit("Save and continue") }}
  {{ forms.submit("Discard", kind="warning", name="act", value="discard") }}
{% endcall %}
{% call forms.start(action="/gallery/upload", upload=true, id="upload") %}
  {{ forms.file(form, "attachment", "Upload a file", hint="PDF, up to 25 MB", accept=".pdf") }}
  {{ forms.submit("Upload") }}
{% endcall %}
{{ forms.link_button("Start", "/accessibility") }}
{% call show.table("Transfers", ["Reference", "State", {"text": "Files", "numeric": true}]) %}
  <tr class="govuk-table__row">
    <th class="govuk-table__header" scope="row">{{ show.reference("PT-7F3K-92Q4", href="/accessibility") }}</th>
    <td class="govuk-table__cell">{% for one in statuses %}{{ show.status(one) }} {% endfor %}</td>
    <td class="govuk-table__cell govuk-table__cell--numeric">3</td>
  </tr>
{% endcall %}
{% call show.summary() %}
  {{ show.row("Pupil", "Ó <b>") }}
  {{ show.row("Leaving", show.day(form.day), change="/accessibility", what="the leaving date") }}
{% endcall %}
{{ show.band("Late", "late") }}
{{ show.warning("Check the name") }}
{% call show.inset() %}<p>Inset</p>{% endcall %}
{{ show.copyable("abc def", "the words", "words") }}
{{ show.print_button() }}
{{ show.next_page("/accessibility?after=1") }}
{% endblock %}
"""

gallery = Blueprint("gallery", __name__)
SAVED = declare_notice("gallery-saved", "It was saved.")


class GalleryForm(Form):
    day = None


@gallery.get("/gallery")
@access.signed_in
def page() -> str:
    return render_template_string(GALLERY, form=GalleryForm(), statuses=list(Status))


@gallery.post("/gallery")
@access.signed_in
def post() -> Response:
    leave_notice(SAVED)
    return redirect("/gallery", 303)


@gallery.get("/gallery/wrong")
@access.signed_in
def wrong() -> tuple[str, int]:
    names = ("surname", "password", "one_time_code", "text", "why", "leaving_on", "kind", "urgent", "reasons")
    form = filled({"surname": 'O"Neill<', "reasons": ["a"], "urgent": True, "kind": "phase", "school": "2"})
    form = GalleryForm({**form.values, "leaving_on-day": ("31",)}, {})
    form = form.with_errors({name: [f"Problem with {name}"] for name in (*names, "sure", "school", "attachment")})
    return render_template_string(GALLERY, form=GalleryForm(form.values, form.errors), statuses=[]), 422


@gallery.post("/gallery/upload")
@access.requires(Permission.DISPATCH_DRAFT, streamed=True)
def upload() -> Response:
    return Response(f"{len(request.get_data())} bytes", mimetype="text/plain")


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(composition, "BLUEPRINTS", (*composition.BLUEPRINTS, gallery))
    settings = settings_in(tmp_path)
    return create_app(settings, services_with(settings, find_session=lambda token, request_id: person()))


def test_every_control_is_well_made(app: Flask) -> None:
    client = client_of(app)
    sign_in(client)

    page = client.page("/gallery")

    assert next(page.iter("title")).text == "Gallery – Pupil file transfer"
    assert [one.text for one in page.iter("caption")] == ["Transfers"]
    assert "Ó <b>" in text_of(page, "dl")
    assert [one.get("value") for one in page.iter("option")] == ["", "1", "2"]


def test_every_control_with_an_error_is_tied_to_it(app: Flask) -> None:
    client = client_of(app)
    sign_in(client)

    page = client.page("/gallery/wrong", status=422)

    assert (next(page.iter("title")).text or "").startswith("Error: Gallery")
    summary = next(one for one in page.iter("div") if one.get("class") == "govuk-error-summary")
    links = [(one.get("href"), one.text) for one in summary.iter("a")]
    assert ("#surname", "Problem with surname") in links
    assert ("#leaving_on-day", "Problem with leaving_on") in links
    assert len(links) == 12
    surname = next(one for one in page.iter("input") if one.get("id") == "surname")
    assert surname.get("value") == 'O"Neill<'
    assert (surname.get("aria-describedby") or "").split() == ["surname-hint", "surname-error"]
    ticked = {one.get("value") for one in page.iter("input") if one.get("checked") is not None}
    assert ticked == {"yes", "phase", "a"}
    assert [one.get("value") for one in page.iter("option") if one.get("selected") is not None] == ["2"]


def test_a_form_posts_redirects_and_says_once_what_was_done(app: Flask) -> None:
    client = client_of(app)
    sign_in(client)

    response = client.post_form("/gallery")

    assert (response.status_code, response.headers["Location"]) == (303, "/gallery")
    assert "It was saved." in text_of(client.page("/gallery"), "main")
    assert "It was saved." not in text_of(client.page("/gallery"), "main")


def test_an_upload_carries_its_token_in_the_address(app: Flask) -> None:
    client = client_of(app)
    sign_in(client)
    form = next(one for one in client.page("/gallery").iter("form") if one.get("id") == "upload")

    response = client.post(form.get("action") or "", data=b"x" * 1_500_000, content_type="application/octet-stream")

    assert response.text == "1500000 bytes"


def test_an_upload_without_a_token_is_refused_with_its_body_unread(app: Flask) -> None:
    client = client_of(app)
    sign_in(client)
    client.page("/gallery")

    class Unread(io.BytesIO):
        """A body that fails when it is read."""

        def read(self, size: int | None = -1) -> bytes:
            raise AssertionError("the body was read")

    response = client.post(
        "/gallery/upload", input_stream=Unread(b"ten bytes."), content_type="multipart/form-data; boundary=x"
    )

    assert response.status_code == 400
    assert "The page was out of date" in text_of(parse_page(response.data), "h1")


def test_an_attachment_above_the_limit_is_refused(app: Flask) -> None:
    client = client_of(app)
    sign_in(client)
    form = next(one for one in client.page("/gallery").iter("form") if one.get("id") == "upload")

    response = client.post(form.get("action") or "", input_stream=io.BytesIO(bytes(27 * 1024 * 1024)))

    assert response.status_code == 413
    assert text_of(parse_page(response.data), "h1") == "What you sent is too large"
