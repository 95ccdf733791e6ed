"""The pages' templates: strict about names, small in white space, read once at the start."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final

from flask import Flask, g, request
from jinja2 import BytecodeCache, ChoiceLoader, PackageLoader, PrefixLoader, Undefined
from jinja2.bccache import Bucket
from jinja2.utils import missing

from transfer_service.domain.dates import LONDON, say_date, say_time
from transfer_service.domain.transfer import STATUS_LABELS
from transfer_service.web.current import current_services
from transfer_service.web.forms import items_of
from transfer_service.web.navigation import Navigation
from transfer_service.web.notices import take_notice
from transfer_service.web.session_extension import seconds_left
from transfer_service.web.sessions import signed_in, signed_in_or_unknown

SERVICE_NAME: Final = "Pupil file transfer"


class NearlyStrict(Undefined):
    """Raises for a name or attribute that does not exist, and not for an absent key of a plain dict.

    Jinja's own StrictUndefined cannot be used: the GOV.UK macros take one dict of options and ask it for every option
    that there is.
    """

    __slots__ = ()

    def _check(self) -> None:
        absent_name = self._undefined_obj is missing and self._undefined_name not in {None, "caller"}
        absent_attribute = self._undefined_obj is not missing and not isinstance(self._undefined_obj, dict)
        if absent_name or absent_attribute:
            self._fail_with_undefined_error()

    def __str__(self) -> str:
        """Write nothing, where being absent is allowed."""
        self._check()
        return ""

    def __bool__(self) -> bool:
        """Count as false, where being absent is allowed."""
        self._check()
        return False

    def __iter__(self) -> Any:
        """Hold nothing, where being absent is allowed."""
        self._check()
        return iter(())

    def __len__(self) -> int:
        """Hold nothing, where being absent is allowed."""
        self._check()
        return 0

    def __eq__(self, other: object) -> bool:
        """Equal every other absent thing, where being absent is allowed."""
        self._check()
        return isinstance(other, NearlyStrict)

    __hash__ = Undefined.__hash__


class SharedBytecode(BytecodeCache):
    """What templates compile to, kept in memory for every application of the process: tests make hundreds."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what was compiled from the same source before."""
        if (compiled := self._compiled.get(bucket.key + bucket.checksum)) is not None:
            bucket.bytecode_from_string(compiled)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._compiled[bucket.key + bucket.checksum] = bucket.bytecode_to_string()


BYTECODE: Final = SharedBytecode()


def register_templates(app: Flask, *, static_address: Callable[[str], str]) -> None:
    """Set up the environment, its filters and what every page knows, and read every template of the shell."""
    environment = app.jinja_env
    environment.undefined = NearlyStrict
    environment.trim_blocks = True
    environment.lstrip_blocks = True
    environment.auto_reload = False
    environment.bytecode_cache = BYTECODE
    environment.loader = ChoiceLoader(
        [
            PackageLoader("transfer_service.web", "templates"),
            PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
        ]
    )
    environment.filters.update(
        day=say_day,
        moment=say_moment,
        clock=say_clock,
        machine_time=say_to_machines,
        status_label=STATUS_LABELS.__getitem__,
    )
    # The GOV.UK macros compare with JavaScript's two words for nothing.
    environment.globals.update(
        undefined=NearlyStrict(obj={}, name="undefined"),
        null=None,
        service_name=SERVICE_NAME,
        static_address=static_address,
        items_of=items_of,
    )
    navigation = Navigation(app)
    app.context_processor(lambda: _page(navigation))


def warm_templates(app: Flask) -> None:
    """Compile every template now, so that a mistake stops the start and the first visitor waits for nothing."""
    for name in app.jinja_env.list_templates(filter_func=lambda name: not name.startswith("govuk_frontend_jinja/")):
        app.jinja_env.get_template(name)


def say_day(day: date | None) -> str:
    """A date as people read it, 3 September 2026; a moment counts as its day in London; nothing for None."""
    if day is None:
        return ""
    return say_date(day.astimezone(LONDON) if isinstance(day, datetime) else day)


def say_moment(moment: datetime | None) -> str:
    """A moment as people in England read it, 3 September 2026 at 14:05; nothing for None."""
    return "" if moment is None else say_time(moment)


def say_clock(moment: datetime | None) -> str:
    """The time of day in England, 14:05; nothing for None."""
    return "" if moment is None else f"{moment.astimezone(LONDON):%H:%M}"


def say_to_machines(value: date | datetime) -> str:
    """The value of a `datetime` attribute: ISO 8601."""
    return value.isoformat()


def _page(navigation: Navigation) -> dict[str, Any]:
    on_error = bool(g.get("is_error_page"))
    person = signed_in_or_unknown() if on_error else signed_in()
    services = current_services()
    return {
        "me": person,
        "is_demo": services.settings.is_demo,
        "is_log_frozen": not on_error and services.is_log_frozen(),
        "navigation": navigation.items_for(person.actor if person else None, request.path),
        "footer_links": navigation.footer,
        "seconds_left": seconds_left(person, services.installation.now()) if person else 0,
        "notice": None if on_error else take_notice(),
    }
