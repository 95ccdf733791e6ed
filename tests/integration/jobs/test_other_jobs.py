import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from tests import factories
from tests.cast import Cast, Service
from tests.integration.jobs.conftest import Post, Setting, alerts_of, events, get_alert
from transfer_service.audit.signer import SignOutcome, SignResult, sign_committed
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.db.models import Alert, Invitation, LogCheckpoint, LogHead, SignInSession
from transfer_service.domain.alerts import AlertKind, AlertState
from transfer_service.domain.roles import Role
from transfer_service.domain.transfer import Status
from transfer_service.jobs.checkpoints import CheckpointMail
from transfer_service.jobs.expiry import Expiry
from transfer_service.jobs.orphans import OrphanSweep
from transfer_service.jobs.schedule import Parts, list_jobs
from transfer_service.jobs.signing import Signer
from transfer_service.jobs.worker import UPKEEP, Worker
from transfer_service.storage.keys import blob_key
from transfer_service.use_cases.people.inviting import invite_person

KEY = LogSigningKey(name="tests/log", seed=b"\x07" * 32)


def never() -> bool:
    return False


def signer(service: Service, state_file: Path) -> Signer:
    def sign() -> SignOutcome:
        return sign_committed(service.database, key=KEY, state_file=state_file, now=service.clock())

    return Signer(database=service.database, at=service.at, sign=sign)


def test_the_signer_signs_what_is_committed_and_says_nothing_where_nothing_is_new(
    service: Service, cast: Cast, tmp_path: Path
):
    job = signer(service, tmp_path / "state.json")
    size = len(events(service))
    assert job.run(never) == f"signed {size}"
    assert job.run(never) == ""
    with service.database.reading() as session:
        assert session.scalars(select(LogCheckpoint.size)).all() == [size]


def test_a_log_that_went_back_alerts_the_administrator_and_the_authorities_once_a_day(service: Service, cast: Cast):
    frozen = SignOutcome(SignResult.FROZEN, 7, "The log was rolled back.")
    job = Signer(database=service.database, at=service.at, sign=lambda: frozen)
    assert job.run(never) == "frozen at 7"
    assert job.run(never) == ""
    with service.database.reading() as session:
        told = [alert.address for alert in alerts_of(session, AlertKind.LOG_FROZEN)]
    assert told == ["ada.lindqvist@example.org", "olive.hartley@example.org", "oscar.penrose@example.org"]
    service.clock.move(days=1)
    assert job.run(never) == "frozen at 7"


def store_blob(setting: Setting, number: int, *, age: timedelta) -> str:
    key = blob_key(UUID(int=number))
    setting.storage.put_new(key, iter([b"sealed"]))
    (path,) = Path(setting.storage._root).rglob(key.rpartition("/")[2])
    written = (setting.clock() - age).timestamp()
    os.utime(path, (written, written))
    return key


def sweep(setting: Setting) -> str:
    return OrphanSweep(database=setting.database, at=setting.at, store=setting.storage).run(never)


def test_blobs_that_no_row_names_go_after_a_day_and_no_others(setting: Setting):
    factories.dispatch_in(
        setting, Status.SENT, sender=setting.cast.alma, receiver=setting.cast.cora, attachments=["genogram.pdf"]
    )
    (kept,) = setting.storage.list_keys()
    (path,) = Path(setting.storage._root).rglob(kept.rpartition("/")[2])
    setting.clock.set(datetime.now(UTC))
    long_ago = (setting.clock() - timedelta(days=9)).timestamp()
    os.utime(path, (long_ago, long_ago))
    old = store_blob(setting, 0xABCDEF, age=timedelta(hours=25))
    young = store_blob(setting, 0xABCDEE, age=timedelta(hours=23))
    assert old in setting.storage.list_keys()
    assert sweep(setting) == "swept 1"
    assert sorted(setting.storage.list_keys()) == sorted([kept, young])
    assert sweep(setting) == ""


def test_sessions_and_links_that_ran_out_are_deleted(service: Service, cast: Cast):
    with service.database.writing() as session:
        invited = invite_person(
            session, service.at, None, email="new@example.org", role=Role.SCHOOL_OFFICE, school_id=cast.sending
        )
        (alert,) = alerts_of(session, AlertKind.INVITATION)
        alert.state, alert.finished_at = AlertState.GIVEN_UP, service.clock()
        alert_id = alert.id

    def left() -> tuple[int, bool, bool]:
        with service.database.reading() as session:
            return (
                session.scalar(select(func.count()).select_from(SignInSession)) or 0,
                session.get(Invitation, invited.invitation_id) is not None,
                get_alert(service, alert_id).secret is not None,
            )

    job = Expiry(database=service.database, at=service.at)
    assert left()[1:] == (True, True)
    assert left()[0] > 0
    service.clock.move(days=13)
    job.run(never)
    assert left() == (0, True, True)
    service.clock.move(days=1)
    assert job.run(never) == "deleted 1"
    assert left() == (0, True, False)
    service.clock.move(days=30)
    job.run(never)
    assert left() == (0, False, False)


def test_on_monday_mornings_every_dsl_and_officer_gets_the_checkpoint_once(
    service: Service, cast: Cast, post: Post, tmp_path: Path
):
    signer(service, tmp_path / "state.json").run(never)
    job = CheckpointMail(database=service.database, at=service.at)
    assert job.run(never) == ""  # 08:35 on a Monday: too early
    service.clock.move(minutes=30)
    assert job.run(never) == "queued 7"
    assert job.run(never) == ""
    service.clock.move(days=1)
    assert job.run(never) == ""
    assert post.run() == "sent 7, failed 0"
    with service.database.reading() as session:
        note = session.scalars(select(LogCheckpoint.note)).one().decode()
    for mail in post.mails():
        text = mail.get_payload(decode=True).decode().replace("\r\n", "\n")
        assert note.strip() in text
    service.clock.move(days=6)
    assert job.run(never) == "queued 7"


def test_the_mail_brings_the_policy_beside_the_checkpoint(service: Service, cast: Cast, post: Post, tmp_path: Path):
    signer(service, tmp_path / "state.json").run(never)
    service.clock.move(hours=1)
    CheckpointMail(database=service.database, at=service.at, policy="log a+1+AQ==\nquorum none\n").run(never)
    post.run()
    assert len(post.mails()) == 7
    for mail in post.mails():
        text = mail.get_payload(decode=True).decode().replace("\r\n", "\n")
        assert "\n\nlog a+1+AQ==\nquorum none\n" in text


def test_without_a_signed_checkpoint_there_is_nothing_to_mail(service: Service, cast: Cast):
    service.clock.move(hours=1)
    assert CheckpointMail(database=service.database, at=service.at).run(never) == "queued 0"


def test_the_whole_list_of_jobs_runs_on_an_installation_with_something_in_each(
    setting: Setting, service: Service, post: Post, tmp_path: Path
):
    factories.dispatch_in(setting, Status.OPENED, sender=setting.cast.alma, receiver=setting.cast.cora)
    setting.clock.set(datetime(2026, 9, 14, 9, 0, tzinfo=UTC))
    jobs = list_jobs(
        Parts(
            database=setting.database,
            at=setting.at,
            channel=post.sender.channel,
            site=post.sender.site,
            store=setting.storage,
            sign=signer(service, tmp_path / "state.json").sign,
            jitter=lambda: 0.5,
        )
    )
    assert {job.name: job.lane for job in jobs if job.lane != UPKEEP} == {"signer": "signing", "alerts": "mail"}
    worker = Worker(jobs, database=setting.database, now=setting.clock)
    for _ in range(3):
        worker.run_due()
        setting.clock.move(minutes=11)
    with setting.database.reading() as session:
        from transfer_service.db.models import JobRun

        outcomes = {row.name: row.outcome for row in session.scalars(select(JobRun))}
        pending = session.scalar(select(func.count()).select_from(Alert).where(Alert.state == AlertState.PENDING))
    assert [name for name, outcome in outcomes.items() if outcome.startswith("failed")] == []
    assert set(outcomes) >= {
        "signer", "alerts", "reminders", "expiry", "checkpoints", "retention", "orphans"
    }  # fmt: skip
    assert pending == 0
    addressed = {mail["To"] for mail in post.mails()}
    assert {"alma.reyes@example.org", "cora.whitlock@example.org", "olive.hartley@example.org"} <= addressed


def test_a_frozen_log_stops_no_worker(service: Service, cast: Cast, tmp_path: Path):
    with service.database.writing() as session:
        session.execute(update(LogHead).values(frozen=True, frozen_reason="rolled back"))
    assert signer(service, tmp_path / "state.json").run(never).startswith("frozen")


@pytest.mark.parametrize("state", [AlertState.SENT, AlertState.PENDING])
def test_the_secret_of_what_may_still_be_sent_or_was_sent_is_left_to_the_sender(
    service: Service, cast: Cast, state: AlertState
):
    with service.database.writing() as session:
        invite_person(
            session, service.at, None, email="new@example.org", role=Role.SCHOOL_OFFICE, school_id=cast.sending
        )
        (alert,) = alerts_of(session, AlertKind.INVITATION)
        alert.state, alert.finished_at = state, service.clock()
    service.clock.move(days=20)
    Expiry(database=service.database, at=service.at).run(never)
    with service.database.reading() as session:
        (alert,) = alerts_of(session, AlertKind.INVITATION)
        assert alert.secret is not None
