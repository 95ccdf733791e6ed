"""Templates fail on a name that does not exist, and say dates as people do."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from flask import Flask, render_template_string
from jinja2 import UndefinedError

from tests.shell import services_with, settings_in
from transfer_service.app import create_app


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    settings = settings_in(tmp_path)
    return create_app(settings, services_with(settings))


def write(app: Flask, template: str, **names: object) -> str:
    # A bare template, since a whole page asks who is signed in.
    return app.jinja_env.from_string(template).render(names)


@pytest.mark.parametrize(
    "template",
    [
        "{{ pupl }}",
        "{% if pupl %}x{% endif %}",
        "{% for one in pupl %}x{% endfor %}",
        "{{ pupl | length }}",
        "{{ pupl == 1 }}",
        "{{ day.yeer }}",
        "{% if day.yeer %}x{% endif %}",
    ],
)
def test_a_name_that_does_not_exist_fails(app: Flask, template: str) -> None:
    with pytest.raises(UndefinedError):
        write(app, template, day=date(2026, 9, 3))


def test_an_absent_option_of_a_macro_is_no_failure(app: Flask) -> None:
    assert write(app, "{{ 'yes' if options.classes else 'no' }}{{ options.classes }}", options={}) == "no"
    assert write(app, "{{ options.a == undefined }} {{ options.a is none }}", options={}) == "True False"
    assert write(app, "{{ options.a | length }}{% for a in options.a %}x{% endfor %}", options={}) == "0"


def test_what_comes_from_people_is_escaped(app: Flask) -> None:
    with app.test_request_context():
        app.preprocess_request()
        assert render_template_string("{{ name }}", name="<b>&") == "&lt;b&gt;&amp;"


def test_dates_and_times_are_those_of_england(app: Flask) -> None:
    summer = datetime(2026, 9, 3, 23, 30, tzinfo=UTC)

    assert write(app, "{{ x | day }}", x=date(2026, 9, 3)) == "3 September 2026"
    assert write(app, "{{ x | day }}", x=summer) == "4 September 2026"
    assert write(app, "{{ x | moment }}", x=summer) == "4 September 2026 at 00:30"
    assert write(app, "{{ x | clock }}", x=datetime(2026, 1, 5, 9, 5, tzinfo=UTC)) == "09:05"
    assert write(app, "{{ x | day }}{{ x | moment }}{{ x | clock }}", x=None) == ""


def test_lines_that_hold_a_statement_alone_leave_no_trace(app: Flask) -> None:
    assert write(app, "a\n  {% if true %}\nb\n  {% endif %}\nc") == "a\nb\nc"
