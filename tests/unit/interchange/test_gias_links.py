import io
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from transfer_service.domain.errors import FileRefused
from transfer_service.interchange.gias import LinkRow, RefusedRow, read_links

REAL = Path(__file__).parents[4] / "shared" / "data" / "gias" / "links_edubasealldata20250422.csv"
DEMO = Path(__file__).parents[3] / "transfer_service" / "demo" / "data" / "links.csv"
HEADER = '"URN","LinkURN","LinkName","LinkType","LinkEstablishedDate"\n'


def read(text):
    return list(read_links(io.BytesIO((HEADER + text).encode("cp1252"))))


def test_a_link_becomes_a_plain_value():
    assert read('100012,100021,"Rhyl Primary School","Successor - merged","31-08-2021"\n') == [
        LinkRow(2, "100012", "100021", "Successor - merged", date(2021, 8, 31))
    ]


@pytest.mark.parametrize(
    "row, reasons",
    [
        ("1,100021,x,Successor,", ("URN is not six digits",)),
        ("100012,,x,Successor,", ("LinkURN is not six digits",)),
        ("100012,100021,x,,", ("LinkType is empty",)),
        ("100012,100021,x,Successor,31-02-2021", ("LinkEstablishedDate is not a real date",)),
        (
            "1,2,x,,x",
            (
                "URN is not six digits",
                "LinkURN is not six digits",
                "LinkType is empty",
                "LinkEstablishedDate is not a date",
            ),
        ),
        ("100012,100021", ("the row has 2 columns, not 5",)),
    ],
)
def test_a_link_that_cannot_be_used_says_why(row, reasons):
    assert read(row + "\n") == [RefusedRow(2, reasons)]


def test_an_extract_of_schools_is_no_extract_of_links():
    with pytest.raises(FileRefused, match="has no column LinkURN, LinkType"):
        list(read_links(io.BytesIO(b"URN,LA (code)\n100012,937\n")))


@pytest.mark.skipif(not REAL.exists(), reason="the real extract is not here")
def test_the_real_links_are_read_whole():
    with REAL.open("rb") as stream:
        rows = list(read_links(stream))
    assert len(rows) == 33_801
    assert Counter(type(found) for found in rows) == {LinkRow: 33_801}
    assert sum(found.kind.startswith("Successor") for found in rows) == 16_793


def test_the_demonstrations_links_are_read_whole():
    with DEMO.open("rb") as stream:
        assert Counter(type(found) for found in read_links(stream)) == {LinkRow: 74}
