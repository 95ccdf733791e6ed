"""What every page of an authority shares: its blueprint, forms without inputs, and files to take away."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from flask import Blueprint
from werkzeug.wrappers import Response

from transfer_service.domain.references import parse_reference
from transfer_service.interchange.writing_tables import CSV_TYPE, XLSX_TYPE, write_csv, write_xlsx
from transfer_service.use_cases.oversight.exporting import Table
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


def table_file(table: Table, ending: str, *, title: str) -> Response:
    """Answer with a table as a file that the browser saves; `ending` is csv or xlsx."""
    if ending == "csv":
        body, media_type = write_csv(table.headings, table.rows), CSV_TYPE
    else:
        body, media_type = write_xlsx(title, table.headings, table.rows), XLSX_TYPE
    response = Response(body, content_type=media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{table.name}.{ending}"'
    return response
