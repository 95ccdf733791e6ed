"""The composition root: the only place where the parts of the service are put together."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog
from flask import Flask
from uuid_utils.compat import uuid7
from werkzeug.middleware.proxy_fix import ProxyFix

from config.logging import configure_logging
from config.secret_files import list_secret_files
from config.settings import Settings
from config.values import parse_smtp_url
from transfer_service.alerts.catcher import find_caught, list_caught
from transfer_service.alerts.channels import Channel
from transfer_service.alerts.messages import Site
from transfer_service.alerts.opening import open_channel
from transfer_service.alerts.smtp import SmtpRelay
from transfer_service.audit.policy import parse_policy
from transfer_service.audit.signer import SignOutcome, sign_committed
from transfer_service.crypto.fields import FieldKeyring
from transfer_service.crypto.peppers import PepperSet
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.db.outages import check_database, is_outage
from transfer_service.db.session import Database
from transfer_service.demo.sign_ins import read_sign_ins
from transfer_service.jobs.schedule import Parts, list_jobs
from transfer_service.jobs.worker import ShouldStop, Worker
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.equipment import Equipment
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people.passwords import PasswordWork
from transfer_service.use_cases.public_log import is_log_frozen
from transfer_service.web import account, authority, demo, log, public, school, session_extension, static_files
from transfer_service.web.account.equipment import PASSWORD_WORK
from transfer_service.web.account.lookups import form_holder, session_finder
from transfer_service.web.csrf import MOST_FIELDS, register_csrf
from transfer_service.web.current import EXTENSION, Services, WebSettings
from transfer_service.web.errors import register_errors
from transfer_service.web.frozen import FrozenLog
from transfer_service.web.guard import register_guard
from transfer_service.web.headers import register_headers
from transfer_service.web.metrics import Metrics
from transfer_service.web.request_context import register_request_context
from transfer_service.web.school.archiving import ARCHIVES
from transfer_service.web.sessions import register_sessions
from transfer_service.web.templating import SERVICE_NAME, register_templates, warm_templates
from transfer_service.web.turns import Turns
from transfer_service.web.uploads import register_uploads

# A form with a long note and its fields is far below this; views that take files raise it for themselves.
LARGEST_FORM: Final = 1024 * 1024
# Each holds the attachments of a whole file, up to 512 MB, and the archive of them.
ARCHIVES_AT_ONCE: Final = 2

DEMO_MAILS: Final = "mails"
"""The folder in a demonstration's directory into which its alerts go."""

BLUEPRINTS: Final = (
    static_files.blueprint,
    public.blueprint,
    session_extension.blueprint,
    *account.BLUEPRINTS,
    authority.blueprint,
    *school.BLUEPRINTS,
    log.blueprint,
)
"""Every group of pages. A view that does not say who may reach it stops the start."""


def create_app(settings: Settings, services: Services | None = None) -> Flask:
    """Make the application from its settings (`config.settings.NEEDS_WEB`).

    `services` replaces parts of what `build_services` makes, for tests. Raises UndeclaredView for a view that does not
    say who may reach it.
    """
    if not structlog.is_configured():
        # Whatever server started us: structlog's own default would print what is in the variables of a failed call.
        configure_logging(settings.log_level)
    app = Flask("transfer_service", static_folder=None, template_folder=None)
    app.secret_key = settings.secret_key.reveal()
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_FORM, MAX_FORM_MEMORY_SIZE=LARGEST_FORM, MAX_FORM_PARTS=MOST_FIELDS)
    made = services or build_services(settings)
    app.extensions[EXTENSION] = made
    app.extensions[PASSWORD_WORK] = PasswordWork(made.equipment.peppers)
    app.extensions[ARCHIVES] = Turns(at_once=ARCHIVES_AT_ONCE)
    register_sessions(app)
    register_templates(app, static_address=static_files.served_files().address)
    # The order counts: the request's id first, then who may pass, then the token against forged forms.
    register_request_context(app)
    register_headers(app, is_https=settings.is_https)
    register_errors(app)
    register_uploads(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    if settings.demo_directory is not None:
        register_demo(app, settings.demo_directory)
    register_guard(app)
    register_csrf(app, is_https=settings.is_https)
    warm_templates(app)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    return app


def register_demo(app: Flask, directory: Path) -> None:
    """Add the pages that a demonstration alone has, over the files in its folder."""
    mails = directory / DEMO_MAILS
    app.extensions[demo.EXTENSION] = demo.DemoParts(
        list_people=lambda: read_sign_ins(directory),
        list_mails=lambda to: list_caught(mails, recipient=to),
        find_mail=lambda name: find_caught(mails, name),
    )
    app.register_blueprint(demo.blueprint)


def build_services(settings: Settings) -> Services:
    """Put together what the pages act with."""
    database = Database(settings.database_url.reveal())
    installation = build_installation(settings)
    storage = Storage.from_url(settings.storage_url.reveal())
    token = settings.metrics_token
    return Services(
        settings=WebSettings(
            base_url=settings.base_url,
            deployment=settings.deployment,
            is_demo=settings.is_demo,
            trusts_proxies=settings.trusted_proxies > 0,
            max_attachment_bytes=settings.max_attachment_bytes,
            metrics_token=token.reveal() if token else None,
            log_policy=checked_policy(settings.log_policy or ""),
        ),
        database=database,
        installation=installation,
        equipment=Equipment(peppers=PepperSet.from_text(settings.peppers.reveal()), storage=storage),
        metrics=Metrics(),
        find_session=session_finder(database, installation),
        hold_form=form_holder(database, installation),
        is_outage=is_outage,
        is_log_frozen=FrozenLog(lambda: is_log_frozen(database), now=installation.now),
        readiness={"database": lambda: check_database(database), "storage": storage.check},
    )


def checked_policy(text: str) -> str:
    """Give back the log's policy; raises NoteMalformed at the start rather than on the first page that shows it."""
    if text:
        parse_policy(text)
    return text


def build_installation(settings: Settings, *, now: Callable[[], datetime] | None = None) -> Installation:
    """Put together what every use case may need of the installation; `now` is the demonstration's clock."""
    return Installation(
        deployment=settings.deployment,
        field_keys=FieldKeyring.from_text(settings.field_keys.reveal(), deployment=settings.deployment),
        now=now or wall_clock,
        new_id=uuid7,
        recovery_keys=dict(settings.recovery_keys),
    )


def build_worker(
    settings: Settings,
    *,
    database: Database,
    should_stop: ShouldStop = lambda: False,
    now: Callable[[], datetime] | None = None,
    only: frozenset[str] | None = None,
) -> Worker:
    """Put together the worker (`config.settings.NEEDS_WORKER`); beside the web server it shares its database.

    `only` names the jobs that it does, where these are not all.
    """
    clock = now or wall_clock
    parts = Parts(
        database=database,
        at=build_installation(settings, now=clock),
        channel=build_channel(settings),
        site=Site(service_name=SERVICE_NAME, base_url=settings.base_url),
        store=Storage.from_url(settings.storage_url.reveal()),
        sign=build_signer(settings, database=database, now=clock),
        jitter=secrets.SystemRandom().random,
        policy=checked_policy(settings.log_policy or ""),
        secret_files=list_secret_files(os.environ),
    )
    jobs = [job for job in list_jobs(parts) if only is None or job.name in only]
    return Worker(jobs, database=database, now=clock, should_stop=should_stop)


def build_signer(
    settings: Settings, *, database: Database, now: Callable[[], datetime] | None = None
) -> Callable[[], SignOutcome]:
    """Give what signs the log once, with the key and the state file of the settings."""
    key = LogSigningKey.from_text(settings.log_signing_key.reveal())

    def sign() -> SignOutcome:
        return sign_committed(database, key=key, state_file=settings.log_state_file, now=(now or wall_clock)())

    return sign


def build_channel(settings: Settings) -> Channel:
    """Open the way that mail goes: GOV.UK Notify, a relay, or the folder of a demonstration."""
    relay = None
    if settings.smtp_url is not None:
        server = parse_smtp_url(settings.smtp_url.reveal())
        relay = SmtpRelay(
            host=server.host,
            port=server.port,
            security=server.security,
            username=server.username,
            password=server.password.reveal() if server.password else None,
        )
    return open_channel(
        relay=relay,
        mail_from=settings.mail_from,
        notify_api_key=settings.notify_api_key.reveal() if settings.notify_api_key else None,
        notify_template_id=settings.notify_template_id,
        folder=settings.demo_directory / DEMO_MAILS if settings.demo_directory else None,
    )


def wall_clock() -> datetime:
    """Tell the time, aware and in UTC."""
    return datetime.now(UTC)
