"""Extracts of a register as GIAS writes them, made in the tests, and the import of one."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from tests.database import Database as MadeDatabase
from transfer_service.db.session import Database
from transfer_service.interchange.gias import read_establishments, read_links
from transfer_service.use_cases.register import ImportReport, import_schools

COLUMNS = (
    "URN",
    "LA (code)",
    "LA (name)",
    "EstablishmentNumber",
    "EstablishmentName",
    "EstablishmentStatus (name)",
    "OpenDate",
    "CloseDate",
    "Town",
    "Postcode",
    "TelephoneNum",
)
NOON = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)


class FixedInstallation:
    """A clock that stands still and ids that count up."""

    def __init__(self) -> None:
        self.count = 0

    def now(self) -> datetime:
        return NOON

    def new_id(self) -> UUID:
        self.count += 1
        return UUID(int=(0xA11CE << 96) + self.count)


AT = FixedInstallation()


def row(urn: str, name: str = "Abbey School", *, status: str = "Open", **cells: str) -> dict[str, str]:
    return {
        "URN": urn,
        "LA (code)": "937",
        "LA (name)": "Warwickshire",
        "EstablishmentNumber": "2001",
        "EstablishmentName": name,
        "EstablishmentStatus (name)": status,
        "OpenDate": "",
        "CloseDate": "",
        "Town": "Rugby",
        "Postcode": "CV21 1AA",
        "TelephoneNum": "01788 000000",
        **cells,
    }


def extract(*rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> io.BytesIO:
    lines = [",".join(columns), *(",".join(f'"{one[column]}"' for column in columns) for one in rows)]
    return io.BytesIO("\r\n".join(lines).encode("cp1252"))


def links_extract(*links: tuple[str, str, str]) -> io.BytesIO:
    lines = ["URN,LinkURN,LinkName,LinkType,LinkEstablishedDate", *(f"{a},{b},,{kind}," for a, b, kind in links)]
    return io.BytesIO("\r\n".join(lines).encode())


@contextmanager
def opened(database: MadeDatabase) -> Iterator[Database]:
    made = Database(database.url)
    try:
        yield made
    finally:
        made.dispose()


def run_import(
    session: Session, *rows: dict[str, str], links: tuple[tuple[str, str, str], ...] = (), **options: object
) -> ImportReport:
    return import_schools(
        session,
        AT,
        rows=read_establishments(extract(*rows)),
        links=read_links(links_extract(*links)) if links else (),
        **options,
    )
