from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import update

from tests.cast import Cast, Service
from tests.integration.jobs.conftest import Post, events, get_alert
from transfer_service.db.models import Alert
from transfer_service.db.queries.alerts import list_alerts
from transfer_service.domain.alerts import AlertKind, AlertState
from transfer_service.domain.errors import NotFound, PermissionRefused, RuleForbids, StateForbids
from transfer_service.use_cases import outbox
from transfer_service.use_cases.alerting import alert_school
from transfer_service.use_cases.outbox import retry_alert

Queue = Callable[..., UUID]


@pytest.fixture
def given_up(service: Service, cast: Cast) -> UUID:
    """An alert of the sending school that was given up."""
    with service.database.writing() as session:
        alert_school(session, service.at, AlertKind.EPOCH_CREATED, cast.sending)
        session.flush()
        session.execute(
            update(Alert).values(
                state=AlertState.GIVEN_UP, attempts=15, finished_at=service.clock(), lease=service.at.new_id()
            )
        )
        return list_alerts(session)[0].id


def test_an_officer_retries_what_was_for_a_school_of_the_authority_and_it_is_sent(
    service: Service, cast: Cast, post: Post, given_up: UUID
):
    service.clock.move(hours=1)
    with service.database.writing() as session:
        retry_alert(session, service.at, cast.olive.actor, alert_id=given_up)
    assert post.run() == "sent 1, failed 0"
    assert get_alert(service, given_up).state is AlertState.SENT
    assert events(service, given_up) == ["alert.retried", "alert.sent"]


@pytest.mark.parametrize("name", ["oscar", "alma", "ada"])
def test_whoever_does_not_oversee_the_school_finds_no_such_alert(
    service: Service, cast: Cast, given_up: UUID, name: str
):
    with pytest.raises(NotFound), service.database.writing() as session:
        retry_alert(session, service.at, getattr(cast, name).actor, alert_id=given_up)
    assert get_alert(service, given_up).state is AlertState.GIVEN_UP


def test_the_outbox_of_an_authority_is_its_own_and_its_schools(service: Service, cast: Cast, given_up: UUID):
    with service.database.reading() as session:
        assert given_up in [alert.id for alert in list_alerts(session, authority_id=cast.warwickshire)]
        assert list_alerts(session, authority_id=cast.coventry) == []


@pytest.mark.parametrize("state", [AlertState.PENDING, AlertState.SENT])
def test_what_was_not_given_up_is_not_retried(service: Service, cast: Cast, given_up: UUID, state: AlertState):
    with service.database.writing() as session:
        session.execute(update(Alert).values(state=state))
    with pytest.raises(StateForbids, match="was not given up"), service.database.writing() as session:
        retry_alert(session, service.at, cast.olive.actor, alert_id=given_up)


def test_a_link_that_was_erased_is_not_sent_without_it(service: Service, cast: Cast, given_up: UUID):
    with service.database.writing() as session:
        session.execute(update(Alert).values(kind=AlertKind.INVITATION.value))
    with pytest.raises(RuleForbids, match="Send a new invitation"), service.database.writing() as session:
        retry_alert(session, service.at, None, alert_id=given_up)


def test_a_role_without_the_permission_is_refused(
    service: Service, cast: Cast, given_up: UUID, monkeypatch: pytest.MonkeyPatch
):
    from dataclasses import replace

    nobody = replace(cast.olive.actor, roles=frozenset())
    with pytest.raises(PermissionRefused), service.database.writing() as session:
        retry_alert(session, service.at, nobody, alert_id=given_up)


def test_a_retry_whose_leaf_cannot_be_written_changes_nothing(
    service: Service, cast: Cast, given_up: UUID, monkeypatch: pytest.MonkeyPatch
):
    def fail(*arguments: object, **said: object) -> None:
        raise RuntimeError("at the last step")

    monkeypatch.setattr(outbox, "record", fail)
    with pytest.raises(RuntimeError, match="at the last step"), service.database.writing() as session:
        retry_alert(session, service.at, cast.olive.actor, alert_id=given_up)
    assert get_alert(service, given_up).state is AlertState.GIVEN_UP
