"""For each act of a recovery and of the custodians: its last step fails, and not one row of any table has changed."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cast import Cast, Member, Service
from tests.integration.recovery.conftest import Custodians, approve, ask, drill_bundle, export, receipt
from tests.observing import rows
from transfer_service import use_cases
from transfer_service.audit import log
from transfer_service.use_cases.keys.custodians import CustodianTold, end_custodian, record_custodian
from transfer_service.use_cases.keys.recovery import approve_recovery, refuse_recovery, request_recovery
from transfer_service.use_cases.oversight.recovery_bundles import export_for_drill, export_for_request
from transfer_service.use_cases.oversight.recovery_imports import import_grants, import_verdict

ROWAN = CustodianTold(
    share=1, name="Rowan Ashe", employer="A solicitor", works_for_authority=False, is_head_of_service=False,
    operates_service=False,
)  # fmt: skip
ACTS = (
    "request",
    "first approval",
    "second approval",
    "refuse",
    "export",
    "import",
    "record",
    "end",
    "drill",
    "verdict",
)


class PulledTheCord(Exception):
    """The failure that a test causes."""


@pytest.fixture
def prepared(
    cast: Cast, service: Service, custodians: Custodians, fern: Callable[[], Member], otto: Member
) -> Callable[[str], Callable[[], object]]:
    at, olive = service.at, cast.olive

    def write(act, **given):
        with service.database.writing() as session:
            return act(session, at, olive.actor, **given)

    def of_a_request(name: str) -> Callable[[], object]:
        person = fern()
        if name == "request":
            return lambda: write(request_recovery, membership_id=person.membership_id)
        request = ask(service, cast.hugh, person)
        if name == "first approval":
            return lambda: write(approve_recovery, request_id=request)
        if name == "refuse":
            return lambda: write(refuse_recovery, request_id=request)
        approve(service, otto, request)
        if name == "second approval":
            return lambda: write(approve_recovery, request_id=request)
        approve(service, olive, request)
        if name == "export":
            return lambda: write(export_for_request, request_id=request, is_demo=True)
        custodians.sign_the_log()
        text = custodians.open(export(service, olive, request), receipt(service, olive, request))
        return lambda: write(import_grants, text=text)

    def prepare(name: str) -> Callable[[], object]:
        if name == "end":
            custodian = write(record_custodian, told=ROWAN)
            return lambda: write(end_custodian, custodian_id=custodian)
        if name == "verdict":
            verdict = custodians.drill(drill_bundle(service, olive))
            return lambda: write(import_verdict, text=verdict)
        acts = {
            "record": lambda: write(record_custodian, told=ROWAN),
            "drill": lambda: write(export_for_drill, authority_id=cast.warwickshire, is_demo=True),
        }
        return acts.get(name) or of_a_request(name)

    return prepare


@pytest.mark.parametrize("name", ACTS)
def test_an_act_whose_last_step_fails_changes_nothing_and_can_be_done_again(
    service: Service, prepared: Callable[[str], Callable[[], object]], monkeypatch: pytest.MonkeyPatch, name: str
):
    act = prepared(name)
    before = rows(service)

    def fail(*_args: object, **_said: object) -> None:
        raise PulledTheCord

    with monkeypatch.context() as broken:
        broken.setattr(log, "append_all", fail)
        with pytest.raises(PulledTheCord):
            act()
    assert rows(service) == before
    act()
    assert len(rows(service)["log_leaf"]) > len(before["log_leaf"])


def test_every_act_of_these_modules_is_among_them():
    root, here = Path(next(iter(use_cases.__path__))), Path(__file__).read_text()
    modules = (
        "keys/recovery.py",
        "keys/custodians.py",
        "oversight/recovery_bundles.py",
        "oversight/recovery_imports.py",
    )
    acts = {
        node.name
        for module in modules
        for node in ast.parse((root / module).read_text()).body
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith(("_", "get_", "list_", "find_", "may_", "make_"))
    }
    unheld = {name for name in acts if f"write({name}," not in here}
    assert unheld == {"check_same_key", "replace_recovery_key"}, "the second is among the acts of people and keys"
