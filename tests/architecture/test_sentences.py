"""Sentences for pages are written as people print them: with the apostrophe that typography has, everywhere."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STRAIGHT = re.compile(r"(?<=[A-Za-z])'(?=[a-z])|(?<=s)'(?= [a-z])")
PACKAGES = ("schemas", "transfer_service/web", "transfer_service/domain", "transfer_service/use_cases")
AS_THEY_ARE = {
    "transfer_service/domain/statements.py": "a published wording is signed and never changed",
    "transfer_service/use_cases/frozen_log.py": "said in a terminal",
    "transfer_service/use_cases/backups": "said in a terminal",
}


def sentences(source: str) -> Iterator[tuple[int, str]]:
    """Each text in a module with its line, but for docstrings."""
    tree = ast.parse(source)
    documentation = {
        id(statement.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in node.body
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.lineno, node.value


def modules() -> list[Path]:
    return [
        path
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if not path.relative_to(ROOT).as_posix().startswith(tuple(AS_THEY_ARE))
    ]


def test_no_sentence_of_a_page_has_a_typewriters_apostrophe():
    assert len(modules()) > 200
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in modules()
        for line, text in sentences(path.read_text(encoding="utf-8"))
        if STRAIGHT.search(text)
    ]
    assert found == [], "write ’ here"


def test_no_template_has_one_either():
    templates = sorted((ROOT / "transfer_service/web/templates").rglob("*.html"))
    assert len(templates) > 100
    found = [
        f"{path.name}:{number}: {line}"
        for path in templates
        for number, line in enumerate(
            re.sub(r"{#.*?#}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL).splitlines(), 1
        )
        if STRAIGHT.search(line)
    ]
    assert found == [], "write ’ here"


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ('"""A school\'s own."""\n', []),
        ('SAID = "The school\'s key"\n', [1]),
        ('def say():\n    """It\'s said."""\n    return f"the schools\' keys of {say}"\n', [3]),
        ('NAME = "O’Brien’s"\n', []),
        ("WORDS = {'a': 'b'}\n", []),
    ],
)
def test_the_search_finds_what_it_is_for(source: str, lines: list[int]):
    assert [line for line, text in sentences(source) if STRAIGHT.search(text)] == lines
