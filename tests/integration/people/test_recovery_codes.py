import pytest
from sqlalchemy import select

from tests.cast import HOME, Cast, Service, write_recovery_code_down
from tests.integration.people.steps import begin
from tests.observing import leaves
from transfer_service.db.models import HeldForm, Unlock
from transfer_service.domain.errors import Invalid, NeedsPassword, RuleForbids, SessionEnded, SignInRefused
from transfer_service.domain.keys import UnlockKind
from transfer_service.use_cases.people.recovery_codes import (
    asked_groups,
    confirm_recovery_code,
    has_confirmed_code,
    issue_recovery_code,
)
from transfer_service.use_cases.people.second_factor import use_recovery_code


def issue(service: Service, member):
    with service.database.writing() as session:
        return issue_recovery_code(session, service.at, member.actor, cookie=member.cookie)


def confirm(service: Service, member, retyped: tuple[str, str]) -> None:
    with service.database.writing() as session:
        confirm_recovery_code(session, service.at, member.actor, person_key=member.person_key, retyped=retyped)


def test_a_code_is_shown_and_two_of_its_groups_are_asked_for(cast: Cast, service: Service):
    shown = issue(service, cast.alma)
    assert len(shown.groups) == 9
    assert shown.asked[0] < shown.asked[1] < 9
    assert shown.groups[0] not in repr(shown)
    assert issue(service, cast.alma) == shown, "a reload shows the same"
    before = len(leaves(service))
    confirm(service, cast.alma, (shown.groups[shown.asked[0]].lower(), " " + shown.groups[shown.asked[1]]))
    assert [leaf.event for leaf in leaves(service)[before:]] == ["recovery_code.confirmed"]
    with service.database.reading() as session:
        assert session.scalars(select(HeldForm)).all() == []


def test_the_code_before_stays_good_until_the_new_one_is_confirmed(cast: Cast, service: Service):
    shown = issue(service, cast.alma)
    old = use_recovery_code(
        service.database,
        service.at,
        cookie=begin(service, cast.alma).cookie,
        recovery_code=cast.alma.recovery_code,
        device=HOME,
    )
    assert old.needs_enrolment
    with pytest.raises(SignInRefused):
        use_recovery_code(
            service.database,
            service.at,
            cookie=begin(service, cast.alma).cookie,
            recovery_code="-".join(shown.groups),
            device=HOME,
        )
    confirm(service, cast.alma, (shown.groups[shown.asked[0]], shown.groups[shown.asked[1]]))
    with pytest.raises(SignInRefused):
        use_recovery_code(
            service.database,
            service.at,
            cookie=begin(service, cast.alma).cookie,
            recovery_code=cast.alma.recovery_code,
            device=HOME,
        )
    assert use_recovery_code(
        service.database,
        service.at,
        cookie=begin(service, cast.alma).cookie,
        recovery_code="-".join(shown.groups),
        device=HOME,
    ).needs_enrolment


def test_a_group_that_was_not_written_down_right_is_named(cast: Cast, service: Service):
    shown = issue(service, cast.alma)
    right, wrong = shown.groups[shown.asked[0]], "0000"
    with pytest.raises(Invalid) as refused:
        confirm(service, cast.alma, (right, wrong))
    place = shown.asked[1]
    assert refused.value.fields == {
        f"group_{place}": (f"This is not group {place + 1} of your recovery code. Look at what you wrote down",)
    }
    confirm(service, cast.alma, (right, shown.groups[place]))


def test_after_an_hour_an_unconfirmed_code_is_gone_and_another_is_made(cast: Cast, service: Service):
    from dataclasses import replace

    from tests.cast import actor_of
    from tests.integration.people.steps import finish

    shown = issue(service, cast.alma)
    service.clock.move(hours=1)
    cookie = finish(service, cast.alma, begin(service, cast.alma).cookie).cookie
    alma = replace(cast.alma, cookie=cookie, actor=actor_of(service, cookie))
    with pytest.raises(RuleForbids) as refused:
        confirm(service, alma, (shown.groups[shown.asked[0]], shown.groups[shown.asked[1]]))
    assert refused.value.rule == "no_code_waits"
    assert issue(service, alma).groups != shown.groups
    with service.database.reading() as session:
        kinds = session.scalars(select(Unlock.kind).where(Unlock.person_id == alma.person_id)).all()
    assert sorted(kinds) == [UnlockKind.PASSWORD, UnlockKind.RECOVERY_CODE, UnlockKind.RECOVERY_CODE]


def test_confirming_twice_finds_nothing_that_waits(cast: Cast, service: Service):
    write_recovery_code_down(service, cast.alma)
    with pytest.raises(RuleForbids):
        confirm(service, cast.alma, ("0000", "0000"))


def test_a_code_needs_the_password_again_and_ones_own_session(cast: Cast, service: Service):
    service.clock.move(minutes=6)
    with pytest.raises(NeedsPassword):
        issue(service, cast.alma)
    service.clock.move(hours=8)
    with pytest.raises(SessionEnded):
        issue(service, cast.alma)


def test_nothing_of_a_code_is_stored_in_clear(cast: Cast, service: Service):
    shown = issue(service, cast.alma)
    with service.database.reading() as session:
        assert has_confirmed_code(session, cast.alma.person_id)
        stored = b"".join(
            [row.ciphertext + row.sealed_key for row in session.scalars(select(HeldForm))]
            + [row.wrapped_seed + row.parameters.encode() for row in session.scalars(select(Unlock))]
        )
    assert "-".join(shown.groups).encode() not in stored


def test_all_groups_are_asked_for_sooner_or_later_and_never_one_twice(service: Service):
    asked = [asked_groups(service.at.new_id()) for _ in range(400)]
    assert {place for pair in asked for place in pair} == set(range(9))
    assert all(first < second for first, second in asked)


def test_a_waiting_code_whose_row_is_gone_is_made_anew(cast: Cast, service: Service):
    shown = issue(service, cast.alma)
    with service.database.writing() as session:
        for row in session.scalars(select(Unlock).where(Unlock.confirmed_at.is_(None))):
            if row.kind is UnlockKind.RECOVERY_CODE:
                session.delete(row)
    assert issue(service, cast.alma).groups != shown.groups
