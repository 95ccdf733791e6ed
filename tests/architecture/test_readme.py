"""The README says what is true: its tables come from the code, and the files and commands it names exist."""

import re
from pathlib import Path

import pytest

from tests.architecture.readme import README, SECTIONS, section
from tests.architecture.tree import PACKAGES, python_files

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


def test_every_file_that_the_documents_link_to_exists():
    for document in (ROOT / "docs").glob("*.md"):
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8"))
        assert [link for link in links if not (document.parent / link).exists()] == [], document.name


def test_every_file_that_a_newcomer_is_led_through_exists():
    text = (ROOT / "docs" / "working-here.md").read_text(encoding="utf-8")
    named = [name for name in re.findall(r"`([\w*./-]+/[\w*.-]*)`", text) if not name.startswith("@")]
    assert len(named) > 30
    roots = (ROOT, ROOT / "transfer_service")
    assert [name for name in named if not any(list(root.glob(name)) for root in roots)] == []


def cited(pattern: str) -> set[str]:
    """What code and tests say where a rule of theirs is written down."""
    sources = [(ROOT / path).read_text(encoding="utf-8") for path in python_files(*PACKAGES, "tests")]
    return {found for text in sources for found in re.findall(pattern, " ".join(text.split()))}


def test_every_rule_of_keys_that_the_code_cites_by_its_number_is_written_down():
    written = re.findall(r"^(\d+)\. ", (ROOT / "docs" / "keys.md").read_text(encoding="utf-8"), re.MULTILINE)
    numbers = cited(r"docs/keys\.md, rules? (\d+)")
    assert len(numbers) > 5
    assert numbers <= set(written)


@pytest.mark.parametrize("name", ["exchange", "log"])
def test_every_rule_that_the_code_cites_by_its_heading_is_written_down(name: str):
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = cited(rf'docs/{name}\.md, "([^"]+)"')
    assert named
    assert named <= set(headings)
