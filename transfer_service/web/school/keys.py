"""Renewing the school's key: a new one, everything sealed to it, encrypted again, and what to do after an exposure."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from schemas.base import NothingSchema
from schemas.keys import ExposureSchema
from transfer_service.domain.errors import AlreadyDone, Invalid
from transfer_service.domain.permissions import Permission
from transfer_service.use_cases.keys.epochs import make_next_epoch
from transfer_service.use_cases.keys.exposure import report_exposure
from transfer_service.use_cases.keys.holding import open_school_keys
from transfer_service.use_cases.keys.reencryption import get_reencryption, reencrypt_all
from transfer_service.use_cases.keys.rotation import get_progress, reseal_all
from transfer_service.use_cases.keys.showing import show_school_key
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.web import access
from transfer_service.web.account.acting import live_session, needs_password
from transfer_service.web.addresses import see_other
from transfer_service.web.forms import Form, refused, submit
from transfer_service.web.notices import declare_notice, leave_notice
from transfer_service.web.school.acting import acting

RENEWAL = "/school-key/renewal"
EXPOSURE = "/school-key/exposure"
MADE = declare_notice("school-key-next", "Your school has a new key. Now seal everything that you hold to it.")
ALL_RESEALED = declare_notice("school-key-resealed", "Everything that your school holds is sealed to its present key.")
ALL_REENCRYPTED = declare_notice(
    "school-key-reencrypted", "Everything that your school can open is encrypted again. Nothing else changed."
)
SOME_LEFT = declare_notice("school-key-left", "Part of it is done. Go on until nothing is left.", success=False)
REPORTED = declare_notice("school-key-exposed", "Your school’s key is out of use. Your authority will telephone you.")
DONE_BEFORE = declare_notice(
    "school-key-exposed-before", "Your school’s key was out of use already. Nothing was changed.", success=False
)
blueprint = Blueprint("school_keys_renewal", __name__)


@blueprint.get(RENEWAL)
@access.requires(Permission.KEYS_GRANT)
def renewal() -> str:
    """Show how much is sealed to the present key and how much to earlier ones."""
    return render_template("school/keys/renewal.html", **_about())


@blueprint.get(f"{RENEWAL}/new")
@access.requires(Permission.KEYS_GRANT)
def asking() -> str | Response:
    """Ask whether a new key is to be made."""
    return needs_password(live_session()) or render_template("school/keys/new.html", **_about())


@blueprint.post(f"{RENEWAL}/new")
@access.requires(Permission.KEYS_GRANT)
def made() -> Response:
    """Make the next key for everybody who holds the present one."""
    _check_form()
    me = acting()
    with me.database.writing() as session:
        person_key = open_person_key(session, me.at, cookie=me.cookie)
        keys = open_school_keys(session, me.at, me.actor, person_key)
        make_next_epoch(session, me.at, me.actor, school_keys=keys)
    leave_notice(MADE)
    return see_other(RENEWAL)


@blueprint.post(RENEWAL)
@access.requires(Permission.KEYS_GRANT)
def resealed() -> Response:
    """Seal what is left to the present key, as much as one request can."""
    _check_form()
    me = acting()
    with me.database.reading() as session:
        person_key = open_person_key(session, me.at, cookie=me.cookie)
    progress = reseal_all(me.database, me.at, me.actor, person_key=person_key)
    leave_notice(SOME_LEFT if progress.left else ALL_RESEALED)
    return see_other(RENEWAL)


@blueprint.post(f"{RENEWAL}/encryption")
@access.requires(Permission.KEYS_GRANT)
def reencrypted() -> Response:
    """Encrypt again what is older than the present key, as much as one request can."""
    _check_form()
    me = acting()
    with me.database.reading() as session:
        person_key = open_person_key(session, me.at, cookie=me.cookie)
    done = reencrypt_all(me.database, me.at, me.actor, person_key=person_key, storage=me.equipment.storage)
    leave_notice(SOME_LEFT if done.left else ALL_REENCRYPTED)
    return see_other(RENEWAL)


@blueprint.get(EXPOSURE)
@access.requires(Permission.KEYS_GRANT)
def exposing() -> str | Response:
    """Say what follows when somebody else may know the key, and ask to confirm."""
    return needs_password(live_session()) or render_template("school/keys/exposure.html", form=Form(), **_about())


@blueprint.post(EXPOSURE)
@access.requires(Permission.KEYS_GRANT)
def exposed() -> Response | tuple[str, int]:
    """Put the key out of use, and have everybody approved again."""
    submitted = submit(ExposureSchema, request.form)
    if submitted.value is None:
        return refused("school/keys/exposure.html", submitted.form, **_about())
    me = acting()
    try:
        with me.database.writing() as session:
            report_exposure(session, me.at, me.actor)
    except AlreadyDone:
        leave_notice(DONE_BEFORE)
    else:
        leave_notice(REPORTED)
    return see_other("/")


def _check_form() -> None:
    submitted = submit(NothingSchema, request.form)
    if submitted.value is None:
        raise Invalid(submitted.form.errors)


def _about() -> dict[str, Any]:
    me = acting()
    with me.database.reading() as session:
        return {
            "shown": show_school_key(session, me.at, me.actor),
            "progress": get_progress(session, me.actor),
            "encryption": get_reencryption(session, me.actor),
        }
