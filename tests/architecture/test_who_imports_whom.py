import ast
import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from tests.architecture.tree import ROOT

TREE = {
    "house/__init__.py": "",
    "house/rules.py": "import json\nimport html5lib\n",
    "house/rows.py": "import sqlite3\nfrom house import keys, rules\n",
    "house/keys.py": "",
    "house/pages.py": "from house import rows\n",
}
HEADER = """
[importlinter]
root_packages =
    house
include_external_packages = True
contract_types =
    may_import: tests.architecture.contracts.MayImport
    only_in: tests.architecture.contracts.OnlyIn
    never_reaches: tests.architecture.contracts.NeverReaches
[importlinter:contract:one]
name = One
"""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for place, text in TREE.items():
        path = tmp_path / place
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    importlib.invalidate_caches()
    return tmp_path


@pytest.fixture
def kept(house: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], bool]:
    """Whether the little house keeps a contract; a contract that cannot be read is an error, not a breach."""

    def lint(contract: str) -> bool:
        file = house / "contracts.ini"
        file.write_text(HEADER + contract)
        status = lint_imports(config_filename=str(file), no_cache=True)
        said = capsys.readouterr().out
        assert "Contracts: 1 kept, 0 broken." in said or "Contracts: 0 kept, 1 broken." in said, said
        assert (status == 0) is ("1 kept" in said)
        return status == 0

    return lint


def test_the_contracts_of_the_house_hold(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename=".importlinter", no_cache=True) == 0


def test_every_part_of_the_house_has_a_contract_of_its_own():
    text = (ROOT / ".importlinter").read_text()
    parts = sorted(path.parent.name for path in (ROOT / "transfer_service").glob("*/__init__.py"))
    assert [part for part in parts if part != "cli" and f"\n    transfer_service.{part}\n" not in text] == []


def test_what_is_not_named_may_not_be_imported(kept: Callable[[str], bool]):
    assert not kept("type = may_import\nimporters =\n    house.rows\nours =\n    house.rules\n")
    assert kept("type = may_import\nimporters =\n    house.rows\nours =\n    house.rules\n    house.keys\n")


def test_the_standard_library_alone_means_nothing_installed(kept: Callable[[str], bool]):
    assert not kept("type = may_import\nimporters =\n    house.rules\nstandard_library_only = True\n")
    assert kept("type = may_import\nimporters =\n    house.rules\n")


def test_an_installed_package_stays_where_it_is_allowed(kept: Callable[[str], bool]):
    assert not kept("type = only_in\npackages =\n    html5lib\nmodules =\n    house.rows\n")
    assert kept("type = only_in\npackages =\n    html5lib\nmodules =\n    house.rules\n")


def test_a_chain_of_imports_is_found_however_long(kept: Callable[[str], bool]):
    assert not kept("type = never_reaches\nsources =\n    house.pages\ntargets =\n    house.keys\n")
    assert kept("type = never_reaches\nsources =\n    house.keys\ntargets =\n    house.pages\n")


def test_the_package_itself_imports_nothing():
    tree = ast.parse((ROOT / "transfer_service" / "__init__.py").read_text())
    assert [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)] == []
