"""The README says what is true: its tables come from the code, and the files and commands it names exist."""

import re
from pathlib import Path

import pytest

from tests.architecture.readme import README, SECTIONS, section

ROOT = README.parent
TEXT = README.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SECTIONS)
def test_the_tables_are_those_of_the_code(name):
    assert section(name, TEXT).strip() == SECTIONS[name]().strip(), "run python -m tests.architecture.readme"


def test_every_file_that_the_readme_links_to_exists():
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", TEXT)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_folder_of_the_map_exists_and_every_folder_is_on_the_map():
    mapped = set(re.findall(r"^(\w+)/(?: |$)", section("map", TEXT), re.MULTILINE))
    inner = set(re.findall(r"^  (\w+)/ ", section("map", TEXT), re.MULTILINE))
    top = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()} | {"tests", "docs"}
    assert mapped == top
    assert inner == {path.parent.name for path in (ROOT / "transfer_service").glob("*/__init__.py")}


def test_every_test_that_the_threat_table_names_exists():
    named = set(re.findall(r"`(tests/[\w/]+(?:\.py)?)`", TEXT))
    assert named
    assert [name for name in sorted(named) if not Path(ROOT / name).exists()] == []
