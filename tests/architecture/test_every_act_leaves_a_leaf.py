"""Nothing is written without a leaf: every use case, command, page and job that changes rows reaches the log.

What leaves none is listed here by name, with its reason; the list may hold nothing else.
"""

from functools import cache
from pathlib import Path

import pytest

from tests.architecture.call_graph import CallGraph, Function, by_module

ROOT = Path(__file__).parents[2]
LOG = frozenset({"transfer_service.audit.log:append_all"})

USE_CASES_WITHOUT_A_LEAF = {
    "transfer_service.use_cases.alerting:alert_authority": "queues a row; each attempt to send it leaves a leaf",
    "transfer_service.use_cases.alerting:alert_person": "as alert_authority",
    "transfer_service.use_cases.alerting:alert_school": "as alert_authority",
    "transfer_service.use_cases.outbox:withdraw_alert": "returns its leaf to the act that records it",
    "transfer_service.use_cases.people.backup_codes:issue_backup_codes": "counts from its confirmation on",
    "transfer_service.use_cases.people.cleaning:delete_expired_rows": "takes away what had ended by itself",
    "transfer_service.use_cases.people.held_forms:hold_form": "keeps what was typed when a session ended: no act yet",
    "transfer_service.use_cases.people.held_forms:take_held_form": "gives the same back to its author",
    "transfer_service.use_cases.people.reset_links:request_password_reset": "by somebody who is not signed in",
    "transfer_service.use_cases.people.second_factor:prepare_second_factor": "counts from its confirmation on",
    "transfer_service.use_cases.people.sessions:choose_place": "every later leaf names the place that was chosen",
    "transfer_service.use_cases.people.sessions:note_seen": "moves the end of a session with each page",
    "transfer_service.use_cases.public_log:keep_cosignatures": "stands outside the log, as checkpoints do",
    "transfer_service.use_cases.steadiness:note_clock": "says that the service was alive, as the runs of jobs do",
    "transfer_service.use_cases.transfers.entries:keep_entry": "keeps what was typed so far: no act yet",
}
PARTS_WITHOUT_A_LEAF = {
    "transfer_service.audit.signer:_freeze": "a frozen log takes no leaf",
    "transfer_service.audit.signer:_store_note": "a checkpoint makes no leaf: the log would never come to rest",
    "transfer_service.jobs.expiry:delete_old_links": "takes away what had ended by itself",
    "transfer_service.jobs.runs:begin": "says when a job ran",
    "transfer_service.jobs.runs:finish": "says what came of it; the acts in it leave their own leaves",
}
"""What commands, jobs and pages may call besides, without coming to the log."""


@cache
def graph() -> CallGraph:
    return CallGraph(ROOT, ["transfer_service"])


def silent(functions: list[Function], made: CallGraph, *, by_rows: bool) -> set[str]:
    """The functions that change rows, or open a transaction to do so, and never come to the log."""
    changes = made.writes if by_rows else made.opens_writing
    return {one.name for one in functions if changes(one.name) and not made.reaches(one.name, LOG)}


def entry_points(made: CallGraph) -> list[Function]:
    """The use cases that something outside the use cases calls; the others are parts of these."""
    called = {
        name
        for one in made.functions.values()
        if not one.module.startswith(("transfer_service.use_cases", "transfer_service.demo"))
        for name in one.calls
    }
    return [one for one in by_module(made.functions, "transfer_service.use_cases") if one.name in called]


def views(made: CallGraph) -> list[Function]:
    return [
        one
        for one in made.functions.values()
        if any(".get(" in text or ".post(" in text or ".route(" in text for text in one.decorators)
        and one.module.startswith("transfer_service.web")
    ]


def commands(made: CallGraph) -> list[Function]:
    found = by_module(made.functions, "transfer_service.cli")
    return [one for one in found if any("command(" in text for text in one.decorators)]


def test_every_use_case_that_changes_rows_leaves_a_leaf():
    assert len(entry_points(graph())) > 100
    assert silent(entry_points(graph()), graph(), by_rows=True) == set(USE_CASES_WITHOUT_A_LEAF)


def unexcused(functions: list[Function], made: CallGraph) -> dict[str, set[str]]:
    """What opens a transaction, never comes to the log, and changes rows in a way that is not listed here."""
    listed = {*USE_CASES_WITHOUT_A_LEAF, *PARTS_WITHOUT_A_LEAF}
    excused = {name for one in listed for name in made.below(one)}
    found = {}
    for name in silent(functions, made, by_rows=False):
        writers = {each for each in made.below(name) if made.functions[each].writes}
        if writers - excused:
            found[name] = writers - excused
    return found


def test_every_command_that_changes_rows_leaves_a_leaf():
    assert len(commands(graph())) > 15
    assert unexcused(commands(graph()), graph()) == {}


def test_every_job_that_changes_rows_leaves_a_leaf():
    jobs = [one for one in by_module(graph().functions, "transfer_service.jobs") if one.short.endswith(".run")]
    assert len(jobs) >= 9
    assert unexcused(jobs, graph()) == {}


def test_every_page_that_changes_rows_leaves_a_leaf():
    assert len(views(graph())) > 100
    assert unexcused(views(graph()), graph()) == {}


def test_the_parts_that_are_listed_are_there_and_change_rows():
    assert [name for name in PARTS_WITHOUT_A_LEAF if not graph().writes(name)] == []


SOURCES = {
    "transfer_service/audit/log.py": "def append_all(session):\n    pass\n",
    "transfer_service/use_cases/acts.py": (
        "from transfer_service.audit import log\n"
        "def loud(session):\n    session.add(1)\n    log.append_all(session)\n"
        "def quiet(session):\n    session.add(1)\n"
        "def quieter(session, row):\n    row.state = 2\n"
        "def quietest(session):\n    _inner(session)\n"
        "def _inner(session):\n    session.execute(update(1))\n"
        "def looking(session):\n    return session.scalar(1)\n"
    ),
    "transfer_service/web/pages.py": (
        "from transfer_service.use_cases import acts\n"
        "from transfer_service.use_cases.acts import loud, quieter\n"
        "@blueprint.post('/a')\ndef good(database):\n    with database.writing() as s:\n        loud(s)\n"
        "@blueprint.post('/b')\ndef bad(database):\n    with database.writing() as s:\n"
        "        acts.quiet(s)\n        quieter(s, 1)\n        acts.quietest(s)\n        acts.looking(s)\n"
    ),
}


@pytest.fixture
def planted(tmp_path: Path) -> CallGraph:
    """A small service in which some writers are silent."""
    for name, source in SOURCES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return CallGraph(tmp_path, ["transfer_service"])


def test_a_silent_writer_is_found(planted: CallGraph):
    assert silent(entry_points(planted), planted, by_rows=True) == {
        "transfer_service.use_cases.acts:quiet",
        "transfer_service.use_cases.acts:quieter",
        "transfer_service.use_cases.acts:quietest",
    }
    assert set(unexcused(views(planted), planted)) == {"transfer_service.web.pages:bad"}
