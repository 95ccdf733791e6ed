"""Any walk of acts through an exchange: row and log agree, and keys open what they should and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import factories
from tests.cast import Member, build_cast, new_service
from tests.database import migrated_database
from tests.integration.transfers.acts import do
from tests.integration.transfers.stage import Stage, set_stage
from transfer_service.audit.leaf import decode_leaf
from transfer_service.db import models
from transfer_service.db.queries.transfers import list_grants, list_items
from transfer_service.db.session import Database
from transfer_service.domain.errors import AlreadyDone, CannotOpen, NotFound, RuleForbids, StateForbids
from transfer_service.domain.transfer import Action, DispatchKind, Status
from transfer_service.use_cases.transfers.sealing import expected_of, open_key, open_row

STATUS_AFTER = {
    "dispatch.drafted": Status.DRAFT,
    "dispatch.sent": Status.SENT,
    "dispatch.redirected": Status.SENT,
    "dispatch.opened": Status.OPENED,
    "dispatch.acknowledged": Status.ACKNOWLEDGED,
    "dispatch.withdrawn": Status.WITHDRAWN,
    "dispatch.rejected": Status.REJECTED,
}

NOT_WALKED = (Action.DELIVER, Action.DISCARD, Action.WAIT_AGAIN)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([action for action in Action if action not in NOT_WALKED]),
        st.booleans(),
    ),
    min_size=1,
    max_size=9,
)


@pytest.fixture(scope="module")
def walked(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One SQLite installation for all walks: each begins a transfer of its own."""
    folder = tmp_path_factory.mktemp("walks")
    with migrated_database("sqlite", run_folder=run_folder, folder=folder) as empty:
        database = Database(empty.url)
        cast = build_cast(database)
        yield set_stage(cast, new_service(database), folder / "blobs")
        database.dispose()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_after_every_step_of_any_walk_log_rows_and_keys_agree(walked: Stage, steps: list[tuple[Action, bool]]) -> None:
    dispatch_id = factories.draft(walked, walked.alma, walked.cast.receiving)
    for action, by_the_first in steps:
        member = _who(walked, action, first=by_the_first)
        try:
            with walked.database.writing() as session:
                do(session, walked, member, action=action, dispatch_id=dispatch_id, kind=DispatchKind.FILE)
        except (StateForbids, RuleForbids, AlreadyDone, NotFound):
            pass
        dispatch_id = _newest(walked, dispatch_id)
        _assert_log_and_row_agree(walked, dispatch_id)
        _assert_the_right_keys_open(walked, dispatch_id)


def _who(stage: Stage, action: Action, *, first: bool) -> Member:
    if action in (Action.OPEN, Action.ACKNOWLEDGE, Action.SEND_BACK):
        # Before it is sent the receiving school finds nothing, and is refused.
        return stage.cora if first else stage.dev
    return stage.alma if first else stage.ben


def _newest(stage: Stage, dispatch_id: UUID) -> UUID:
    with stage.database.reading() as session:
        found = session.query(models.Dispatch.id).filter_by(previous_id=dispatch_id).one_or_none()
    return dispatch_id if found is None else found[0]


def _assert_log_and_row_agree(stage: Stage, dispatch_id: UUID) -> None:
    with stage.database.reading() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        leaves = session.query(models.LogLeaf).filter_by(transfer=dispatch.transfer_id).order_by(models.LogLeaf.idx)
        status = None
        for leaf in leaves:
            after = STATUS_AFTER.get(leaf.event)
            if after is None or decode_leaf(leaf.body).said.dispatch != dispatch_id:
                continue
            # A colleague who opens an acknowledged file changes nothing.
            status = status if after is Status.OPENED and status is Status.ACKNOWLEDGED else after
        assert dispatch.status is status


def _assert_the_right_keys_open(stage: Stage, dispatch_id: UUID) -> None:
    with stage.database.reading() as session:
        status = session.get_one(models.Dispatch, dispatch_id).status
    receiver_may = status in (Status.SENT, Status.OPENED, Status.ACKNOWLEDGED)
    assert _opens(stage, dispatch_id, stage.alma)
    assert _opens(stage, dispatch_id, stage.cora) is receiver_may
    assert not _opens(stage, dispatch_id, stage.stella)


def _opens(stage: Stage, dispatch_id: UUID, member: Member) -> bool:
    """Whether this person's keys open every item, whichever school's grants are tried."""
    keys = member.school_keys(stage.service)
    with stage.database.reading() as session:
        dispatch = session.get_one(models.Dispatch, dispatch_id)
        places = list_items(session, dispatch_id=dispatch_id, sealed_by=stage.cast.sending)
        for school_id in (stage.cast.sending, stage.cast.receiving):
            grants = list_grants(session, dispatch_id=dispatch_id, recipient_id=school_id)
            try:
                for place in places:
                    found = grants.get(place.item_id, [])
                    data_key = open_key(stage.at, keys, dispatch=dispatch, item=place.item, grants=found)
                    open_row(stage.at, stage.storage, place.item, data_key, expected=expected_of(place.item))
            except CannotOpen:
                continue
            return True
    return False
