"""What ends backup codes and what does not, and two acts on them in the same moment."""

from collections.abc import Callable

import pyotp
import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tests.cast import HOME, Cast, Member, Service
from tests.integration.people.steps import begin, overlapping
from tests.integration.people.test_backup_codes import confirm, issue, left, make, spend, use
from tests.integration.people.test_resetting import ask, reset
from tests.observing import leaves
from transfer_service.db.models import BackupCodeHash, HeldForm, Person
from transfer_service.domain.errors import RuleForbids, SignInRefused
from transfer_service.use_cases.people.backup_codes import confirm_backup_codes
from transfer_service.use_cases.people.changing_password import change_password
from transfer_service.use_cases.people.memberships import end_membership, suspend_membership
from transfer_service.use_cases.people.second_factor import (
    change_second_factor,
    confirm_second_factor,
    prepare_second_factor,
    use_recovery_code,
)

NEW_PASSWORD = "nine copper lanterns drift"


def ended(service: Service, since: int) -> list[tuple[object, object, object]]:
    """Subject, actor and basis of each ending of codes in the log."""
    return [
        (leaf.subject, leaf.actor, leaf.basis) for leaf in leaves(service)[since:] if leaf.event == "backup_codes.ended"
    ]


@pytest.mark.parametrize(("act", "basis"), [(end_membership, "leaver"), (suspend_membership, "role")])
def test_the_codes_of_a_colleague_whose_role_ends_or_rests_serve_no_more(
    cast: Cast, service: Service, act: Callable[..., object], basis: str
):
    code = make(service, cast.ben)[0]
    make(service, cast.alma)
    issue(service, cast.ben)
    before = len(leaves(service))
    with service.database.writing() as session:
        act(session, service.at, cast.hugh.actor, membership_id=cast.ben.membership_id)
    assert ended(service, before) == [(cast.ben.person_id, cast.hugh.person_id, basis)]
    assert (left(service, cast.ben).left, left(service, cast.alma).left) == (0, 10)
    with service.database.reading() as session:
        assert session.scalars(select(HeldForm)).all() == [], "those that were shown and not confirmed go too"
    with pytest.raises(SignInRefused):
        use(service, begin(service, cast.ben).cookie, code)


def test_codes_that_were_all_used_end_without_a_leaf(cast: Cast, service: Service):
    make(service, cast.ben)
    spend(service, *range(1, 11))
    before = len(leaves(service))
    with service.database.writing() as session:
        suspend_membership(session, service.at, cast.hugh.actor, membership_id=cast.ben.membership_id)
    assert ended(service, before) == []
    with service.database.reading() as session:
        assert session.scalars(select(BackupCodeHash)).all() == []


def test_another_device_ends_the_codes(cast: Cast, service: Service):
    make(service, cast.alma)
    with service.database.writing() as session:
        secret = prepare_second_factor(session, service.at, cookie=cast.alma.cookie).secret
    before = len(leaves(service))
    change_second_factor(
        service.database,
        service.at,
        cast.alma.actor,
        cookie=cast.alma.cookie,
        code=pyotp.TOTP(secret).at(service.clock()),
        device=HOME,
    )
    assert ended(service, before) == [(cast.alma.person_id, cast.alma.person_id, "role")]
    assert left(service, cast.alma).left == 0


def test_a_lost_device_that_is_replaced_ends_the_codes_and_not_before(cast: Cast, service: Service):
    make(service, cast.alma)
    waiting = use_recovery_code(
        service.database,
        service.at,
        cookie=begin(service, cast.alma).cookie,
        recovery_code=cast.alma.recovery_code,
        device=HOME,
    )
    with service.database.writing() as session:
        secret = prepare_second_factor(session, service.at, cookie=waiting.cookie).secret
    assert left(service, cast.alma).left == 10
    before = len(leaves(service))
    confirm_second_factor(
        service.database,
        service.at,
        cookie=waiting.cookie,
        code=pyotp.TOTP(secret).at(service.clock()),
        device=HOME,
    )
    assert ended(service, before) == [(cast.alma.person_id, cast.alma.person_id, "recovery_code")]
    assert left(service, cast.alma).left == 0


def test_a_changed_password_leaves_the_codes_as_it_leaves_the_device(cast: Cast, service: Service):
    code = make(service, cast.alma)[0]
    change_password(
        service.database,
        service.at,
        service.work,
        cast.alma.actor,
        old_password=cast.alma.password,
        new_password=NEW_PASSWORD,
        device=HOME,
    )
    assert use(service, begin(service, cast.alma, password=NEW_PASSWORD).cookie, code).is_full


def test_a_mailed_reset_leaves_the_codes_as_it_leaves_the_device(cast: Cast, service: Service):
    code = make(service, cast.ben)[0]
    issue(service, cast.ben)
    reset(service, ask(service, cast.ben.email))
    assert left(service, cast.ben).left == 10
    with service.database.reading() as session:
        assert session.scalars(select(HeldForm)).all() == [], "what was sealed to the old key is gone"
    with pytest.raises(SignInRefused):
        use(service, begin(service, cast.alma).cookie, code)


def spending(service: Service, member: Member) -> Callable[[Session], object]:
    """Stand for the first of two sign-ins with one code: it holds the person's row, and the code is used."""

    def spend_all(session: Session) -> object:
        session.get_one(Person, member.person_id, with_for_update=True)
        return session.execute(
            update(BackupCodeHash)
            .where(BackupCodeHash.person_id == member.person_id)
            .values(hash=None, used_at=service.clock())
        )

    return spend_all


def test_of_two_sign_ins_with_one_code_at_once_one_wins(cast: Cast, service: Service):
    code = make(service, cast.alma)[0]
    begun = begin(service, cast.alma)
    refusal = overlapping(service, spending(service, cast.alma), lambda: use(service, begun.cookie, code))
    assert isinstance(refusal, SignInRefused)


def test_new_codes_that_are_confirmed_twice_at_once_are_stored_once(cast: Cast, service: Service):
    issue(service, cast.alma)
    refusal = overlapping(
        service,
        lambda session: confirm_backup_codes(session, service.at, cast.alma.actor, person_key=cast.alma.person_key),
        lambda: confirm(service, cast.alma),
    )
    assert isinstance(refusal, RuleForbids)
    with service.database.reading() as session:
        assert len(session.scalars(select(BackupCodeHash)).all()) == 10


def test_an_old_code_that_is_used_while_new_ones_are_confirmed_is_refused(cast: Cast, service: Service):
    old = make(service, cast.alma)[0]
    issue(service, cast.alma)
    begun = begin(service, cast.alma)
    refusal = overlapping(
        service,
        lambda session: confirm_backup_codes(session, service.at, cast.alma.actor, person_key=cast.alma.person_key),
        lambda: use(service, begun.cookie, old),
    )
    assert isinstance(refusal, SignInRefused)
    assert left(service, cast.alma).left == 10
