import pytest
from sqlalchemy import select

from tests.cast import Cast, Service
from tests.integration.people.steps import begin
from tests.observing import leaves
from transfer_service.db.models import HeldForm, SignInSession
from transfer_service.domain.errors import CannotOpen, NotFound, TooLarge
from transfer_service.use_cases.people.cleaning import delete_expired_rows
from transfer_service.use_cases.people.held_forms import find_held_form, hold_form, keep_for_person, take_held_form

BODY = b"text=She+told+me+about+the+bruise&category=chronology"
PATH = "/transfers/PT-7F3K-92Q4/notes/new"


def hold(service: Service, cookie: bytes, *, path: str = PATH, body: bytes = BODY):
    with service.database.writing() as session:
        return hold_form(session, service.at, cookie=cookie, path=path, body=body)


def find(service: Service, member):
    with service.database.reading() as session:
        return find_held_form(session, service.at, member.actor)


def take(service: Service, member, form_id):
    with service.database.writing() as session:
        return take_held_form(session, service.at, member.actor, person_key=member.person_key, form_id=form_id)


def test_a_form_posted_too_late_is_there_after_signing_in_and_nothing_was_acted_on(cast: Cast, service: Service):
    service.clock.move(minutes=40)
    before = len(leaves(service))
    held = hold(service, cast.alma.cookie)
    assert held is not None
    assert find(service, cast.alma) == (held, PATH)
    taken = take(service, cast.alma, held)
    assert (taken.path, taken.body) == (PATH, BODY)
    assert "bruise" not in repr(taken)
    assert find(service, cast.alma) is None, "it is offered once"
    assert take(service, cast.alma, held).body == BODY, "a reload shows it again"
    assert len(leaves(service)) == before


def test_it_is_sealed_and_nobody_else_finds_or_opens_it(cast: Cast, service: Service):
    held = hold(service, cast.alma.cookie)
    with service.database.reading() as session:
        row = session.scalars(select(HeldForm)).one()
    assert b"bruise" not in row.ciphertext + row.sealed_key
    assert find(service, cast.ben) is None
    with pytest.raises(NotFound):
        take(service, cast.ben, held)


def test_after_an_hour_it_is_gone(cast: Cast, service: Service):
    held = hold(service, cast.alma.cookie)
    service.clock.move(hours=1)
    assert find(service, cast.alma) is None
    with pytest.raises(NotFound):
        take(service, cast.alma, held)


def test_a_damaged_form_is_not_shown(cast: Cast, service: Service):
    held = hold(service, cast.alma.cookie)
    with service.database.writing() as session:
        row = session.scalars(select(HeldForm)).one()
        row.ciphertext = row.ciphertext[:-1] + bytes([row.ciphertext[-1] ^ 1])
    with pytest.raises(NotFound):
        take(service, cast.alma, held)


def test_a_form_whose_row_names_another_page_is_not_shown(cast: Cast, service: Service):
    held = hold(service, cast.alma.cookie)
    with service.database.writing() as session:
        session.scalars(select(HeldForm)).one().path = PATH.replace("7F3K", "7F3M")
    with pytest.raises(NotFound):
        take(service, cast.alma, held)


@pytest.mark.parametrize("path", ["recovery-code", "//elsewhere.example", "https://elsewhere.example/"])
def test_a_path_that_is_not_a_page_of_ours_is_not_held(cast: Cast, service: Service, path: str):
    assert hold(service, cast.alma.cookie, path=path) is None


def test_a_cookie_that_tells_nobody_holds_nothing(cast: Cast, service: Service):
    assert hold(service, b"\x00" * 32) is None
    assert hold(service, begin(service, cast.alma).cookie) is None
    service.clock.move(hours=9)
    assert hold(service, cast.alma.cookie) is None


def test_there_is_a_limit_to_size_and_number(cast: Cast, service: Service):
    with pytest.raises(TooLarge):
        hold(service, cast.alma.cookie, body=b"x" * (1024 * 1024 + 1))
    assert hold(service, cast.alma.cookie, body=b"x" * (1024 * 1024)) is not None
    for _ in range(4):
        assert hold(service, cast.alma.cookie) is not None
    assert hold(service, cast.alma.cookie) is None


def test_what_was_shown_already_makes_room_for_what_was_not(cast: Cast, service: Service):
    held = []
    for _ in range(5):
        held.append(hold(service, cast.alma.cookie))
        service.clock.move(seconds=1)
    take(service, cast.alma, held[2])
    sixth = hold(service, cast.alma.cookie, body=b"text=the+sixth")
    assert sixth is not None
    assert take(service, cast.alma, sixth).body == b"text=the+sixth"
    assert take(service, cast.alma, held[0]).body == BODY
    with pytest.raises(NotFound):
        take(service, cast.alma, held[2])


def test_a_form_remembers_for_which_place_it_was_typed(cast: Cast, service: Service):
    taken = take(service, cast.alma, hold(service, cast.alma.cookie))
    assert taken.place == str(cast.sending)
    assert take(service, cast.ada, hold(service, cast.ada.cookie)).place == "installation"


def test_nothing_is_kept_for_somebody_without_a_key_or_for_a_substituted_one(cast: Cast, service: Service):
    from sqlalchemy import update

    from transfer_service.db.models import PersonKey

    with pytest.raises(NotFound), service.database.writing() as session:
        keep_for_person(session, service.at, person_id=service.at.new_id(), label="/", body=b"x")
    with service.database.writing() as session:
        theirs = cast.stella.person_key.public
        session.execute(
            update(PersonKey)
            .where(PersonKey.person_id == cast.alma.person_id)
            .values(kem_public=theirs.kem_public, fingerprint=theirs.fingerprint.digest)
        )
    with pytest.raises(CannotOpen):
        hold(service, cast.alma.cookie)


def test_the_worker_deletes_what_is_over_and_nothing_else(cast: Cast, service: Service):
    hold(service, cast.alma.cookie)
    begin(service, cast.ben)
    with service.database.writing() as session:
        assert delete_expired_rows(session, service.at) == 0
    service.clock.move(minutes=5)
    with service.database.writing() as session:
        assert delete_expired_rows(session, service.at) == 1, "the sign-in that was not finished"
    service.clock.move(minutes=55)
    with service.database.writing() as session:
        assert delete_expired_rows(session, service.at) == 1, "the form"
    service.clock.move(hours=9)
    with service.database.writing() as session:
        assert delete_expired_rows(session, service.at) == 10, "everybody's session"
        assert session.scalars(select(SignInSession)).all() == []
