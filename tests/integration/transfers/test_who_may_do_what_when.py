"""The whole matrix on real rows: every state, every act, everybody. The table is written out, not computed."""

import pytest

from tests import factories
from tests.integration.transfers.acts import try_it
from tests.integration.transfers.stage import Stage, everybody
from transfer_service.domain.transfer import Action, DispatchKind, Status

BY_THE_SENDER = (Action.SEND, Action.DISCARD, Action.WITHDRAW, Action.REDIRECT)
BY_THE_RECEIVER = (Action.OPEN, Action.ACKNOWLEDGE, Action.SEND_BACK)

# For a file that Cora opened and acknowledged where it was. Send, discard, withdraw, redirect: by Alma and Ben.
SENDER = {
    Status.DRAFT: ("done", "done", "state", "state"),
    Status.WAITING: ("already", "state", "done", "state"),
    Status.SENT: ("already", "state", "done", "state"),
    Status.OPENED: ("already", "state", "state", "state"),
    Status.ACKNOWLEDGED: ("already", "state", "state", "state"),
    Status.REJECTED: ("state", "state", "state", "done"),
    Status.WITHDRAWN: ("state", "state", "already", "done"),
}

# Open, acknowledge, send back: by Cora, then by Dev, who has not opened it.
RECEIVER = {
    Status.DRAFT: (("not found",) * 3, ("not found",) * 3),
    Status.WAITING: (("not found",) * 3, ("not found",) * 3),  # it goes to another school
    Status.SENT: (("done", "state", "done"), ("done", "state", "done")),
    Status.OPENED: (("done", "done", "done"), ("done", "rule", "done")),
    Status.ACKNOWLEDGED: (("done", "already", "done"), ("done", "already", "done")),
    Status.REJECTED: (("state", "state", "already"), ("state", "state", "already")),
    Status.WITHDRAWN: (("state", "state", "state"), ("state", "state", "state")),
}

NIL_SENDER = {
    Status.SENT: ("already", "state", "done", "state"),
    Status.ACKNOWLEDGED: ("already", "state", "state", "state"),
    Status.REJECTED: ("state", "state", "state", "done"),
    Status.WITHDRAWN: ("state", "state", "already", "done"),
}
NIL_RECEIVER = {
    Status.SENT: ("rule", "done", "done"),
    Status.ACKNOWLEDGED: ("rule", "already", "done"),
    Status.REJECTED: ("rule", "state", "already"),
    Status.WITHDRAWN: ("rule", "state", "state"),
}


@pytest.mark.parametrize("status", list(SENDER))
def test_every_act_on_a_file_by_everybody(stage: Stage, status: Status) -> None:
    dispatch_id = factories.dispatch_in(
        stage, status, sender=stage.alma, receiver=stage.cora, keyless_school_id=stage.cast.keyless
    )
    cora, dev = RECEIVER[status]
    expected = _expected(SENDER[status], cora, dev)
    found = {
        (name, action): try_it(stage, member, action, dispatch_id, DispatchKind.FILE)
        for name, member in everybody(stage.cast).items()
        for action in (*BY_THE_SENDER, *BY_THE_RECEIVER)
    }
    assert found == expected


@pytest.mark.parametrize("status", list(NIL_SENDER))
def test_every_act_on_a_nil_declaration_by_everybody(stage: Stage, status: Status) -> None:
    dispatch_id = factories.dispatch_in(stage, status, sender=stage.alma, receiver=stage.cora, kind=DispatchKind.NIL)
    expected = _expected(NIL_SENDER[status], NIL_RECEIVER[status], NIL_RECEIVER[status])
    found = {
        (name, action): try_it(stage, member, action, dispatch_id, DispatchKind.NIL)
        for name, member in everybody(stage.cast).items()
        for action in (*BY_THE_SENDER, *BY_THE_RECEIVER)
    }
    assert found == expected


def _expected(sender: tuple[str, ...], cora: tuple[str, ...], dev: tuple[str, ...]) -> dict[tuple[str, Action], str]:
    """The office and head of the sending school may not; whoever is neither school's finds nothing."""
    table = {
        "alma": (*sender, *("not found",) * 3),
        "ben": (*sender, *("not found",) * 3),
        "edie": (*("permission",) * 4, *("not found",) * 3),
        "hugh": (*("permission",) * 4, *("not found",) * 3),
        "cora": (*("not found",) * 4, *cora),
        "dev": (*("not found",) * 4, *dev),
        **dict.fromkeys(("stella", "olive", "oscar", "ada"), ("not found",) * 7),
    }
    return {
        (name, action): outcome
        for name, outcomes in table.items()
        for action, outcome in zip((*BY_THE_SENDER, *BY_THE_RECEIVER), outcomes, strict=True)
    }
