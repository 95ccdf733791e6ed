"""What the documents tell an operator to type and to configure fits the program."""

import re
import shlex
from pathlib import Path

import click
import pytest

from config.settings import ALL_SETTINGS, PREFIX
from tests.shell import close_databases, services_with, settings_in
from transfer_service.app import LARGEST_FORM, create_app
from transfer_service.cli.exits import REFUSED, USAGE
from transfer_service.cli.root import root
from transfer_service.cli.serving import STOPS_WITHIN_SECONDS
from transfer_service.domain.notes import MAX_ATTACHMENT_BYTES
from transfer_service.web.guard import access_registry
from transfer_service.web.school.attaching import MOST_AT_ONCE, ROOM_FOR_HEADERS
from transfer_service.web.uploads import MOST_READ_PAST

DOCUMENTS = [Path("README.md"), *sorted(Path("docs").glob("*.md"))]
DEPLOYMENT = Path("docs/deploy.md").read_text(encoding="utf-8")
UNITS = {"m": 1024**2, "g": 1024**3}
LIMIT = r"client_max_body_size (\d+)([mg]);"
TYPED = re.compile(r"(?:^|[`\s(/])transfer-service((?: [^`\n|#;>&]+)?)")


def find_command(words: list[str]) -> tuple[click.Command, list[str]]:
    """Follow words to a command as far as they name groups; returns it with the words that are left."""
    found: click.Command = root
    context = click.Context(root)
    while isinstance(found, click.Group) and words and not words[0].startswith("-"):
        inner = found.get_command(context, words[0])
        assert inner is not None, f"there is no command {words[0]}"
        found, words = inner, words[1:]
    return found, words


def lines_of(document: Path) -> list[str]:
    """Every command line in code, with continued lines put together."""
    text = document.read_text(encoding="utf-8").replace("\\\n", " ")
    code = [
        *re.findall(r"```\w*\n(.*?)```", text, re.DOTALL),
        *re.findall(r"`([^`\n]+)`", text),
        *re.findall(r"^ {4,}(\S.*)$", text, re.MULTILINE),
    ]
    return [found[1] for part in code for found in TYPED.finditer(part)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_and_option_in_a_document_exists(document: Path) -> None:
    for line in lines_of(document):
        command, rest = find_command(shlex.split(line.strip(" …").replace("'", "")))
        known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
        options = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert options <= known, f"transfer-service{line}"


def test_every_setting_in_the_deployment_page_exists() -> None:
    named = {name.removesuffix("_FILE").lower() for name in re.findall(rf"{PREFIX}([A-Z_]+)=", DEPLOYMENT)}
    assert named
    assert named <= ALL_SETTINGS


def test_the_proxy_lets_the_largest_form_and_the_largest_upload_through() -> None:
    forms, uploads = (int(number) * UNITS[unit] for number, unit in re.findall(LIMIT, DEPLOYMENT))
    assert forms == LARGEST_FORM
    assert MOST_AT_ONCE * MAX_ATTACHMENT_BYTES + ROOM_FOR_HEADERS <= uploads <= MOST_READ_PAST
    # What is larger than the buffer lies in a file of the proxy's.
    assert int(re.search(r"client_body_buffer_size (\d+)m;", DEPLOYMENT)[1]) * UNITS["m"] == forms


def test_the_proxy_passes_uploads_on_unbuffered_and_nothing_else(tmp_path: Path) -> None:
    unbuffered = re.compile(re.search(r'location ~ "(.+)"', DEPLOYMENT)[1])
    app = create_app(settings_in(tmp_path), services_with(settings_in(tmp_path)))
    addresses = {
        re.sub(r"<[^>]+>", "x", rule.rule): access_registry(app)[rule.endpoint].streamed
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ())
    }
    close_databases()
    assert any(addresses.values())
    assert {address: bool(unbuffered.search(address)) for address in addresses} == addresses


def test_the_unit_lets_the_service_finish_and_starts_no_refusal_again() -> None:
    assert int(re.search(r"TimeoutStopSec=(\d+)", DEPLOYMENT)[1]) > STOPS_WITHIN_SECONDS
    assert re.search(r"RestartPreventExitStatus=(.*)", DEPLOYMENT)[1].split() == [str(USAGE), str(REFUSED)]
