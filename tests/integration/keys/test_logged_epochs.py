"""An earlier epoch of a school's key that somebody puts back in the database, with its authentication of then."""

import pytest
from sqlalchemy import delete, insert, select

from tests.cast import Cast, Service
from tests.observing import leaves, rows
from transfer_service.crypto import formats
from transfer_service.db.models import KeyGrant, SchoolEpoch
from transfer_service.domain.ailments import Ailment
from transfer_service.domain.errors import CannotOpen, KeyMissing, OpeningFailure
from transfer_service.domain.keys import KeyState
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.keys.epoch_rows import next_number
from transfer_service.use_cases.keys.epochs import make_next_epoch
from transfer_service.use_cases.keys.exposure import report_exposure
from transfer_service.use_cases.keys.holding import get_own_epoch
from transfer_service.use_cases.keys.public_keys import authentic_epoch, find_active_epoch
from transfer_service.use_cases.keys.rotation import reseal_round
from transfer_service.use_cases.oversight.doctor import examine


def renew(service: Service, member) -> None:
    keys = member.school_keys(service)
    with service.database.writing() as session:
        make_next_epoch(session, service.at, member.actor, school_keys=keys)


@pytest.fixture
def put_back(cast: Cast, service: Service) -> None:
    """Keep a copy of the first epoch and its grants, have a second made, and put the copy in its place."""
    of_school = SchoolEpoch.school_id == cast.receiving
    with service.database.reading() as session:
        epoch = dict(session.execute(select(SchoolEpoch.__table__).where(of_school)).mappings().one())
        of_epoch = KeyGrant.school_epoch_id == epoch["id"]
        grants = [dict(row) for row in session.execute(select(KeyGrant.__table__).where(of_epoch)).mappings()]
    renew(service, cast.cora)
    with service.database.writing() as session:
        ids = select(SchoolEpoch.id).where(of_school)
        session.execute(delete(KeyGrant).where(KeyGrant.school_epoch_id.in_(ids)))
        session.execute(delete(SchoolEpoch).where(of_school))
        session.execute(insert(SchoolEpoch.__table__).values(epoch))
        session.execute(insert(KeyGrant.__table__).values(grants))


@pytest.mark.usefixtures("put_back")
def test_nothing_is_sealed_to_it_although_its_row_is_authentic(cast: Cast, service: Service):
    with service.database.reading() as session:
        row = session.scalars(select(SchoolEpoch).where(SchoolEpoch.school_id == cast.receiving)).one()
        assert authentic_epoch(service.at, row).state is KeyState.ACTIVE
        with pytest.raises(CannotOpen) as refused:
            find_active_epoch(session, service.at, cast.receiving)
        assert refused.value.reason is OpeningFailure.PUBLIC_KEY_NOT_AUTHENTIC
        with pytest.raises(CannotOpen):
            get_own_epoch(session, service.at, cast.cora.school_keys(service))
    before = rows(service)
    with service.database.writing() as session, pytest.raises(CannotOpen):
        reseal_round(session, service.at, cast.cora.actor, person_key=cast.cora.person_key)
    assert rows(service) == before


@pytest.mark.usefixtures("put_back")
def test_the_doctor_finds_it(cast: Cast, service: Service, tmp_path):
    examination = examine(service.database, service.at, Storage.from_url(f"file://{tmp_path}"), secret_files={})
    found = [(one.ailment, one.school_id) for one in examination.findings if one.ailment is Ailment.KEY_NOT_AS_LOGGED]
    assert found == [(Ailment.KEY_NOT_AS_LOGGED, cast.receiving)]
    assert not examination.is_healthy


def test_the_doctor_finds_nothing_where_keys_stand_as_the_log_says(cast: Cast, service: Service, tmp_path):
    renew(service, cast.cora)
    examination = examine(service.database, service.at, Storage.from_url(f"file://{tmp_path}"), secret_files={})
    assert examination.counts.get(Ailment.KEY_NOT_AS_LOGGED, 0) == 0


@pytest.mark.usefixtures("put_back")
def test_the_school_puts_it_out_of_use_and_the_next_number_was_never_used(cast: Cast, service: Service):
    with service.database.writing() as session:
        report_exposure(session, service.at, cast.cora.actor)
    with service.database.reading() as session:
        assert next_number(session, cast.receiving) == 3
        assert find_active_epoch(session, service.at, cast.receiving) is None


def test_the_row_of_another_key_under_the_id_of_the_present_one_is_refused(cast: Cast, service: Service):
    """The log is asked about the row's id: it has to be of the same key as well."""
    renew(service, cast.cora)
    with service.database.writing() as session:
        first, second = session.scalars(
            select(SchoolEpoch).where(SchoolEpoch.school_id == cast.receiving).order_by(SchoolEpoch.number)
        )
        second.number, second.kem_public, second.signing_public = 9, first.kem_public, first.signing_public
        second.fingerprint = first.fingerprint
        second.mac = service.at.field_keys.authenticate_public_key(
            cast.cora.school_keys(service).get_epoch(1).public,
            kind=formats.KeyKind.EPOCH,
            owner=cast.receiving,
            epoch=9,
            state=KeyState.ACTIVE.value,
        )
    with service.database.reading() as session, pytest.raises(CannotOpen):
        find_active_epoch(session, service.at, cast.receiving)


def test_whose_keys_are_of_an_epoch_replaced_meanwhile_seals_nothing_with_them(cast: Cast, service: Service):
    stale = cast.dev.school_keys(service)
    renew(service, cast.cora)
    with service.database.reading() as session, pytest.raises(KeyMissing):
        get_own_epoch(session, service.at, stale)


def test_the_log_names_each_epoch_with_number_and_key(cast: Cast, service: Service):
    renew(service, cast.cora)
    said = [leaf for leaf in leaves(service) if leaf.org == cast.receiving and leaf.event.startswith("epoch.")]
    assert [(leaf.event, leaf.epoch) for leaf in said] == [
        ("epoch.created", 1),
        ("epoch.created", 2),
        ("epoch.retired", 1),
    ]
    assert all(leaf.key and leaf.subject for leaf in said)
