"""Whatever comes in from outside, the edges answer with a value or a refusal, never with a crash."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema

from schemas import (
    accounts,
    authority,
    dispatches,
    forwarding,
    keys,
    oversight,
    people,
    recovery,
    school_pages,
    transfers,
)
from schemas.base import ValueSchema, load_value
from transfer_service.domain.errors import FileRefused, Invalid
from transfer_service.interchange.gias import GiasRow, LinkRow, RefusedRow, read_establishments, read_links

PAGES = (accounts, authority, dispatches, forwarding, keys, oversight, people, recovery, school_pages, transfers)
SCHEMAS = sorted(
    {
        one
        for module in PAGES
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Schema) and one is not ValueSchema
    },
    key=lambda schema: schema.__name__,
)
HEADER = "URN,LA (code),LA (name),EstablishmentNumber,EstablishmentName,EstablishmentStatus (name),OpenDate\n"

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


def value_or_refusal(schema, fields):
    try:
        return load_value(schema, fields)
    except Invalid as refused:
        return refused


def rows_unless_refused(read, body):
    try:
        return list(read(io.BytesIO(body)))
    except FileRefused:
        return []


@given(st.sampled_from(SCHEMAS), st.data())
def test_a_schema_answers_anything_with_a_value_or_a_refusal(schema, data):
    names = list(schema().fields)
    given_fields = data.draw(anything | st.dictionaries(st.sampled_from(names), anything))
    answer = value_or_refusal(schema, given_fields)
    if isinstance(answer, Invalid):
        assert answer.fields
        assert all(messages and all(messages) for messages in answer.fields.values())
        assert answer.__cause__ is None
        assert answer.__context__ is None
    else:
        assert isinstance(answer, schema.makes)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_as_a_register_or_refused(body):
    for read in (read_establishments, read_links):
        for whole in (body, HEADER.encode() + body, b"URN,LinkURN,LinkType\n" + body):
            assert all(isinstance(row, GiasRow | LinkRow | RefusedRow) for row in rows_unless_refused(read, whole))


cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.lists(cells, min_size=7, max_size=7), max_size=4))
def test_any_table_gives_each_row_back_once(rows):
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    found = list(read_establishments(io.BytesIO((HEADER + text.getvalue()).encode())))
    assert len(found) == sum(any(cell.strip() for cell in row) for row in rows)
