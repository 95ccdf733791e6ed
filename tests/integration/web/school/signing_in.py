"""Signing in again, for tests in which days pass."""

from dataclasses import replace

from tests.cast import HOME, Member, Service, refreshed
from transfer_service.use_cases.people.signing_in import begin_sign_in, finish_sign_in


def signed_in_again(service: Service, member: Member) -> Member:
    """The same person with a new session."""
    begun = begin_sign_in(
        service.database, service.at, service.work, email=member.email, password=member.password, device=HOME
    )
    done = finish_sign_in(service.database, service.at, cookie=begun.cookie, code=member.code(service), device=HOME)
    return refreshed(service, replace(member, cookie=done.cookie))
