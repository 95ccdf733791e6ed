import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

from tests.architecture.tree import PACKAGES, ROOT, dotted_names, parsed, python_files, tracked_files

LOCKS = ("requirements.lock", "requirements-test.lock", "requirements-uv.lock", "requirements-node.lock")
LONGEST = 300
LONGER_FOR_A_REASON = {  # path: the reason why it is one module
    "transfer_service/verifier.py": "people carry it away as one file, to check receipts without the service",
    "transfer_service/ceremony.py": "custodians carry it as one file to a computer that is off the network",
}

FORBIDDEN_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|managers?|services)(_|$)")

# Where the service meets the machine: these alone read its environment.
READS_THE_ENVIRONMENT = ("transfer_service/app.py", "transfer_service/cli/")
ENVIRONMENT = {"os.environ", "os.getenv", "os.environb"}

# These take the time and new ids as arguments, so that a test can fix them and a rule can be replayed.
NO_CLOCK = tuple(
    f"transfer_service/{part}/"
    for part in ("alerts", "audit", "crypto", "db", "domain", "interchange", "jobs", "reports", "use_cases")
)
CLOCK_AND_IDS = re.compile(
    r"(^|\.)(datetime\.now|datetime\.utcnow|datetime\.today|date\.today|time\.time|time\.time_ns"
    r"|uuid1|uuid4|uuid6|uuid7)$"
)


def _host_like(text: str) -> list[str]:
    return re.findall(r"[a-z][a-z0-9+.-]*://\S+|\"resolved\"|--(?:extra-)?index-url\S*|--find-links\S*", text)


@pytest.mark.parametrize("name", [*LOCKS, "package-lock.json", "package.json", ".npmrc", "pyproject.toml", "Makefile"])
def test_no_lock_and_no_recipe_names_a_host(name: str):
    text = (ROOT / name).read_text().replace("http://localhost:$(PORT)", "")
    assert _host_like(text) == []


def test_a_host_in_a_lock_would_be_found():
    assert _host_like("--extra-index-url=x\nflask @ git+ssh://somewhere/flask") == [
        "--extra-index-url=x",
        "git+ssh://somewhere/flask",
    ]


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_one_version_and_a_hash(name: str):
    logical = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
    packages = [line for line in logical if line and not line.lstrip().startswith("#")]
    assert packages
    assert [line for line in packages if "==" not in line or "--hash=sha256:" not in line] == []


def test_the_locks_agree_about_what_both_hold():
    def versions(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9._-]+==[^ \\]+", (ROOT / name).read_text(), re.MULTILINE))

    assert versions("requirements.lock") - versions("requirements-test.lock") == set()
    assert versions("requirements-uv.lock") - versions("requirements-test.lock") == set()


def test_no_module_is_longer_than_a_reader_bears():
    lengths = {str(path): len((ROOT / path).read_text().splitlines()) for path in python_files(*PACKAGES)}
    # A migration is a list of steps, written once.
    longer = {path for path, lines in lengths.items() if lines > LONGEST and "/versions/" not in path}
    assert longer == set(LONGER_FOR_A_REASON)


def test_names_say_what_a_thing_is():
    names = {part for path in tracked_files() for part in (*path.parent.parts, path.stem) if path.suffix == ".py"}
    assert sorted(name for name in names if FORBIDDEN_NAMES.search(name)) == []


def test_the_version_is_in_the_list_of_changes():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\n## {version}\n" in (ROOT / "CHANGELOG.md").read_text()


def test_only_the_edge_reads_the_environment():
    found = [
        f"{path}:{line}"
        for path in python_files(*PACKAGES)
        if not str(path).startswith(READS_THE_ENVIRONMENT)
        for line, name in dotted_names(path)
        if name in ENVIRONMENT
    ]
    assert found == []


def test_the_time_and_new_ids_are_arguments():
    found = [
        f"{path}:{line}: {name}"
        for path in python_files("transfer_service")
        if str(path).startswith(NO_CLOCK)
        for line, name in dotted_names(path)
        if CLOCK_AND_IDS.search(name)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("name", "matches"),
    [
        ("datetime.datetime.now", True),
        ("uuid.uuid4", True),
        ("clock.now", False),
        ("datetime.datetime.fromisoformat", False),
    ],
)
def test_a_clock_is_known_by_its_name(name: str, matches: bool):
    assert bool(CLOCK_AND_IDS.search(name)) is matches


def test_every_package_says_what_it_is_for():
    silent = [
        str(path)
        for path in python_files(*PACKAGES)
        if path.name == "__init__.py" and not ast.get_docstring(parsed(path))
    ]
    assert silent == []


def test_nothing_is_left_to_be_done_later():
    marks = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    found = [str(path) for path in python_files(*PACKAGES) if marks.search((ROOT / path).read_text())]
    assert found == []


USED_WITHOUT_AN_IMPORT = {
    "govuk-frontend-jinja",  # its templates are loaded by their package's name
    "psycopg",  # the driver that an address of the database names
    "tzdata",  # for machines that have no zones
}


def _imported() -> set[str]:
    """The top-level modules that the packages import, wherever the import stands."""
    nodes = [node for path in python_files(*PACKAGES) for node in ast.walk(parsed(path))]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.partition(".")[0] for name in plain | named} - set(PACKAGES) - sys.stdlib_module_names


def test_what_is_imported_is_a_dependency_and_every_dependency_is_imported():
    declared = {
        re.match(r"[\w-]+", line)[0].lower()
        for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    }
    distributions = packages_distributions()
    used = {name.lower().replace("_", "-") for module in _imported() for name in distributions[module]}
    assert used - declared == set()
    assert declared - used == USED_WITHOUT_AN_IMPORT
