"""Who seals something to a school sees since when it has its key, and which officer approved it."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.cast import BUILT_AT, Cast, Service
from transfer_service.db.models import SchoolEpoch
from transfer_service.domain.errors import CannotOpen, OpeningFailure
from transfer_service.use_cases.keys.epochs import make_next_epoch
from transfer_service.use_cases.keys.granting import HolderLevel
from transfer_service.use_cases.keys.vouching import VouchedKey, find_vouched_key


def look(service: Service, school_id) -> VouchedKey | None:
    with service.database.reading() as session:
        return find_vouched_key(session, service.at, school_id)


def test_a_schools_first_key_names_its_day_and_its_officer(cast: Cast, service: Service, statements):
    with statements() as made:
        key = look(service, cast.receiving)
    assert key is not None
    assert (key.number, key.made_at, key.approved_by) == (1, BUILT_AT, "Olive Hartley")
    assert (key.approving_authority, key.level, key.is_renewed) == ("Warwickshire", HolderLevel.GREEN, False)
    assert len(made) == 4
    alone = look(service, cast.stranger)
    assert alone is not None
    assert alone.level is HolderLevel.AMBER


def test_a_renewed_key_leads_back_to_the_one_that_was_approved(cast: Cast, service: Service):
    keys = cast.cora.school_keys(service)
    with service.database.writing() as session:
        make_next_epoch(session, service.at, cast.cora.actor, school_keys=keys)
    key = look(service, cast.receiving)
    assert key is not None
    assert (key.number, key.made_at, key.approved_at) == (2, service.at.now(), BUILT_AT)
    assert key.is_renewed
    assert key.approved_by == "Olive Hartley"


def test_a_school_without_a_key_has_nobody_to_vouch(cast: Cast, service: Service):
    assert look(service, cast.keyless) is None


def test_a_key_that_was_substituted_is_vouched_for_by_nobody(cast: Cast, service: Service):
    with service.database.writing() as session:
        session.execute(update(SchoolEpoch).where(SchoolEpoch.school_id == cast.receiving).values(mac=b"\0" * 32))
    with pytest.raises(CannotOpen):
        look(service, cast.receiving)


def renew(cast: Cast, service: Service) -> None:
    service.clock.move(minutes=1)
    keys = cast.cora.school_keys(service)
    with service.database.writing() as session:
        make_next_epoch(session, service.at, cast.cora.actor, school_keys=keys)


@pytest.mark.parametrize(
    "changed",
    [
        {"approved_by": "oscar"},
        {"created_at": BUILT_AT - timedelta(days=300)},
        {"created_by": "stella"},
    ],
    ids=lambda changed: str(next(iter(changed))),
)
@pytest.mark.parametrize("number", [1, 2])
def test_another_officer_or_an_older_date_in_the_database_is_found(
    cast: Cast, service: Service, changed: dict[str, object], number: int
):
    renew(cast, service)
    values = {
        name: getattr(cast, value).person_id if isinstance(value, str) else value for name, value in changed.items()
    }
    with service.database.writing() as session:
        session.execute(
            update(SchoolEpoch)
            .where(SchoolEpoch.school_id == cast.receiving, SchoolEpoch.number == number)
            .values(**values)
        )
    with pytest.raises(CannotOpen) as refused:
        look(service, cast.receiving)
    assert refused.value.reason is OpeningFailure.PUBLIC_KEY_NOT_AUTHENTIC


def test_a_key_that_the_one_before_did_not_sign_is_vouched_for_by_nobody(cast: Cast, service: Service):
    renew(cast, service)
    second = update(SchoolEpoch).where(SchoolEpoch.school_id == cast.receiving, SchoolEpoch.number == 2)
    with service.database.writing() as session:
        session.execute(second.values(previous_signature=bytes(64)))
    with pytest.raises(CannotOpen):
        look(service, cast.receiving)
    with service.database.writing() as session:
        session.execute(second.values(previous_signature=None))
    key = look(service, cast.receiving)
    assert key is not None
    assert (key.made_at, key.approved_at, key.approved_by) == (service.clock(), None, "")


def test_of_a_key_from_before_its_origin_was_recorded_nothing_is_said(cast: Cast, service: Service):
    with service.database.writing() as session:
        session.execute(update(SchoolEpoch).values(origin_mac=None))
    key = look(service, cast.receiving)
    assert key is not None
    assert (key.made_at, key.approved_at, key.approved_by, key.is_renewed) == (None, None, "", False)
