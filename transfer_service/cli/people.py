"""`people invite`: the first people of an installation."""

from __future__ import annotations

from uuid import UUID

import click

from config.settings import NEEDS_DATABASE
from transfer_service.app import build_installation
from transfer_service.cli.edge import NEEDS_INSTALLATION, load_settings, open_database
from transfer_service.cli.exits import Refused
from transfer_service.cli.output import json_option, say, say_json
from transfer_service.db.queries.authorities import find_authority_id
from transfer_service.db.queries.schools import find_school_by_urn
from transfer_service.db.session import Database
from transfer_service.domain.dates import say_time
from transfer_service.domain.roles import Role
from transfer_service.use_cases.people.inviting import invite_person
from transfer_service.use_cases.people.letting_begin_again import let_overseer_begin_again


@click.group()
def people() -> None:
    """Invite the first people of an installation."""


@people.command()
@click.argument("email")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option("--school", "urn", help="The URN of the school, for a role at a school.")
@click.option("--authority", "code", help="The three digits of the authority, for a role there.")
@json_option
def invite(*, email: str, role: str, urn: str | None, code: str | None, as_json: bool) -> None:
    """Invite EMAIL into a role at a school, at an authority, or as administrator. The link is mailed and shown once."""
    if urn and code:
        raise click.UsageError("Give --school or --authority, not both.")
    settings = load_settings(NEEDS_DATABASE | NEEDS_INSTALLATION | {"base_url"})
    with open_database(settings) as database:
        school_id, authority_id = _place(database, urn, code)
        at = build_installation(settings)
        with database.writing() as session:
            invited = invite_person(
                session, at, None, email=email, role=Role(role), school_id=school_id, authority_id=authority_id
            )
    link = settings.base_url + invited.path
    if as_json:
        say_json({"membership": invited.membership_id, "link": link, "expires_at": invited.expires_at})
    else:
        say(f"The invitation is in the outbox. The link works once, until {say_time(invited.expires_at)}:")
        say(link)


@people.command("begin-again")
@click.argument("email")
@click.option("--authority", "code", help="The three digits of the authority; without it, for an administrator.")
@json_option
def begin_again(*, email: str, code: str | None, as_json: bool) -> None:
    """Let EMAIL, who lost device and all codes, begin again: the roles end, and are offered anew by mail.

    For an authority or the installation, where no colleague is left to do it. At a school its people do it, or its
    authority. Speak with the person first: whoever reads the mail gets the link.
    """
    settings = load_settings(NEEDS_DATABASE | NEEDS_INSTALLATION | {"base_url"})
    with open_database(settings) as database:
        _, authority_id = _place(database, None, code)
        at = build_installation(settings)
        with database.writing() as session:
            done = let_overseer_begin_again(session, at, email=email, authority_id=authority_id)
    if as_json:
        say_json(
            {"invitations": [{"membership": one.membership_id, "expires_at": one.expires_at} for one in done.offered]}
        )
    else:
        say("The access has ended. A link to begin again is in the outbox; it works once, for 14 days.")


def _place(database: Database, urn: str | None, code: str | None) -> tuple[UUID | None, UUID | None]:
    """Find the school or authority that is meant; neither stands for the installation. Raises Refused."""
    with database.reading() as session:
        if urn is not None:
            school = find_school_by_urn(session, urn)
            if school is None:
                raise Refused("No school has this URN. Import the register of schools first, or check the number.")
            return school.id, None
        if code is not None:
            authority_id = find_authority_id(session, code)
            if authority_id is None:
                raise Refused("No authority has this code. Run transfer-service authority create first.")
            return None, authority_id
    return None, None
