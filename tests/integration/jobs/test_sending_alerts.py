import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tests.cast import Cast, Service
from tests.integration.jobs.conftest import Post, alerts_of, events, get_alert, sender_through
from transfer_service.alerts.channels import Delivered
from transfer_service.db.models import Alert, LogHead
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertKind, AlertState
from transfer_service.jobs import alerts as alerts_module
from transfer_service.jobs.outbox import claim_next, mark

Queue = Callable[..., UUID]


def test_an_alert_is_sent_marked_and_recorded(service: Service, cast: Cast, post: Post, queue: Queue):
    alert_id = queue(AlertKind.EPOCH_CREATED, cast.alma)
    assert post.run() == "sent 1, failed 0"
    (mail,) = post.mails()
    assert mail["To"] == "alma.reyes@example.org"
    alert = get_alert(service, alert_id)
    assert (alert.state, alert.finished_at, alert.attempts) == (AlertState.SENT, service.clock(), 1)
    assert alert.last_outcome == "delivered"
    assert events(service, alert_id) == ["alert.sent"]
    assert post.run() == ""
    assert len(post.mails()) == 1


def test_the_link_of_an_invitation_is_in_its_mail_and_erased_from_the_row(service: Service, post: Post, queue: Queue):
    alert_id = queue(AlertKind.INVITATION, address="new@example.org", secret="/invitations/abc123")
    post.run()
    (mail,) = post.mails()
    assert "https://transfer.example.org/invitations/abc123" in mail.get_payload()
    assert "The link works until 21 September 2026 at 08:35." in mail.get_payload()
    assert get_alert(service, alert_id).secret is None


@pytest.mark.parametrize("kind", [AlertKind.INVITATION, AlertKind.PASSWORD_RESET])
def test_the_link_of_a_mail_that_is_given_up_is_erased_at_once(
    service: Service, post: Post, queue: Queue, kind: AlertKind
):
    alert_id = queue(kind, address="550-gone@example.org", secret="/invitations/abc123")
    post.run()
    alert = get_alert(service, alert_id)
    assert (alert.state, alert.last_outcome, alert.secret) == (AlertState.GIVEN_UP, "permanent:550", None)


def test_what_is_no_link_stays_for_a_retry(service: Service, post: Post, queue: Queue):
    alert_id = queue(AlertKind.WEEKLY_CHECKPOINT, address="550-gone@example.org", secret="tests/log\n7\nabc=\n")
    post.run()
    alert = get_alert(service, alert_id)
    assert alert.state is AlertState.GIVEN_UP
    assert alert.secret is not None


@pytest.mark.parametrize(
    ("kind", "lasts"),
    [(AlertKind.INVITATION, timedelta(days=14)), (AlertKind.PASSWORD_RESET, timedelta(hours=1))],
)
def test_a_link_that_has_run_out_is_not_sent_any_more(
    service: Service, post: Post, queue: Queue, kind: AlertKind, lasts: timedelta
):
    alert_id = queue(kind, address="new@example.org", secret="/invitations/abc123")
    with service.database.writing() as session:
        session.execute(update(Alert).where(Alert.id == alert_id).values(not_before=service.clock() + lasts))
    service.clock.move(seconds=lasts.total_seconds() - 1)
    assert post.run() == ""
    service.clock.move(seconds=1)
    assert post.run() == "sent 0, failed 1"
    assert post.mails() == []
    alert = get_alert(service, alert_id)
    assert (alert.state, alert.last_outcome, alert.secret) == (AlertState.GIVEN_UP, "permanent:link_over", None)


def test_alerts_for_one_address_become_one_mail_and_are_marked_singly(
    service: Service, cast: Cast, post: Post, queue: Queue
):
    ids = [queue(kind, cast.alma) for kind in (AlertKind.EPOCH_CREATED, AlertKind.COLLEAGUE_LEFT)]
    other = queue(AlertKind.EPOCH_CREATED, cast.ben)
    assert post.run() == "sent 2, failed 0"
    assert sorted(mail["To"] for mail in post.mails()) == ["alma.reyes@example.org", "ben.okafor@example.org"]
    for alert_id in (*ids, other):
        assert get_alert(service, alert_id).state is AlertState.SENT
        assert events(service, alert_id) == ["alert.sent"]


def test_what_comes_within_ten_minutes_of_a_mail_waits_and_goes_as_one(
    service: Service, cast: Cast, post: Post, queue: Queue
):
    queue(AlertKind.EPOCH_CREATED, cast.alma)
    post.run()
    for minutes in (1, 3, 5):
        service.clock.move(minutes=minutes)
        queue(AlertKind.EPOCH_CREATED, cast.alma)
        assert post.run() == ""
    service.clock.move(minutes=1)
    assert post.run() == "sent 1, failed 0"
    assert len(post.mails()) == 2
    with service.database.reading() as session:
        assert {alert.state for alert in session.scalars(select(Alert))} == {AlertState.SENT}


def test_an_alert_about_ones_own_account_waits_for_nothing_and_shares_no_mail(
    service: Service, cast: Cast, post: Post, queue: Queue
):
    queue(AlertKind.EPOCH_CREATED, cast.alma)
    post.run()
    queue(AlertKind.PASSWORD_CHANGED, cast.alma)
    queue(AlertKind.NEW_DEVICE, cast.alma)
    assert post.run() == "sent 2, failed 0"
    assert len(post.mails()) == 3
    assert "When: 7 September 2026 at 08:35" in post.mails()[1].get_payload()


def test_a_relay_that_refuses_for_now_is_tried_again_later_with_the_same_message_id(
    service: Service, cast: Cast, post: Post, queue: Queue
):
    ids = [queue(AlertKind.EPOCH_CREATED, cast.alma), queue(AlertKind.COLLEAGUE_LEFT, cast.alma)]
    post.mailbox.after_data = "451 later"
    assert post.run() == "sent 0, failed 1"
    for alert_id in ids:
        alert = get_alert(service, alert_id)
        assert (alert.state, alert.attempts, alert.last_outcome) == (AlertState.PENDING, 1, "temporary:451")
        assert alert.not_before == service.clock() + timedelta(seconds=30)
    assert post.run() == ""
    service.clock.move(seconds=30)
    # A third alert in the meantime does not change what the mail is.
    queue(AlertKind.EPOCH_WANTED, cast.alma)
    post.mailbox.after_data = "250 OK"
    post.run()
    assert post.mailbox.message_ids[1] == post.mailbox.message_ids[0]
    assert [events(service, alert_id) for alert_id in ids] == [["alert.failed", "alert.sent"]] * 2


def test_an_address_refused_for_good_is_given_up_and_the_authority_is_told(
    service: Service, cast: Cast, post: Post, queue: Queue
):
    with service.database.writing() as session:
        alert_id = add_hopeless_alert(session, service, cast)
    assert post.run() == "sent 1, failed 1"
    refused = get_alert(service, alert_id)
    assert (refused.state, refused.last_outcome) == (AlertState.GIVEN_UP, "permanent:550")
    assert events(service, alert_id) == ["alert.abandoned"]
    with service.database.reading() as session:
        (told,) = alerts_of(session, AlertKind.ALERT_UNDELIVERABLE)
    assert (told.address, told.organisation_id) == ("olive.hartley@example.org", cast.warwickshire)
    assert told.state is AlertState.SENT


def add_hopeless_alert(session: Session, service: Service, cast: Cast) -> UUID:
    """An alert of a school to an address that the relay refuses for good."""
    row = Alert(
        id=service.at.new_id(),
        kind=AlertKind.EPOCH_CREATED,
        address="550-gone@example.org",
        organisation_id=cast.keyless,
        state=AlertState.PENDING,
        created_at=service.clock(),
        not_before=service.clock(),
        attempts=0,
    )
    session.add(row)
    session.flush()
    return row.id


def test_after_fifteen_attempts_an_alert_is_given_up_loudly(service: Service, cast: Cast, post: Post, queue: Queue):
    alert_id = queue(AlertKind.EPOCH_CREATED, cast.alma)
    post.mailbox.after_data = "421 busy"
    for attempt in range(1, 16):
        assert get_alert(service, alert_id).state is AlertState.PENDING
        # With the last attempt the authority is told, to which the relay is no kinder.
        assert post.run() == ("sent 0, failed 2" if attempt == 15 else "sent 0, failed 1")
        assert get_alert(service, alert_id).attempts == attempt
        service.clock.move(hours=4)
    assert get_alert(service, alert_id).state is AlertState.GIVEN_UP
    assert events(service, alert_id) == [*["alert.failed"] * 14, "alert.abandoned"]
    with service.database.reading() as session:
        assert [one.address for one in alerts_of(session, AlertKind.ALERT_UNDELIVERABLE)] == [
            "olive.hartley@example.org"
        ]


def test_that_the_authority_cannot_be_told_is_told_to_nobody_else(
    service: Service, cast: Cast, post: Post, queue: Queue
):
    with service.database.writing() as session:
        row = session.get_one(Alert, add_hopeless_alert(session, service, cast))
        row.kind, row.organisation_id = AlertKind.ALERT_UNDELIVERABLE, cast.warwickshire
    assert post.run() == "sent 0, failed 1"
    with service.database.reading() as session:
        assert len(alerts_of(session, AlertKind.ALERT_UNDELIVERABLE)) == 1


@pytest.mark.parametrize("damage", ["kind", "secret", "reference"])
def test_one_row_that_cannot_be_written_holds_up_no_other(
    service: Service, cast: Cast, post: Post, queue: Queue, damage: str
):
    bad = queue(AlertKind.INVITATION, cast.edie, secret="/invitations/abc123")
    good = queue(AlertKind.EPOCH_CREATED, cast.alma)
    change = {"kind": {"kind": "no such kind"}, "secret": {"secret": b"\x00\x01cut"}, "reference": {"reference": "x y"}}
    with service.database.writing() as session:
        session.execute(update(Alert).where(Alert.id == bad).values(**change[damage]))
    post.run()
    assert get_alert(service, good).state is AlertState.SENT
    assert (get_alert(service, bad).state, get_alert(service, bad).last_outcome) == (
        AlertState.GIVEN_UP,
        "permanent:unwritable",
    )


def test_addresses_that_hang_do_not_starve_those_behind_them(service: Service, cast: Cast, post: Post, queue: Queue):
    for number in range(20):
        queue(AlertKind.EPOCH_CREATED, address=f"450-slow{number}@example.org")
    queue(AlertKind.EPOCH_CREATED, cast.alma)
    assert post.run() == "sent 1, failed 20"
    for _ in range(3):
        service.clock.move(seconds=31)
        good = queue(AlertKind.PASSWORD_CHANGED, cast.ben)
        post.run()
        assert get_alert(service, good).state is AlertState.SENT


def test_a_lease_keeps_others_away_until_it_runs_out(service: Service, cast: Cast, queue: Queue):
    queue(AlertKind.EPOCH_CREATED, cast.alma)
    with service.database.writing() as session:
        first = claim_next(session, service.at)
    assert first is not None
    with service.database.writing() as session:
        assert claim_next(session, service.at) is None
    service.clock.move(minutes=5)
    with service.database.writing() as session:
        second = claim_next(session, service.at)
    assert second is not None
    assert [alert.id for alert in second.alerts] == [alert.id for alert in first.alerts]


def test_a_worker_whose_lease_ran_out_marks_nothing(service: Service, cast: Cast, queue: Queue):
    alert_id = queue(AlertKind.EPOCH_CREATED, cast.alma)
    with service.database.writing() as session:
        late = claim_next(session, service.at)
    service.clock.move(minutes=5)
    with service.database.writing() as session:
        quick = claim_next(session, service.at)
    assert late is not None
    assert quick is not None
    with service.database.writing() as session:
        assert mark(session, service.at, late, Delivered(), jitter=lambda: 0.0) == 0
    assert get_alert(service, alert_id).state is AlertState.PENDING
    assert events(service, alert_id) == []
    with service.database.writing() as session:
        assert mark(session, service.at, quick, Delivered(), jitter=lambda: 0.0) == 1
    assert events(service, alert_id) == ["alert.sent"]


def test_a_joined_mail_that_was_not_marked_is_the_same_mail_again(
    service: Service, cast: Cast, post: Post, queue: Queue, monkeypatch: pytest.MonkeyPatch
):
    for kind in (AlertKind.EPOCH_CREATED, AlertKind.COLLEAGUE_LEFT):
        queue(kind, cast.alma)

    def die(*arguments: object, **options: object) -> int:
        raise RuntimeError("between sending and marking")

    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr(alerts_module, "mark", die)
        post.sender.send_next()
    queue(AlertKind.EPOCH_WANTED, cast.alma)
    service.clock.move(minutes=5)
    post.run()
    service.clock.move(minutes=10)
    post.run()
    first, second, third = post.mails()
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_payload() == second.get_payload()
    assert third["Message-ID"] != first["Message-ID"]


def test_workers_side_by_side_send_each_alert_once(service: Service, post: Post, queue: Queue):
    for number in range(24):
        queue(AlertKind.EPOCH_CREATED, address=f"person{number:02}@example.org")
    databases = [Database(service.database.url) for _ in range(3)]
    others = [Service(database=one, at=service.at, clock=service.clock, work=service.work) for one in databases]
    threads = [threading.Thread(target=sender_through(other, post.port).run, args=(lambda: False,)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for database in databases:
        database.dispose()
    assert sorted(mail["To"] for mail in post.mails()) == [f"person{number:02}@example.org" for number in range(24)]
    assert events(service).count("alert.sent") == 24


def test_while_the_log_is_frozen_only_the_alert_that_says_so_is_sent(
    service: Service, cast: Cast, post: Post, queue: Queue
):
    waiting = queue(AlertKind.EPOCH_CREATED, cast.alma)
    frozen = queue(AlertKind.LOG_FROZEN, cast.ada)
    with service.database.writing() as session:
        session.execute(update(LogHead).values(frozen=True, frozen_reason="rolled back"))
    leaves = len(events(service))
    assert post.run() == "sent 1, failed 0"
    assert get_alert(service, frozen).state is AlertState.SENT
    assert get_alert(service, waiting).state is AlertState.PENDING
    assert len(events(service)) == leaves
    with service.database.writing() as session:
        session.execute(update(LogHead).values(frozen=False, frozen_reason=None))
    assert post.run() == "sent 1, failed 0"


def test_a_wish_to_stop_is_heard_between_two_mails(service: Service, post: Post, queue: Queue):
    for number in range(3):
        queue(AlertKind.EPOCH_CREATED, address=f"person{number}@example.org")
    assert post.sender.run(lambda: bool(post.mailbox.mails)) == "sent 1, failed 0"
    assert len(post.mails()) == 1
