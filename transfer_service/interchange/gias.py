"""Reads the public register of schools (Get Information about Schools): establishments and links between them.

The extract has 120 to 140 columns that come and go, so columns are found by name; it is written in UTF-8 with or
without a byte order mark or in Windows-1252, and its dates as dd-mm-yyyy or dd/mm/yyyy. A row that cannot be used is
given back with its line and the reasons; only a file without the needed columns is refused as a whole.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

from transfer_service.domain.errors import FileRefused
from transfer_service.domain.identifiers import parse_la_code, parse_urn

STATUSES = ("Open", "Closed", "Open, but proposed to close", "Proposed to open")

_NEEDED = {
    "urn": "URN",
    "la_code": "LA (code)",
    "la_name": "LA (name)",
    "number": "EstablishmentNumber",
    "name": "EstablishmentName",
    "status": "EstablishmentStatus (name)",
}
_OPTIONAL = {
    "type": "TypeOfEstablishment (name)",
    "phase": "PhaseOfEducation (name)",
    "opened": "OpenDate",
    "closed": "CloseDate",
    "town": "Town",
    "postcode": "Postcode",
    "telephone": "TelephoneNum",
    "low_age": "StatutoryLowAge",
    "high_age": "StatutoryHighAge",
}
_LINK_NEEDED = {"urn": "URN", "link_urn": "LinkURN", "kind": "LinkType"}
_LINK_OPTIONAL = {"established": "LinkEstablishedDate"}

_DAY = re.compile(r"([0-9]{1,2})[-/]([0-9]{1,2})[-/]([0-9]{4})")
_NUMBER = re.compile(r"[0-9]{4}")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class GiasRow:
    """One establishment of the register; texts are empty and numbers None where the register says nothing."""

    line: int
    urn: str
    la_code: str
    la_name: str
    establishment_number: str | None
    name: str
    type_name: str
    phase: str
    status: str
    opened_on: date | None
    closed_on: date | None
    town: str
    postcode: str
    telephone: str
    low_age: int | None
    high_age: int | None

    @property
    def is_closed(self) -> bool:
        """Whether the establishment is closed as the register has it."""
        return self.status == "Closed"


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One link: `link_urn` is the predecessor, successor or other relation, named by `kind`, of `urn`."""

    line: int
    urn: str
    link_urn: str
    kind: str
    established_on: date | None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that cannot be used: the line it starts on in the file, and every reason."""

    line: int
    reasons: tuple[str, ...]


def read_establishments(stream: BinaryIO) -> Iterator[GiasRow | RefusedRow]:
    """Yield each establishment, or why its row is refused, in the order of the file.

    `stream` must be able to seek. Raises FileRefused where needed columns are missing or the file is no CSV.
    """
    seen: set[str] = set()
    for line, row, reasons in _read_rows(stream, _NEEDED, _OPTIONAL):
        if not reasons and row["urn"] in seen:
            reasons.append("the same URN stands further up in the file")
        found = reasons or _establishment(line, row)
        if isinstance(found, GiasRow):
            seen.add(found.urn)
            yield found
        else:
            yield RefusedRow(line, tuple(found))


def read_links(stream: BinaryIO) -> Iterator[LinkRow | RefusedRow]:
    """Yield each link between two establishments, or why its row is refused; raises FileRefused as above."""
    for line, row, reasons in _read_rows(stream, _LINK_NEEDED, _LINK_OPTIONAL):
        urn, link_urn = parse_urn(row.get("urn", "")), parse_urn(row.get("link_urn", ""))
        established, problem = _read_day(row.get("established", ""), "LinkEstablishedDate")
        problems = reasons or [
            reason
            for reason in (
                urn is None and "URN is not six digits",
                link_urn is None and "LinkURN is not six digits",
                not row["kind"] and "LinkType is empty",
                problem,
            )
            if reason
        ]
        if problems or urn is None or link_urn is None:
            yield RefusedRow(line, tuple(problems))
        else:
            yield LinkRow(line, urn, link_urn, row["kind"], established)


def _establishment(line: int, row: Mapping[str, str]) -> GiasRow | list[str]:
    """Return the establishment that a row describes, or every reason why it cannot be used."""
    urn, la_code = parse_urn(row["urn"]), parse_la_code(row["la_code"])
    opened, opened_problem = _read_day(row["opened"], "OpenDate")
    closed, closed_problem = _read_day(row["closed"], "CloseDate")
    low, low_problem = _read_age(row["low_age"], "StatutoryLowAge")
    high, high_problem = _read_age(row["high_age"], "StatutoryHighAge")
    status = next((one for one in STATUSES if one.casefold() == row["status"].casefold()), None)
    checks = (
        urn is None and "URN is not six digits",
        la_code is None and "LA (code) is not three digits",
        not row["la_name"] and "LA (name) is empty",
        bool(row["number"]) and not _NUMBER.fullmatch(row["number"]) and "EstablishmentNumber is not four digits",
        not row["name"] and "EstablishmentName is empty",
        "\ufffd" in row["name"] + row["town"] and "the name or town has characters that cannot be read",
        status is None and "EstablishmentStatus (name) is not one that we know",
        opened_problem,
        closed_problem,
        low_problem,
        high_problem,
    )
    reasons = [reason for reason in checks if reason]
    if reasons or urn is None or la_code is None or status is None:
        return [str(reason) for reason in reasons]
    return GiasRow(
        line=line,
        urn=urn,
        la_code=la_code,
        la_name=row["la_name"],
        establishment_number=row["number"] or None,
        name=row["name"],
        type_name=row["type"],
        phase=row["phase"],
        status=status,
        opened_on=opened,
        closed_on=closed,
        town=row["town"],
        postcode=row["postcode"].upper(),
        telephone=_tidy_telephone(row["telephone"]),
        low_age=low,
        high_age=high,
    )


def _read_rows(
    stream: BinaryIO, needed: Mapping[str, str], optional: Mapping[str, str]
) -> Iterator[tuple[int, dict[str, str], list[str]]]:
    """Yield each row's first line, its cells by our own names, and why it is no row of this table."""
    text = io.TextIOWrapper(stream, encoding=_find_encoding(stream), errors="replace", newline="")
    try:
        reader = csv.reader(text)
        header = next(reader, None)
        places = _find_columns(header or [], needed, optional)
        line = reader.line_num + 1
        for cells in reader:
            first, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            row = {name: " ".join(cells[place].split()) for name, place in places.items() if place < len(cells)}
            yield (
                first,
                dict.fromkeys((*needed, *optional), "") | row,
                []
                if len(cells) == len(header or ())
                else [f"the row has {len(cells)} columns, not {len(header or ())}"],
            )
    except csv.Error:
        raise FileRefused(
            "The file stops being a table of comma-separated values at some line. Download it again and try again."
        ) from None
    finally:
        if not stream.closed:
            text.detach()  # the stream belongs to the caller, who may have stopped reading early


def _find_columns(header: Sequence[str], needed: Mapping[str, str], optional: Mapping[str, str]) -> dict[str, int]:
    """Return where each of our columns stands; raises FileRefused naming every needed one that is missing."""
    places = {title.strip().casefold(): place for place, title in reversed(list(enumerate(header)))}
    missing = [title for title in needed.values() if title.casefold() not in places]
    if missing:
        raise FileRefused(
            f"The file has no column {', '.join(missing)}. Choose an extract of Get Information about Schools."
        )
    return {
        name: places[title.casefold()]
        for name, title in (*needed.items(), *optional.items())
        if title.casefold() in places
    }


def _find_encoding(stream: BinaryIO) -> str:
    """Return `utf-8-sig` where the whole stream is UTF-8, else `cp1252`; the stream is put back where it was."""
    start = stream.tell()
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := stream.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    else:
        return "utf-8-sig"
    finally:
        stream.seek(start)


def _read_day(text: str, column: str) -> tuple[date | None, str | None]:
    """Read dd-mm-yyyy or dd/mm/yyyy; an empty cell is no date and no problem."""
    if not text:
        return None, None
    match = _DAY.fullmatch(text)
    try:
        return (date(int(match[3]), int(match[2]), int(match[1])), None) if match else (None, f"{column} is not a date")
    except ValueError:
        return None, f"{column} is not a real date"


def _tidy_telephone(text: str) -> str:
    """Give a number back the leading zero that the register drops, since officers dial what they read here."""
    digits = text.replace(" ", "")
    return f"0{digits}" if re.fullmatch(r"[1-9][0-9]{8,9}", digits) else text


def _read_age(text: str, column: str) -> tuple[int | None, str | None]:
    """Read an age in years; an empty cell is none."""
    if not text:
        return None, None
    if not re.fullmatch(r"[0-9]{1,2}", text):
        return None, f"{column} is not an age"
    return int(text), None
