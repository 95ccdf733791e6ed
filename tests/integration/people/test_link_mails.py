"""The mail of an invitation that was taken back or replaced does not go out with a dead link."""

from datetime import timedelta

from sqlalchemy import select, update

from tests.cast import HOME, Cast, Service
from tests.integration.jobs.conftest import Post, events, get_alert, post  # noqa: F401 -- a fixture
from tests.observing import leaves
from transfer_service.db.models import Alert
from transfer_service.domain.alerts import AlertKind, AlertState
from transfer_service.domain.roles import Role
from transfer_service.jobs.outbox import claim_next
from transfer_service.use_cases.people.accepting import accept_another_invitation
from transfer_service.use_cases.people.inviting import Invited, invite_person, resend_invitation, withdraw_invitation
from transfer_service.use_cases.people.link_mails import withdraw_dead_links
from transfer_service.use_cases.people.locking import lock_person
from transfer_service.use_cases.people.memberships import end_membership
from transfer_service.use_cases.people.reset_links import make_token, request_password_reset
from transfer_service.use_cases.people.resetting import reset_password


def invite(service: Service, cast: Cast, *, email: str = "new@example.org") -> Invited:
    with service.database.writing() as session:
        return invite_person(
            session, service.at, cast.alma.actor, email=email, role=Role.DEPUTY_DSL, school_id=cast.sending
        )


def withdraw(service: Service, cast: Cast, invited: Invited) -> None:
    with service.database.writing() as session:
        withdraw_invitation(session, service.at, cast.alma.actor, membership_id=invited.membership_id)


def states(service: Service, kind: AlertKind = AlertKind.INVITATION) -> list[tuple[AlertState, bool]]:
    """Each mail of a kind, oldest first, and whether its link is still in the row."""
    with service.database.reading() as session:
        found = session.scalars(select(Alert).where(Alert.kind == kind.value).order_by(Alert.created_at, Alert.id))
        return [(alert.state, alert.secret is not None) for alert in found]


def test_the_mail_of_a_withdrawn_invitation_does_not_go_out(service: Service, cast: Cast, post: Post):  # noqa: F811
    before = len(leaves(service))
    withdraw(service, cast, invite(service, cast))
    assert states(service) == [(AlertState.WITHDRAWN, False)]
    assert [leaf.event for leaf in leaves(service)[before:]] == [
        "person.invited",
        "alert.withdrawn",
        "invitation.withdrawn",
    ]
    assert post.run() == ""
    assert post.mails() == []


def test_of_an_invitation_sent_again_only_the_new_mail_goes_out(service: Service, cast: Cast, post: Post):  # noqa: F811
    invited = invite(service, cast)
    service.clock.move(seconds=1)
    with service.database.writing() as session:
        again = resend_invitation(session, service.at, cast.alma.actor, membership_id=invited.membership_id)
    assert states(service) == [(AlertState.WITHDRAWN, False), (AlertState.PENDING, True)]
    assert post.run() == "sent 1, failed 0"
    (mail,) = post.mails()
    text = mail.get_payload(decode=True).decode()
    assert again.path in text
    assert invited.path not in text


def test_another_invitation_of_the_same_person_still_goes_out(service: Service, cast: Cast):
    first = invite(service, cast)
    service.clock.move(seconds=1)
    with service.database.writing() as session:
        invite_person(
            session, service.at, cast.cora.actor, email="new@example.org", role=Role.DEPUTY_DSL,
            school_id=cast.receiving,
        )  # fmt: skip
    withdraw(service, cast, first)
    assert states(service) == [(AlertState.WITHDRAWN, False), (AlertState.PENDING, True)]


def test_ending_a_role_that_was_only_offered_withdraws_its_mail(service: Service, cast: Cast):
    invited = invite(service, cast)
    with service.database.writing() as session:
        end_membership(session, service.at, cast.alma.actor, membership_id=invited.membership_id)
    assert states(service) == [(AlertState.WITHDRAWN, False)]


def test_a_mail_that_went_out_stays_sent(service: Service, cast: Cast, post: Post):  # noqa: F811
    invited = invite(service, cast)
    post.run()
    withdraw(service, cast, invited)
    assert states(service) == [(AlertState.SENT, False)]


def test_a_mail_in_the_workers_hands_is_left_to_it_and_not_tried_again(
    service: Service,
    cast: Cast,
    post: Post,  # noqa: F811
):
    invited = invite(service, cast)
    with service.database.writing() as session:
        claim = claim_next(session, service.at)
    assert claim is not None
    withdraw(service, cast, invited)
    assert states(service) == [(AlertState.PENDING, True)]
    service.clock.move(minutes=6)
    assert post.run() == "", "neither sent nor failed"
    assert post.mails() == []
    assert states(service) == [(AlertState.WITHDRAWN, False)]
    assert events(service, claim.alerts[0].id) == ["alert.withdrawn"]


def test_the_mail_of_a_link_that_was_used_does_not_go_out(service: Service, cast: Cast, post: Post):  # noqa: F811
    with service.database.writing() as session:
        request_password_reset(session, service.at, email=cast.alma.email, address=HOME.address)
        token = make_token(service.at, lock_person(session, cast.alma.person_id))
    reset_password(
        service.database, service.at, service.work, token=token, password="four purple kettles whistle", device=HOME
    )
    assert post.run().endswith("failed 0")
    assert sorted(mail["Subject"] for mail in post.mails() if mail["To"] == cast.alma.email) == [
        "Your password was changed"
    ]
    assert states(service, AlertKind.PASSWORD_RESET) == [(AlertState.WITHDRAWN, False)]


def test_an_invitation_that_was_taken_up_from_the_command_lines_link_is_still_mailed(
    service: Service,
    cast: Cast,
    post: Post,  # noqa: F811
):
    invited = invite(service, cast, email=cast.edie.email)
    with service.database.writing() as session:
        accept_another_invitation(session, service.at, cast.edie.actor, token=invited.token)
    post.run()
    assert states(service) == [(AlertState.SENT, False)]


def test_a_row_that_cannot_be_read_is_not_called_dead(service: Service, cast: Cast):
    invite(service, cast)
    with service.database.writing() as session:
        session.execute(update(Alert).values(secret=b"\x00" * 80))
    with service.database.writing() as session:
        alert = session.scalars(select(Alert)).one()
        person = lock_person(session, alert.person_id)  # type: ignore[arg-type]
        assert withdraw_dead_links(session, service.at, person) == []
    assert get_alert(service, alert.id).state is AlertState.PENDING


def test_a_link_that_ran_out_is_given_up_loudly_as_before(service: Service, cast: Cast, post: Post):  # noqa: F811
    invite(service, cast)
    with service.database.writing() as session:
        session.execute(update(Alert).values(not_before=service.clock() + timedelta(days=14)))
    service.clock.move(days=14)
    assert post.run().endswith("failed 1")
    assert states(service) == [(AlertState.GIVEN_UP, False)]
