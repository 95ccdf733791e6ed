from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select

from tests.integration.cli.conftest import Installation, single_sentence
from transfer_service.audit.leaf import decode_leaf
from transfer_service.db.models import Alert, JobRun, LogLeaf
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertState

NOW = datetime(2026, 9, 7, 8, 0, tzinfo=UTC)


def add_alert(installation: Installation, number: int, state: AlertState, *, kind: str = "epoch.created") -> UUID:
    database = Database(installation.database.url)
    with database.writing() as session:
        session.add(
            Alert(
                id=UUID(int=number),
                kind=kind,
                address=f"person{number}@example.org",
                state=state,
                created_at=NOW,
                not_before=NOW,
                attempts=15 if state is AlertState.GIVEN_UP else 0,
                last_outcome="unreachable:timeout" if state is AlertState.GIVEN_UP else None,
            )
        )
    database.dispose()
    return UUID(int=number)


def test_the_outbox_lists_what_waits_and_what_was_given_up(any_installation: Installation):
    add_alert(any_installation, 1, AlertState.SENT)
    add_alert(any_installation, 2, AlertState.PENDING)
    add_alert(any_installation, 3, AlertState.GIVEN_UP)
    listed = any_installation.run("alerts", "list", "--json").json
    assert [(one["id"][-1], one["state"]) for one in listed] == [("3", "given_up"), ("2", "pending")]
    failed = any_installation.run("alerts", "list", "--failed")
    assert failed.out.splitlines()[0].startswith("00000000-0000-0000-0000-000000000003  given_up")
    assert len(failed.out.splitlines()) == 1


def test_a_retry_puts_an_alert_back_with_a_leaf_and_only_one_that_was_given_up(any_installation: Installation):
    alert_id = add_alert(any_installation, 3, AlertState.GIVEN_UP)
    assert any_installation.run("alerts", "retry", str(alert_id)).code == 0
    database = Database(any_installation.database.url)
    with database.reading() as session:
        alert = session.get_one(Alert, alert_id)
        leaf = decode_leaf(session.scalars(select(LogLeaf.body)).one())
    database.dispose()
    assert (alert.state, alert.attempts, alert.finished_at) == (AlertState.PENDING, 0, None)
    assert (leaf.said.event, leaf.said.basis, leaf.said.subject) == ("alert.retried", "command_line", alert_id)
    again = any_installation.run("alerts", "retry", str(alert_id))
    assert (again.code, single_sentence(again)) == (
        3,
        "This alert was not given up: it was sent or withdrawn, or will be tried again by itself.",
    )


def test_an_invitation_whose_link_is_erased_is_sent_anew_instead(installation: Installation):
    alert_id = add_alert(installation, 4, AlertState.GIVEN_UP, kind="invitation")
    answer = installation.run("alerts", "retry", str(alert_id))
    assert answer.code == 3
    assert single_sentence(answer).startswith("The link of this mail was deleted when the mail was given up.")


def test_an_alert_that_is_not_there_is_a_refusal(installation: Installation):
    answer = installation.run("alerts", "retry", str(UUID(int=9)))
    assert answer.code == 3
    assert single_sentence(answer).startswith("We cannot find that alert.")


def test_an_empty_outbox_says_so(installation: Installation):
    assert installation.run("alerts", "list").out == ("The outbox is empty: nothing waits and nothing was given up.\n")


def test_retention_shreds_nothing_by_a_clock_that_jumped(any_installation: Installation):
    """The operator's own command too: what is shredded by a wrong clock is lost for good."""
    assert any_installation.run("retention", "run").code == 0
    database = Database(any_installation.database.url)
    with database.writing() as session:
        session.get_one(JobRun, "clock-seen").finished_at = datetime(2020, 1, 1, tzinfo=UTC)
    database.dispose()
    answer = any_installation.run("retention", "run")
    assert answer.code == 3
    assert "clock moved by more than a week at once" in single_sentence(answer)
    assert any_installation.run("retention", "run").code == 3
    assert any_installation.run("retention", "run", "--dry-run").code == 0


def test_retention_with_nothing_due_shreds_nothing(any_installation: Installation):
    assert any_installation.run("retention", "run", "--json").json == {"dry_run": False, "due": [], "shredded": []}
    assert any_installation.run("retention", "run", "--dry-run").out == (
        "0 dispatches are due. Nothing was shredded.\n"
    )
