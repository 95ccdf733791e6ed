"""Properties that the pure rules hold for every input, not only for the examples."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from transfer_service.domain.calendars import Calendar, Term, nth_school_day, nth_weekday, school_days_between
from transfer_service.domain.deadlines import Band, ClockDates, ClockRule, ClockStart, ClockUnit, band, due_on
from transfer_service.domain.identifiers import UPN_LETTERS, UpnWarning, judge_upn, upn_check_letter
from transfer_service.domain.passwords import PasswordProblem, judge_password
from transfer_service.domain.references import make_reference, parse_reference
from transfer_service.domain.transfer import TRANSITIONS, Action, DispatchKind, Side, Status, available_actions
from transfer_service.domain.uploads import AcceptedUpload, UploadProblem, judge_upload, tidy_file_name

days = st.dates(date(2024, 1, 1), date(2029, 12, 31))


@st.composite
def calendars(draw):
    terms, start = [], draw(days)
    for _ in range(draw(st.integers(0, 6))):
        end = start + timedelta(days=draw(st.integers(0, 60)))
        terms.append(Term(start, end, draw(st.booleans())))
        start = end + timedelta(days=draw(st.integers(1, 90)))
    near = st.builds(lambda offset: date(2026, 1, 1) + timedelta(days=offset), st.integers(0, 700))
    return Calendar(
        terms=tuple(draw(st.permutations(terms))),
        closures=frozenset(draw(st.sets(near, max_size=10))),
        bank_holidays=frozenset(draw(st.sets(near, max_size=10))),
    )


@given(calendars(), days, st.integers(1, 30), st.booleans())
def test_a_count_ends_on_a_day_that_counts_and_has_counted_that_many(calendar, start, number, first):
    counted = nth_school_day(calendar, start, number, first_day_counts=first)
    assert counted.on >= start + timedelta(days=0 if first else 1)
    if counted.known_terms:
        assert calendar.is_school_day(counted.on)
        before = start - timedelta(days=1) if first else start
        assert school_days_between(calendar, before, counted.on) == number
    else:
        assert counted.on == nth_weekday(calendar, start, number, first_day_counts=first)
        assert calendar.is_weekday(counted.on)


@given(calendars(), days, st.integers(1, 29), st.booleans(), st.sampled_from(ClockUnit))
def test_a_longer_clock_is_never_due_earlier(calendar, start, length, first, unit):
    def due(days_allowed):
        rule = ClockRule(
            unit=unit,
            start=ClockStart.LEAVING,
            length=days_allowed,
            first_day_counts=first,
            calendar="sending_school",
        )
        return due_on(rule, calendar, ClockDates(leaving_on=start))

    shorter, longer = due(length), due(length + 1)
    # A longer count may run out of the known terms and be made again in weekdays, which are more.
    if shorter.known_terms == longer.known_terms:
        assert shorter.on < longer.on


@given(st.none() | days, st.none() | days, days, days)
def test_a_step_that_was_not_done_only_ever_gets_worse(due, done, today, later):
    order = [Band.NOT_DUE, Band.OVERDUE, Band.NEVER]
    first, last = sorted((today, later))
    if done is None:
        assert order.index(band(due, None, first)) <= order.index(band(due, None, last))
    else:
        assert band(due, done, first) == band(due, done, last)


@given(st.binary(min_size=5, max_size=5))
def test_a_reference_is_read_as_it_was_made(random_bytes):
    made = make_reference(random_bytes)
    assert parse_reference(made) == made
    assert parse_reference(made.lower().replace("-", " ").replace("0", "o").replace("1", "l")) == made


@given(st.text(max_size=30))
def test_reading_a_reference_never_fails(text):
    found = parse_reference(text)
    assert found is None or parse_reference(found) == found


body = st.text("0123456789", min_size=11, max_size=11)


@given(body, st.sampled_from("0123456789" + UPN_LETTERS), st.integers(1, 11), st.sampled_from("0123456789"))
def test_a_mistyped_digit_of_a_upn_is_always_found(middle, last, place, digit):
    tail = middle + last
    upn = upn_check_letter("A" + tail) + tail
    assert UpnWarning.CHECK_LETTER not in judge_upn(upn).warnings
    mistyped = upn[:place] + digit + upn[place + 1 :]
    assert (UpnWarning.CHECK_LETTER in judge_upn(mistyped).warnings) == (mistyped != upn)


@given(st.text(max_size=40))
def test_judging_a_upn_never_fails_and_judges_its_own_tidying_alike(text):
    verdict = judge_upn(text)
    assert judge_upn(verdict.text) == verdict


@given(st.text(max_size=300), st.lists(st.text(max_size=30), max_size=3))
def test_judging_a_password_never_fails(password, words):
    problem = judge_password(password, is_common=lambda _: False, context_words=words)
    assert problem is None or isinstance(problem, PasswordProblem)


@given(st.text(max_size=300), st.binary(max_size=200), st.none() | st.integers(0, 2**40))
def test_judging_an_upload_never_fails(name, first_bytes, size):
    assert isinstance(judge_upload(name, first_bytes, size), AcceptedUpload | UploadProblem)


@given(st.text(max_size=400))
def test_a_tidied_file_name_is_tidy_short_and_no_path(name):
    tidy = tidy_file_name(name)
    assert len(tidy) <= 200
    assert not set(tidy) & set("/\\\n\x00\u202e")
    assert tidy_file_name(tidy) == tidy.strip()


@given(st.sampled_from(DispatchKind), st.lists(st.sampled_from(Action), max_size=12), st.booleans())
def test_every_walk_stays_inside_the_table(kind, acts, has_key):
    status = Status.DRAFT
    for act in acts:
        row = TRANSITIONS.get((kind, status, act))
        offered = {one for side in Side for one in available_actions(side, kind, status)}
        assert (act in offered) == (row is not None)
        if row is None:
            continue
        following = row.to_without_key if not has_key and row.to_without_key else row.to
        if following is None:
            assert (status, act) == (Status.DRAFT, Action.DISCARD)
            return
        status = following
    if kind is DispatchKind.NIL:
        assert status not in (Status.OPENED, Status.WAITING)
