import io
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from transfer_service.domain.errors import FileRefused
from transfer_service.interchange.gias import GiasRow, RefusedRow, read_establishments

REAL = Path(__file__).parents[4] / "shared" / "data" / "gias"
DEMO = Path(__file__).parents[3] / "transfer_service" / "demo" / "data"

COLUMNS = (
    "URN,LA (code),LA (name),EstablishmentNumber,EstablishmentName,TypeOfEstablishment (name),"
    "EstablishmentStatus (name),OpenDate,CloseDate,PhaseOfEducation (name),Town,Postcode,TelephoneNum,"
    "StatutoryLowAge,StatutoryHighAge"
)
OAK = "125500,937,Warwickshire,2001,Oak School,Community school,Open,01-09-2011,,Primary,Warwick,cv34 4aa,,4,11"


def read(text, encoding="utf-8"):
    return list(read_establishments(io.BytesIO(text.encode(encoding))))


def row(**changes):
    cells = dict(zip(COLUMNS.split(","), OAK.split(","), strict=True)) | changes
    return ",".join(cells.values())


def reasons(**changes):
    (found,) = read(f"{COLUMNS}\n{row(**changes)}\n")
    return found.reasons if isinstance(found, RefusedRow) else None


def test_a_row_becomes_a_plain_value():
    assert read(f"{COLUMNS}\n{OAK}\n") == [
        GiasRow(
            line=2,
            urn="125500",
            la_code="937",
            la_name="Warwickshire",
            establishment_number="2001",
            name="Oak School",
            type_name="Community school",
            phase="Primary",
            status="Open",
            opened_on=date(2011, 9, 1),
            closed_on=None,
            town="Warwick",
            postcode="CV34 4AA",
            telephone="",
            low_age=4,
            high_age=11,
        )
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_each_encoding_that_the_register_was_seen_in_is_read(encoding):
    (found,) = read(f"{COLUMNS}\n{row(EstablishmentName='St Chloë’s')}\n", encoding)
    assert found.name == "St Chloë’s"


def test_columns_are_found_by_name_in_any_order_and_others_are_passed_over():
    text = (
        "Extra, establishmentname ,EstablishmentStatus (name),URN,LA (name),LA (code),EstablishmentNumber\n"
        "x,Oak School,open,125500,Warwickshire,937,2001\n"
    )
    (found,) = read(text)
    assert (found.name, found.status, found.town, found.low_age) == ("Oak School", "Open", "", None)


def test_a_file_without_needed_columns_is_refused_once_naming_them():
    with pytest.raises(FileRefused) as refused:
        read("URN,EstablishmentName\n125500,Oak School\n")
    assert refused.value.sentence == (
        "The file has no column LA (code), LA (name), EstablishmentNumber, EstablishmentStatus (name). "
        "Choose an extract of Get Information about Schools."
    )


@pytest.mark.parametrize("text", ["", "\n", "<html><body>Sign in</body></html>"])
def test_what_is_no_register_is_refused(text):
    with pytest.raises(FileRefused, match="has no column URN"):
        read(text)


def test_a_cell_without_end_is_refused():
    with pytest.raises(FileRefused, match="stops being a table"):
        read(f"{COLUMNS}\n{OAK}\n" + '"' + "x" * 200_000)


@pytest.mark.parametrize("text", ["01-09-2011", "01/09/2011", "1-9-2011", "1/9/2011"])
def test_dates_are_read_with_hyphens_and_with_slashes(text):
    (found,) = read(f"{COLUMNS}\n{row(OpenDate=text)}\n")
    assert found.opened_on == date(2011, 9, 1)


def test_a_row_without_an_establishment_number_is_fine():
    (found,) = read(f"{COLUMNS}\n{row(EstablishmentNumber='')}\n")
    assert found.establishment_number is None


@pytest.mark.parametrize("status", ["Open", "Closed", "Open, but proposed to close", "Proposed to open"])
def test_every_status_of_the_register_is_known(status):
    (found,) = read(f"{COLUMNS}\n" + OAK.replace(",Open,", f',"{status}",') + "\n")
    assert found.status == status
    assert found.is_closed is (status == "Closed")


@pytest.mark.parametrize(
    "register, dialled",
    [
        ("1926123456", "01926123456"),
        ("01926 123456", "01926 123456"),
        ("192612345", "0192612345"),
        ("01926123456", "01926123456"),
        ("", ""),
    ],
)
def test_a_telephone_number_gets_its_leading_zero_back(register, dialled):
    (found,) = read(f"{COLUMNS}\n{row(TelephoneNum=register)}\n")
    assert found.telephone == dialled


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"URN": "12550"}, "URN is not six digits"),
        ({"URN": ""}, "URN is not six digits"),
        ({"LA (code)": "93"}, "LA (code) is not three digits"),
        ({"LA (name)": " "}, "LA (name) is empty"),
        ({"EstablishmentNumber": "201"}, "EstablishmentNumber is not four digits"),
        ({"EstablishmentName": ""}, "EstablishmentName is empty"),
        ({"EstablishmentStatus (name)": "Flooded"}, "EstablishmentStatus (name) is not one that we know"),
        ({"OpenDate": "31-02-2011"}, "OpenDate is not a real date"),
        ({"OpenDate": "2011"}, "OpenDate is not a date"),
        ({"CloseDate": "soon"}, "CloseDate is not a date"),
        ({"StatutoryLowAge": "four"}, "StatutoryLowAge is not an age"),
        ({"StatutoryHighAge": "111"}, "StatutoryHighAge is not an age"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(changes, reason):
    assert reasons(**changes) == (reason,)


def test_every_reason_of_a_row_is_given():
    assert reasons(URN="x", EstablishmentName="", OpenDate="x") == (
        "URN is not six digits",
        "EstablishmentName is empty",
        "OpenDate is not a date",
    )


def test_characters_that_no_encoding_explains_are_refused():
    # 0x81 stands for nothing in Windows-1252, and the lone 0xE0 makes the file no UTF-8.
    body = f"{COLUMNS}\n{OAK}\n".encode().replace(b"Oak", b"\xe0\x81k")
    (found,) = read_establishments(io.BytesIO(body))
    assert found == RefusedRow(2, ("the name or town has characters that cannot be read",))


def test_rows_of_another_length_are_refused_with_their_line_and_the_rest_is_read():
    text = f"{COLUMNS}\n{OAK},extra\n\n125501,937\n" + OAK.replace("125500", "125502") + "\n"
    found = read(text)
    assert found[0] == RefusedRow(2, ("the row has 16 columns, not 15",))
    assert found[1] == RefusedRow(4, ("the row has 2 columns, not 15",))
    assert (found[2].urn, found[2].line) == ("125502", 5)


def test_a_cell_of_two_lines_counts_for_two_lines():
    text = f"{COLUMNS}\n" + OAK.replace("Oak School", '"Oak\nSchool"') + "\n" + row(URN="x") + "\n"
    found = read(text)
    assert (found[0].name, found[0].line) == ("Oak School", 2)
    assert found[1].line == 4


def test_a_urn_that_comes_twice_is_refused_the_second_time():
    found = read(f"{COLUMNS}\n{OAK}\n{OAK}\n")
    assert found[1] == RefusedRow(3, ("the same URN stands further up in the file",))


def test_a_row_that_was_refused_does_not_use_up_its_urn():
    found = read(f"{COLUMNS}\n{row(OpenDate='x')}\n{OAK}\n")
    assert isinstance(found[0], RefusedRow)
    assert found[1].urn == "125500"


def test_reading_may_start_in_the_middle_of_a_stream_and_leaves_it_open():
    stream = io.BytesIO(b"skipped" + f"{COLUMNS}\n{OAK}\n".encode())
    stream.seek(7)
    assert len(list(read_establishments(stream))) == 1
    assert not stream.closed


def test_reading_may_stop_early_even_if_the_file_is_closed_first():
    stream = io.BytesIO(f"{COLUMNS}\n{OAK}\n{row(URN='125501')}\n".encode())
    rows = read_establishments(stream)
    next(rows)
    stream.close()
    rows.close()


def needs(name):
    return pytest.mark.skipif(not (REAL / name).exists(), reason="the real extract is not here")


@needs("edubasealldata_state_schools.csv")
def test_the_real_extract_of_state_schools_is_read_whole():
    with (REAL / "edubasealldata_state_schools.csv").open("rb") as stream:
        rows = list(read_establishments(stream))
    assert len(rows) == 23_666
    assert not [found for found in rows if isinstance(found, RefusedRow)]
    assert sum(found.establishment_number is None for found in rows) == 2_058
    assert Counter(found.status for found in rows) == {"Open": 21_496, "Closed": 2_170}
    assert sum(found.la_code == "937" for found in rows) == 271
    assert not any("\ufffd" in found.name for found in rows)


@needs("edubasealldata_41_rows_all_columns.csv")
def test_the_real_extract_with_all_columns_is_read_whole():
    with (REAL / "edubasealldata_41_rows_all_columns.csv").open("rb") as stream:
        rows = list(read_establishments(stream))
    assert len(rows) == 41
    first = rows[0]
    assert (first.urn, first.name, first.telephone, first.low_age, first.high_age) == (
        "100000",
        "The Aldgate School",
        "02072831147",
        3,
        11,
    )


def test_the_demonstrations_schools_are_read_whole():
    with (DEMO / "schools.csv").open("rb") as stream:
        rows = list(read_establishments(stream))
    assert Counter(found.la_code for found in rows) == {"937": 271, "331": 123}
    assert all(found.telephone.startswith("01632 960") for found in rows)
