"""What is counted in SQL is what the rules say of each dispatch; and a day is the day in England."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import literal, select

from tests.integration.oversight.written_rows import TODAY, Rows, any_facts
from transfer_service.db.queries import compliance
from transfer_service.db.queries.local_days import local_day as local_day_in_sql
from transfer_service.db.session import Database
from transfer_service.db.types import UtcDateTime
from transfer_service.domain.calendars import local_day
from transfer_service.domain.compliance import DispatchFacts, classify, classify_move
from transfer_service.domain.oversight import Period
from transfer_service.domain.transfer import DispatchKind, Status

REACHING = (Status.WAITING, Status.SENT, Status.OPENED, Status.ACKNOWLEDGED)


@pytest.fixture
def opened(database):
    made = Database(database.url)
    yield made
    made.dispose()


def write_moves(session, chosen: random.Random) -> Rows:
    """300 moves with up to three dispatches, to schools with and without a lead, open and closed."""
    rows = Rows(session)
    led = (rows.schools[0], rows.schools[3], rows.closed)
    for school in led:
        rows.lead(school)
    for _ in range(300):
        transfer = rows.transfer(chosen.choice(rows.schools))
        for _ in range(chosen.choice((1, 1, 1, 2, 3))):
            receiver = chosen.choice([*rows.schools, rows.closed])
            facts = any_facts(chosen, has_dsl=receiver in led, closed=receiver == rows.closed)
            rows.dispatch(transfer, receiver, facts, hour=chosen.choice((7, 12, 21)))
    return rows


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_counts_are_those_of_the_rules(opened, seed):
    with opened.writing() as session:
        rows = write_moves(session, random.Random(seed))
    own = {*rows.schools[:3], rows.closed}
    expected_sent: Counter = Counter()
    for transfer, dispatches in rows.facts.items():
        if rows.sender_of[transfer] in own:
            found = classify_move(dispatches, TODAY)
            expected_sent[rows.sender_of[transfer], found.outcome, found.sender, found.reason] += 1
    expected_received = Counter(
        (receiver, facts.status, classify(facts, TODAY).receiver)
        for receiver, facts in rows.received
        if receiver in own and facts.status in REACHING
    )
    with opened.reading() as session:
        asked = {"authority_id": rows.authorities[0], "today": TODAY, "period": Period()}
        sent = compliance.count_sent(session, **asked)
        received = compliance.count_received(session, **asked)
    counted: Counter = Counter()
    for one in sent:
        counted[one.school_id, one.outcome, one.sender, one.reason] += one.count
    assert len(expected_sent) > 40
    assert counted == expected_sent
    assert {(one.school_id, one.status, one.receiver): one.count for one in received} == expected_received


def test_a_period_keeps_what_was_due_in_it_and_the_leaving_date_stands_in_for_an_unknown_one(opened):
    with opened.writing() as session:
        rows = Rows(session)
        for due in (date(2026, 9, 1), date(2026, 9, 30), date(2026, 10, 1), None):
            facts = DispatchFacts(kind=DispatchKind.FILE, status=Status.DRAFT, due_on=due)
            rows.dispatch(rows.transfer(rows.schools[0]), rows.schools[1], facts, hour=12)
    september = Period(date(2026, 9, 1), date(2026, 9, 30))
    with opened.reading() as session:
        found = compliance.count_sent(session, authority_id=rows.authorities[0], today=TODAY, period=september)
    assert sum(one.count for one in found) == 3


@pytest.mark.parametrize(
    "moment, day",
    [
        (datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC), date(2026, 1, 31)),
        (datetime(2026, 7, 1, 22, 59, 59, tzinfo=UTC), date(2026, 7, 1)),
        (datetime(2026, 7, 1, 23, 0, tzinfo=UTC), date(2026, 7, 2)),
        (datetime(2026, 3, 28, 23, 30, tzinfo=UTC), date(2026, 3, 28)),
        (datetime(2026, 3, 29, 23, 0, tzinfo=UTC), date(2026, 3, 30)),
        (datetime(2026, 10, 24, 23, 0, tzinfo=UTC), date(2026, 10, 25)),
        (datetime(2026, 10, 25, 23, 30, tzinfo=UTC), date(2026, 10, 25)),
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), date(2026, 12, 31)),
        (datetime(2027, 3, 28, 23, 0, tzinfo=UTC), date(2027, 3, 29)),
        (datetime(2030, 10, 26, 23, 0, tzinfo=UTC), date(2030, 10, 27)),
    ],
)
def test_a_day_is_the_day_in_england(opened, moment, day):
    assert local_day(moment) == day
    with opened.reading() as session:
        assert session.scalar(select(local_day_in_sql(literal(moment, UtcDateTime)))) == day


def test_the_days_of_many_moments_are_those_of_the_rules(opened):
    chosen = random.Random(7)
    start, minutes = datetime(2020, 1, 1, tzinfo=UTC), 20 * 365 * 24 * 60
    moments = [start + timedelta(minutes=chosen.randrange(minutes)) for _ in range(200)]
    with opened.reading() as session:
        found = session.execute(select(*(local_day_in_sql(literal(one, UtcDateTime)) for one in moments))).one()
    assert list(found) == [local_day(one) for one in moments]
