import pytest
from sqlalchemy import select, update

from tests.cast import Cast, Service, refreshed
from transfer_service.crypto.suites import PersonKey, seal_to
from transfer_service.crypto.values import Seed
from transfer_service.db.models import KeyGrant, SchoolEpoch
from transfer_service.db.models import PersonKey as PersonKeyRow
from transfer_service.domain.errors import CannotOpen, KeyMissing, OpeningFailure
from transfer_service.domain.events import Basis
from transfer_service.domain.keys import GranteeKind, KeyState
from transfer_service.use_cases.keys.epochs import make_next_epoch
from transfer_service.use_cases.keys.holding import key_grant_info, open_school_keys
from transfer_service.use_cases.keys.public_keys import find_active_epoch, get_public_epoch


def test_a_safeguarding_lead_opens_the_keys_of_her_school(cast: Cast, service: Service):
    with service.database.reading() as session:
        keys = open_school_keys(session, service.at, cast.alma.actor, cast.alma.person_key)
        public = find_active_epoch(session, service.at, cast.sending)
    number, key = keys.active
    assert (number, keys.school_id) == (1, cast.sending)
    assert public is not None
    assert public.public == key.public == keys.get_epoch(1).public
    assert "redacted" not in repr(keys)
    assert "Seed" not in repr(keys)


def test_the_office_the_head_the_authority_and_another_persons_key_open_nothing(cast: Cast, service: Service):
    with service.database.reading() as session:
        for member in (cast.edie, cast.hugh, cast.olive, cast.oscar, cast.ada):
            with pytest.raises(KeyMissing):
                open_school_keys(session, service.at, member.actor, member.person_key)
        with pytest.raises(KeyMissing):
            open_school_keys(session, service.at, cast.alma.actor, cast.stella.person_key)
        with pytest.raises(KeyMissing):
            open_school_keys(session, service.at, cast.stella.actor, PersonKey.from_seed(Seed(b"\x05" * 32)))


def test_a_school_without_keys_has_no_active_epoch(cast: Cast, service: Service):
    with service.database.reading() as session:
        assert find_active_epoch(session, service.at, cast.keyless) is None


def test_one_damaged_grant_takes_its_own_epoch_away_and_no_other(cast: Cast, service: Service):
    keys = cast.alma.school_keys(service)
    with service.database.writing() as session:
        make_next_epoch(session, service.at, cast.alma.actor, school_keys=keys, basis=Basis.ROLE)
    with service.database.writing() as session:
        _damage(session, _grant(session, cast, number=1))
    keys = cast.alma.school_keys(service)
    assert keys.active[0] == 2
    assert keys.unreadable == {1}
    with pytest.raises(CannotOpen) as refused:
        keys.get_epoch(1)
    assert refused.value.reason is OpeningFailure.GRANT_UNREADABLE
    with pytest.raises(CannotOpen) as refused:
        keys.get_epoch(9)
    assert refused.value.reason is OpeningFailure.NO_GRANT


def test_grants_swapped_between_two_people_open_nothing(cast: Cast, service: Service):
    with service.database.writing() as session:
        mine, his = _grant(session, cast, number=1), _grant(session, cast, number=1, person=cast.ben.person_id)
        mine.sealed, his.sealed = his.sealed, mine.sealed
    keys = cast.alma.school_keys(service)
    with pytest.raises(CannotOpen) as refused:
        keys.active  # noqa: B018
    assert refused.value.reason is OpeningFailure.GRANT_UNREADABLE


def test_a_grant_that_leads_to_another_schools_epoch_is_not_taken_for_the_own(cast: Cast, service: Service):
    # Whoever can write the database points Stella's grant at the sending school's epoch.
    with service.database.writing() as session:
        grant = _grant(session, cast, number=1, person=cast.stella.person_id, school=cast.stranger)
        epoch = session.scalars(select(SchoolEpoch).where(SchoolEpoch.school_id == cast.sending)).one()
        session.execute(update(KeyGrant).where(KeyGrant.id == grant.id).values(school_epoch_id=epoch.id))
    with service.database.reading() as session, pytest.raises(KeyMissing):
        open_school_keys(session, service.at, cast.stella.actor, cast.stella.person_key)


def test_a_grant_of_a_key_that_somebody_chose_is_not_taken_for_the_schools(cast: Cast, service: Service):
    """Anybody can seal to a person's public key: what comes out counts only where it is the school's key."""
    with service.database.writing() as session:
        grant = _grant(session, cast, number=1, person=cast.alma.person_id, school=cast.sending)
        info = key_grant_info(
            service.at,
            suite=grant.suite,
            school_id=cast.sending,
            epoch=1,
            epoch_fingerprint=get_public_epoch(session, service.at, cast.sending, 1).public.fingerprint,
            grantee_kind=GranteeKind.PERSON,
            grantee_id=cast.alma.person_id,
            grantee_version=grant.grantee_version,
            grantee_fingerprint=cast.alma.person_key.fingerprint,
        )
        session.get_one(KeyGrant, grant.id).sealed = seal_to(cast.alma.person_key.public, Seed(b"\x66" * 32), info=info)
    keys = cast.alma.school_keys(service)
    assert (dict(keys.epochs), keys.unreadable) == ({}, frozenset({1}))
    with pytest.raises(CannotOpen) as refused:
        _ = keys.active
    assert refused.value.reason is OpeningFailure.GRANT_UNREADABLE


@pytest.mark.parametrize("column", ["kem_public", "signing_public", "fingerprint", "state", "number"])
def test_a_substituted_public_key_is_refused_before_it_is_used(cast: Cast, service: Service, column: str):
    with service.database.writing() as session:
        epoch = session.scalars(select(SchoolEpoch).where(SchoolEpoch.school_id == cast.receiving)).one()
        theirs = session.scalars(select(SchoolEpoch).where(SchoolEpoch.school_id == cast.stranger)).one()
        if column == "state":
            epoch.state = KeyState.RETIRED
        elif column == "number":
            epoch.number = 5
        else:
            setattr(epoch, column, getattr(theirs, column))
        number = epoch.number
    with service.database.reading() as session:
        with pytest.raises(CannotOpen) as refused:
            get_public_epoch(session, service.at, cast.receiving, number)
        assert refused.value.reason is OpeningFailure.PUBLIC_KEY_NOT_AUTHENTIC
        if column != "state":
            with pytest.raises(CannotOpen):
                find_active_epoch(session, service.at, cast.receiving)


def test_a_public_key_of_a_suite_that_is_not_in_use_is_refused(cast: Cast, service: Service):
    with service.database.writing() as session:
        session.execute(update(SchoolEpoch).where(SchoolEpoch.school_id == cast.receiving).values(suite=1))
    with service.database.reading() as session, pytest.raises(CannotOpen):
        find_active_epoch(session, service.at, cast.receiving)


def test_an_epoch_that_a_manifest_names_and_nobody_has_is_not_authentic(cast: Cast, service: Service):
    with service.database.reading() as session, pytest.raises(CannotOpen) as refused:
        get_public_epoch(session, service.at, cast.sending, 7)
    assert refused.value.reason is OpeningFailure.PUBLIC_KEY_NOT_AUTHENTIC


def test_a_school_with_only_a_retired_epoch_left_opens_old_files_and_signs_nothing(cast: Cast, service: Service):
    with service.database.writing() as session:
        from transfer_service.use_cases.keys.epoch_rows import retire_epoch

        retire_epoch(session, service.at, cast.alma.actor, school_id=cast.sending, basis=Basis.RULE)
    keys = cast.alma.school_keys(service)
    assert set(keys.epochs) == {1}
    with pytest.raises(KeyMissing):
        keys.active  # noqa: B018
    assert refreshed(service, cast.alma).actor.holds_keys is False


def test_a_person_key_that_somebody_replaced_in_the_database_is_granted_nothing(cast: Cast, service: Service):
    keys = cast.alma.school_keys(service)
    stolen = PersonKey.from_seed(Seed(b"\x06" * 32)).public
    with service.database.writing() as session:
        session.execute(
            update(PersonKeyRow)
            .where(PersonKeyRow.person_id == cast.ben.person_id)
            .values(kem_public=stolen.kem_public, fingerprint=stolen.fingerprint.digest)
        )
    with pytest.raises(CannotOpen), service.database.writing() as session:
        make_next_epoch(session, service.at, cast.alma.actor, school_keys=keys, basis=Basis.ROLE)


def test_opening_a_schools_keys_takes_one_statement(cast: Cast, service: Service, statements):
    with service.database.reading() as session, statements() as made:
        open_school_keys(session, service.at, cast.alma.actor, cast.alma.person_key)
    assert len(made) == 1


def _grant(session, cast: Cast, *, number: int, person=None, school=None) -> KeyGrant:
    return session.scalars(
        select(KeyGrant)
        .join(SchoolEpoch, SchoolEpoch.id == KeyGrant.school_epoch_id)
        .where(
            SchoolEpoch.school_id == (school or cast.sending),
            SchoolEpoch.number == number,
            KeyGrant.grantee_kind == GranteeKind.PERSON,
            KeyGrant.grantee_id == (person or cast.alma.person_id),
        )
    ).one()


def _damage(session, grant: KeyGrant) -> None:
    grant.sealed = bytes([grant.sealed[0] ^ 1]) + grant.sealed[1:]
