import pytest
from sqlalchemy import update

from tests.cast import (
    COVENTRY_RECOVERY,
    Cast,
    Service,
    grant_keys,
    join_service,
    refreshed,
)
from tests.observing import alerts, leaves
from transfer_service.db.models import PersonKey
from transfer_service.domain.errors import (
    AlreadyDone,
    CannotOpen,
    KeyMissing,
    NeedsPassword,
    NotFound,
    PermissionRefused,
    RuleForbids,
)
from transfer_service.domain.events import Basis
from transfer_service.domain.roles import MembershipState, Role
from transfer_service.use_cases.keys.epochs import make_next_epoch
from transfer_service.use_cases.keys.granting import (
    HolderLevel,
    HolderState,
    compare_fingerprints,
    get_own_words,
    grant_school_keys,
    summarise_key_holders,
)


@pytest.fixture
def gil(cast: Cast, service: Service):
    """A second deputy of the sending school, signed up and waiting for the key."""
    return join_service(service, name="Gil Tran", role=Role.DEPUTY_DSL, school_id=cast.sending, inviter=cast.hugh.actor)


def grant(service: Service, holder, member, *, words=None, basis=Basis.IN_PERSON_CHECK, keys=None):
    keys = keys or holder.school_keys(service)
    with service.database.writing() as session:
        words = (
            words
            or compare_fingerprints(
                session, service.at, holder.actor, membership_id=member.membership_id
            ).colleague_words
        )
        return grant_school_keys(
            session,
            service.at,
            holder.actor,
            school_keys=keys,
            membership_id=member.membership_id,
            confirmed_words=words,
            basis=basis,
        )


def test_a_colleague_grants_every_epoch_with_a_leaf_each(cast: Cast, service: Service, gil):
    with service.database.writing() as session:
        make_next_epoch(session, service.at, cast.alma.actor, school_keys=cast.alma.school_keys(service))
    before = len(leaves(service))
    assert grant(service, cast.alma, gil) == 2
    said = leaves(service)[before:]
    assert [(leaf.event, leaf.epoch, leaf.basis) for leaf in said] == [
        ("key.compared", None, "in_person_check"),
        ("membership.approved", None, "colleague"),
        ("key.granted", 1, "in_person_check"),
        ("key.granted", 2, "in_person_check"),
    ]
    assert said[0].key == gil.person_key.fingerprint.hex
    assert ("key.granted", gil.email) in alerts(service)
    gil = refreshed(service, gil)
    assert gil.actor.holds_keys
    assert set(gil.school_keys(service).epochs) == {1, 2}


def test_both_see_the_same_eight_words(cast: Cast, service: Service, gil):
    with service.database.reading() as session:
        pair = compare_fingerprints(session, service.at, cast.alma.actor, membership_id=gil.membership_id)
        assert get_own_words(session, service.at, gil.actor) == pair.colleague_words
        assert get_own_words(session, service.at, cast.alma.actor) == pair.own_words
    assert len(pair.colleague_words) == 8
    assert pair.colleague_words == gil.person_key.fingerprint.words()
    assert pair.colleague_name == "Gil Tran"


def test_until_granted_the_colleague_may_do_nothing(cast: Cast, service: Service, gil):
    assert gil.actor.roles == frozenset()
    assert not gil.actor.holds_keys
    with pytest.raises(KeyMissing):
        gil.school_keys(service)


def test_granting_twice_says_so(cast: Cast, service: Service, gil):
    grant(service, cast.alma, gil)
    with pytest.raises(AlreadyDone):
        grant(service, cast.ben, gil)


def test_an_epoch_that_was_missing_is_added(cast: Cast, service: Service, gil):
    grant(service, cast.alma, gil)
    with service.database.writing() as session:
        make_next_epoch(session, service.at, cast.alma.actor, school_keys=cast.alma.school_keys(service))
    gil = refreshed(service, gil)
    assert set(gil.school_keys(service).epochs) == {1, 2}
    with pytest.raises(AlreadyDone):
        grant(service, cast.alma, gil)


def test_a_key_that_changed_since_it_was_compared_is_granted_nothing(cast: Cast, service: Service, gil):
    with pytest.raises(RuleForbids) as refused:
        grant(service, cast.alma, gil, words=cast.stella.person_key.fingerprint.words())
    assert refused.value.rule == "fingerprint_changed"


def test_a_public_key_that_was_put_into_the_database_is_granted_nothing(cast: Cast, service: Service, gil):
    theirs = COVENTRY_RECOVERY.public
    with service.database.writing() as session:
        session.execute(
            update(PersonKey)
            .where(PersonKey.person_id == gil.person_id)
            .values(kem_public=theirs.kem_public, fingerprint=theirs.fingerprint.digest)
        )
    with pytest.raises(CannotOpen):
        grant(service, cast.alma, gil)


def test_comparing_by_mail_does_not_count(cast: Cast, service: Service, gil):
    with pytest.raises(RuleForbids) as refused:
        grant(service, cast.alma, gil, basis=Basis.ROLE)
    assert refused.value.rule == "not_compared"


def test_nobody_grants_keys_to_themselves(cast: Cast, service: Service):
    with pytest.raises(RuleForbids) as refused:
        grant(service, cast.alma, cast.alma)
    assert refused.value.rule == "own_key"


def test_who_may_not_grant(cast: Cast, service: Service, gil):
    keys = cast.alma.school_keys(service)
    with pytest.raises(PermissionRefused):
        grant(service, cast.hugh, gil, keys=keys)
    for stranger in (cast.stella, cast.olive):
        with pytest.raises(NotFound):
            grant(service, stranger, gil, keys=keys)
    with pytest.raises(NotFound):
        grant(service, cast.alma, cast.edie)
    with pytest.raises(KeyMissing):
        grant(service, cast.alma, gil, keys=cast.stella.school_keys(service))
    service.clock.move(minutes=6)
    with pytest.raises(NeedsPassword):
        grant(service, cast.alma, gil)


def test_a_person_who_was_only_invited_has_no_key_to_compare(cast: Cast, service: Service):
    from transfer_service.use_cases.people.inviting import invite_person

    with service.database.writing() as session:
        invited = invite_person(
            session,
            service.at,
            cast.hugh.actor,
            email="ivo@example.org",
            role=Role.DEPUTY_DSL,
            school_id=cast.sending,
        )
    with service.database.reading() as session, pytest.raises(NotFound):
        compare_fingerprints(session, service.at, cast.alma.actor, membership_id=invited.membership_id)


def test_the_page_of_who_holds_keys_says_since_when_and_how_many_are_enough(
    cast: Cast, service: Service, gil, statements
):
    with service.database.reading() as session, statements() as made:
        summary = summarise_key_holders(session, cast.sending)
    assert len(made) == 2
    assert summary.level is HolderLevel.GREEN
    assert summary.epoch_number == 1
    assert [(holder.name, holder.state, holder.granted_at is not None) for holder in summary.holders] == [
        ("Alma Reyes", HolderState.GRANTED, True),
        ("Ben Okafor", HolderState.GRANTED, True),
        ("Gil Tran", HolderState.KEY_MADE, False),
    ]


def test_one_holder_is_amber_and_none_is_red(cast: Cast, service: Service):
    with service.database.reading() as session:
        assert summarise_key_holders(session, cast.stranger).level is HolderLevel.AMBER
        none = summarise_key_holders(session, cast.keyless)
    assert (none.level, none.epoch_number, none.epoch_made_at, none.holders) == (HolderLevel.RED, None, None, ())


def test_the_states_on_the_way_to_a_key(cast: Cast, service: Service):
    from transfer_service.use_cases.oversight.approvals import approve_first_dsl
    from transfer_service.use_cases.people.inviting import invite_person

    with service.database.writing() as session:
        invite_person(
            session, service.at, cast.olive.actor, email="ivo@example.org", role=Role.DEPUTY_DSL, school_id=cast.keyless
        )
    fay = join_service(service, name="Fay Lund", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=cast.keyless)
    with service.database.writing() as session:
        approve_first_dsl(session, service.at, cast.olive.actor, membership_id=fay.membership_id)
    with service.database.reading() as session:
        states = {one.email: one.state for one in summarise_key_holders(session, cast.keyless).holders}
    assert states == {"ivo@example.org": HolderState.INVITED, fay.email: HolderState.COMPARED}


def test_a_person_at_two_schools_holds_two_keys_and_mixes_none(cast: Cast, service: Service):
    from dataclasses import replace

    from transfer_service.db.models import Membership
    from transfer_service.domain.roles import OrganisationKind
    from transfer_service.use_cases.people.accepting import accept_another_invitation
    from transfer_service.use_cases.people.inviting import invite_person
    from transfer_service.use_cases.people.sessions import choose_place

    with service.database.writing() as session:
        invited = invite_person(
            session,
            service.at,
            cast.cora.actor,
            email=cast.ben.email,
            role=Role.DEPUTY_DSL,
            school_id=cast.receiving,
        )
    with service.database.writing() as session:
        accept_another_invitation(session, service.at, cast.ben.actor, token=invited.token)
    with service.database.reading() as session:
        waiting = session.get_one(Membership, invited.membership_id)
        assert waiting.state is MembershipState.AWAITING_APPROVAL
    grant_keys(service, cast.cora, replace(cast.ben, membership_id=invited.membership_id))
    with service.database.writing() as session:
        choose_place(session, service.at, cast.ben.actor, kind=OrganisationKind.SCHOOL, organisation_id=cast.receiving)
    there = refreshed(service, cast.ben)
    assert there.actor.organisation_id == cast.receiving
    assert there.school_keys(service).active[1].public == cast.cora.school_keys(service).active[1].public
    with service.database.writing() as session:
        choose_place(session, service.at, there.actor, kind=OrganisationKind.SCHOOL, organisation_id=cast.sending)
    here = refreshed(service, cast.ben)
    assert here.school_keys(service).active[1].public == cast.alma.school_keys(service).active[1].public


def test_an_active_colleague_who_lacks_an_epoch_is_granted_it(cast: Cast, service: Service):
    from sqlalchemy import delete

    from transfer_service.db.models import KeyGrant

    with service.database.writing() as session:
        session.execute(delete(KeyGrant).where(KeyGrant.grantee_id == cast.ben.person_id))
    before = len(leaves(service))
    assert grant(service, cast.alma, cast.ben) == 1
    assert [leaf.event for leaf in leaves(service)[before:]] == ["key.compared", "key.granted"]


def test_somebody_whose_key_is_gone_has_no_words(cast: Cast, service: Service, gil):
    from sqlalchemy import delete

    with service.database.writing() as session:
        session.execute(delete(PersonKey).where(PersonKey.person_id == gil.person_id))
    with service.database.reading() as session, pytest.raises(NotFound):
        get_own_words(session, service.at, gil.actor)
