"""The service and the one file that people download are written twice: whatever is altered, they answer alike."""

import random
import shutil
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.properties.log_mutations import (
    DAMAGES,
    KEY,
    WITNESSED,
    WITNESSES,
    Damage,
    made_log,
    open_sealed_detail,
)
from transfer_service import verifier
from transfer_service.audit.errors import LeafMalformed, LogError, NoteMalformed
from transfer_service.audit.export import export_log
from transfer_service.audit.leaf import Leaf, LeafFields, decode_leaf, encode_leaf
from transfer_service.audit.policy import parse_policy, write_policy
from transfer_service.audit.verify import verify_log

BODY = encode_leaf(
    Leaf(
        idx=5,
        at=datetime(2026, 9, 3, tzinfo=UTC),
        said=LeafFields(
            event="detail.erased", actor=UUID(int=7), role="deputy_dsl", epoch=3, digest=bytes(32), erases=2, basis="x"
        ),
        commit=bytes(32),
    )
)
PIECES = (
    b'"v":1', b'"idx":5', b'"epoch":3', b'"erases":2', b'"x"', b'"deputy_dsl"', b"2026-09-03", b"00:00:00", b".000000",
    b"00000000-0000-0000-0000-000000000007", b"00" * 32, b",", b"{", b"}", b"detail.erased", b"at", b"actor",
)  # fmt: skip
INSTEAD = (
    b"", b" ", b'"v":1.0', b'"v":true', b'"v":2', b'"v":1,"v":1', b'"idx":-5', b'"idx":5e0', b'"idx":"5"', b"[1]",
    b'"epoch":null', b'"epoch":9223372036854775808', b'"epoch":9223372036854775807', b'"erases":-1', b'"erases":01',
    b'"\\u0078"', b'""', b'"a b"', "\u0430".encode(), b"2026-02-29", b"2024-02-29", b"0999-01-01", b"2026-9-03",
    b"24:00:00", b"23:59:60", b"23:59:59", b".0", b".0000000", b"00000000-0000-0000-0000-00000000000A", b"0" * 32,
    b"AA" * 32, b",,", b", ", b"{{", b'{"a":1,', b"}\n", b"\x00", b"\xff", b"[" * 5000, b"9" * 5000,
)  # fmt: skip


def _is_accepted(read, refusals, *given) -> bool:
    try:
        read(*given)
    except refusals:
        return False
    return True


@settings(max_examples=600)
@given(st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(INSTEAD)), min_size=1, max_size=2))
@example([(b'"v":1', b'"v":true')])
@example([(b"00:00:00", b"24:00:00")])
@example([(b"2026-09-03", b"0999-01-01")])
@example([(b'"epoch":3', b'"epoch":9223372036854775808')])
def test_both_accept_and_refuse_the_same_leaves(changes: list[tuple[bytes, bytes]]):
    body = BODY
    for old, new in changes:
        body = body.replace(old, new, 1)
    ours = _is_accepted(decode_leaf, LeafMalformed, body)
    theirs = _is_accepted(verifier.read_leaf, verifier.Wrong, body, decode_leaf(body).idx if ours else 5)
    assert ours == theirs


@given(st.integers(0, len(BODY) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_both_agree_about_every_leaf_with_other_bytes(place: int, piece: bytes, length: int):
    body = BODY[:place] + piece + BODY[place + length :]
    ours = _is_accepted(decode_leaf, LeafMalformed, body)
    idx = decode_leaf(body).idx if ours else 5
    assert ours == _is_accepted(verifier.read_leaf, verifier.Wrong, body, idx)


POLICY = write_policy([KEY.verifier], witnesses={key.name: key for key in WITNESSES}, needed=1)


@settings(max_examples=400)
@given(
    st.integers(0, len(POLICY) - 1),
    st.integers(0, 30),
    st.sampled_from(
        ["", "\r\n", "\ufeff", "\t", " ", "none", "all", "0", "2", "1" * 4400, "²", "group a any x\n", "+", "\x85"]
    ),
)
@example(POLICY.index("\nwitness"), 0, "\x85")
def test_both_agree_about_every_policy_with_a_piece_put_in(place: int, length: int, piece: str):
    text = POLICY[:place] + piece + POLICY[place + length :]
    ours = _is_accepted(parse_policy, NoteMalformed, text)
    assert ours == _is_accepted(verifier.read_policy, verifier.Usage, text.encode())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("two")


@pytest.fixture(scope="module")
def log(folder: Path):
    with made_log(folder) as database:
        yield database


# What an export holds of the database; hashes, head, repeated columns, and rows behind the last are not in it.
EXPORTED_DAMAGES: list[tuple[str, Damage]] = [
    *(("leaves", DAMAGES["leaves"][at]) for at in (0, 2, 4, 6)),
    *(("checkpoints", DAMAGES["checkpoints"][at]) for at in (0, 1, 3, 4)),
    *(("cosignatures", damage) for damage in DAMAGES["cosignatures"]),
    *(("details", DAMAGES["details"][at]) for at in (2, 3)),
]


@pytest.mark.parametrize("number", range(3 * len(EXPORTED_DAMAGES)))
def test_what_the_check_of_the_database_finds_the_verifier_finds_in_its_export(log, folder: Path, number: int):
    chance = random.Random(number)
    _, damage = EXPORTED_DAMAGES[number % len(EXPORTED_DAMAGES)]
    target = folder / f"export-{number}"
    with log.engine.connect() as connection, Session(connection) as session:
        try:
            damage(session, chance)
        except Exception as error:
            if "constraint failed" not in str(error):
                raise
            return
        report = verify_log(session, keys=[KEY.verifier], witnesses=WITNESSES, open_sealed=open_sealed_detail)
        codes = {one.code for one in report.problems} - {"guard.missing"}
        try:
            export_log(session, target, open_sealed=open_sealed_detail)
        except (LogError, ValueError, OverflowError):
            assert codes
            return
        finally:
            session.rollback()
    failed = verifier.verify_log(target, WITNESSED).failed
    shutil.rmtree(target)
    assert bool(codes) == bool(failed), (codes, failed)
