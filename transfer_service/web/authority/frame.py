"""What every page of an authority shares: its blueprint, redirects, references, and forms without inputs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from flask import Blueprint

from transfer_service.domain.references import parse_reference
from transfer_service.web.forms import Form

blueprint = Blueprint("authority", __name__, url_prefix="/authority")


def tidy_reference(text: str) -> str:
    """Return a reference of an address as it is written properly; what is none stays, and is not found."""
    return parse_reference(text) or text


def errors_beside(form: Form, inputs: Collection[str]) -> Form:
    """Return a form whose errors about what has no input on the page stand above it, and lead to no input."""
    shown = {name: messages for name, messages in form.errors.items() if name in inputs}
    rest = [message for name, messages in form.errors.items() if name not in inputs for message in messages]
    return replace(form, errors={**shown, **({"": tuple(rest)} if rest else {})})
