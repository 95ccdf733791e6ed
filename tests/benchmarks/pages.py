"""Requests through the whole application, in this process, beside the same through bare Flask."""

from flask import Flask
from sqlalchemy import text

from tests.benchmarks.measuring import Bench, Figure, benchmark, microseconds_each
from tests.shell import environ, settings_in
from transfer_service.app import create_app
from transfer_service.db.migrate import upgrade
from transfer_service.db.session import Database

LAYOUT = (
    "<!doctype html><title>{{ title }}</title><main><h1>{{ title }}</h1>"
    "{% for one in parts %}<p>{{ one }}</p>{% endfor %}</main>"
)


def milliseconds(each: Figure) -> Figure:
    return Figure(each.value / 1000, "ms")


@benchmark("a public page", floor="bare Flask, one template of the same length")
def public_page(bench: Bench) -> tuple[Figure, Figure]:
    folder = bench.folder / "page"
    folder.mkdir()
    client = create_app(settings_in(folder, LOG_LEVEL="error")).test_client()
    page = client.get("/privacy")
    assert page.status_code == 200
    parts = [f"{number:080}" for number in range(len(page.data) // 88)]
    bare = Flask("bare")

    @bare.get("/")
    def show() -> str:
        return template.render(title="Privacy", parts=parts)

    template = bare.jinja_env.from_string(LAYOUT)
    other = bare.test_client()
    return (
        milliseconds(microseconds_each(lambda: client.get("/privacy"), calls=100)),
        milliseconds(microseconds_each(lambda: other.get("/"), calls=100)),
    )


@benchmark("asking whether the service is ready, SQLite", floor="bare Flask, SELECT 1 through SQLAlchemy")
def ready(bench: Bench) -> tuple[Figure, Figure]:
    folder = bench.folder / "ready"
    folder.mkdir()
    url = environ(folder)["TRANSFER_SERVICE_DATABASE_URL"]
    upgrade(url)
    client = create_app(settings_in(folder, LOG_LEVEL="error")).test_client()
    assert client.get("/ready").status_code == 200
    database = Database(url)
    bare = Flask("bare")

    @bare.get("/")
    def answer() -> dict[str, str]:
        with database.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        return {"status": "ready"}

    other = bare.test_client()
    figures = (
        milliseconds(microseconds_each(lambda: client.get("/ready"), calls=100)),
        milliseconds(microseconds_each(lambda: other.get("/"), calls=100)),
    )
    database.dispose()
    return figures
