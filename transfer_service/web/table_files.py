"""A table as a file that the browser saves."""

from __future__ import annotations

from typing import Final

from werkzeug.wrappers import Response

from transfer_service.interchange.writing_tables import CSV_TYPE, XLSX_TYPE, write_csv, write_xlsx
from transfer_service.use_cases.tables import Table

ENDINGS: Final = "<any(csv, xlsx):ending>"
"""The part of an address that says which kind of file is wanted."""


def table_file(table: Table, ending: str, *, title: str) -> Response:
    """Answer with a table as a file that the browser saves; `ending` is csv or xlsx."""
    if ending == "csv":
        body, media_type = write_csv(table.headings, table.rows), CSV_TYPE
    else:
        body, media_type = write_xlsx(title, table.headings, table.rows), XLSX_TYPE
    response = Response(body, content_type=media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{table.name}.{ending}"'
    return response
