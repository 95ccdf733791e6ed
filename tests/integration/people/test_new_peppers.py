"""A password is protected by today's pepper from the next sign-in on."""

from dataclasses import replace

from sqlalchemy import select

from tests.cast import Cast, Service
from tests.integration.people.steps import begin, finish
from tests.observing import leaves
from transfer_service.crypto.peppers import PepperSet
from transfer_service.db.models import Person, Unlock
from transfer_service.domain.keys import UnlockKind
from transfer_service.use_cases.people.passwords import PasswordWork

OLD, NEW = b"\x02" * 32, b"\x03" * 32


def with_peppers(service: Service, peppers: dict[int, bytes]) -> Service:
    return replace(service, work=PasswordWork(PepperSet(peppers)))


def pepper_of(service: Service, member) -> tuple[bool, bool]:
    """Whether the person's parameters, and those of the wrap, name pepper 2."""
    with service.database.reading() as session:
        person = session.get_one(Person, member.person_id)
        unlock = session.scalars(
            select(Unlock).where(Unlock.person_id == member.person_id, Unlock.kind == UnlockKind.PASSWORD)
        ).one()
        return "keyid=2$" in (person.password_parameters or ""), "keyid=2$" in unlock.parameters


def test_the_next_sign_in_moves_a_password_to_the_new_pepper_and_the_old_one_can_go(cast: Cast, service: Service):
    with service.database.reading() as session:
        changed_at = session.get_one(Person, cast.alma.person_id).password_changed_at
    both = with_peppers(service, {2: NEW, 1: OLD})
    begin(both, cast.alma)
    assert pepper_of(service, cast.alma) == (True, True)
    assert pepper_of(service, cast.ben) == (False, False)
    assert [leaf.event for leaf in leaves(service)][-1] == "unlock.rewrapped"
    with service.database.reading() as session:
        assert session.get_one(Person, cast.alma.person_id).password_changed_at == changed_at
    begun = begin(with_peppers(service, {2: NEW}), cast.alma)
    assert finish(service, cast.alma, begun.cookie).is_full


def test_a_wrong_password_and_todays_pepper_change_nothing(cast: Cast, service: Service):
    before = len(leaves(service))
    begin(service, cast.alma)
    assert len(leaves(service)) == before
