"""Properties of reading: whatever is done to a receipt, the verifier answers, and never with other words."""

import base64
import json
from datetime import UTC, datetime

from hypothesis import example, given, settings
from hypothesis import strategies as st

from transfer_service import verifier
from transfer_service.audit import tree
from transfer_service.audit.checkpoint import Checkpoint, parse_checkpoint, write_checkpoint
from transfer_service.audit.detail import encode_detail, tell
from transfer_service.audit.errors import LeafMalformed, NoteMalformed
from transfer_service.audit.leaf import Leaf, LeafFields, commit_to, decode_leaf, encode_leaf
from transfer_service.audit.policy import parse_policy, write_policy
from transfer_service.audit.proof import parse_proof, write_proof
from transfer_service.crypto.signing import LogSigningKey

KEY = LogSigningKey(name="transfer.example/log", seed=b"\x07" * 32)
POLICY = write_policy([KEY.verifier])


def make_receipt() -> bytes:
    """The fourth of seven leaves, with words beside it and a checkpoint of five before."""
    detail, salt = encode_detail(tell("The file was sent.")), bytes(32)
    nodes, frontier, roots, bodies = {}, [], {}, []
    for idx in range(7):
        said = LeafFields(event="dispatch.sent")
        leaf = Leaf(idx=idx, at=datetime(2026, 9, 3, tzinfo=UTC), said=said, commit=commit_to(detail, salt))
        bodies.append(encode_leaf(leaf))
        nodes[0, idx] = tree.hash_leaf(bodies[-1])
        nodes.update(tree.append_to_frontier(frontier, idx, nodes[0, idx]))
        roots[idx + 1] = tree.root_of_frontier(frontier)

    def read(wanted):
        return {node: nodes[node] for node in wanted}

    def b64(value: bytes) -> str:
        return base64.b64encode(value).decode()

    notes = {size: write_checkpoint(Checkpoint(KEY.name, size, roots[size]), KEY) for size in (5, 7)}
    proof = [b64(digest) for digest in tree.prove_consistency(5, 7, read)]
    extra = {"v": 1, "leaf": b64(bodies[3]), "salt": b64(salt), "detail": b64(detail)}
    extra["previous"] = {"checkpoint": b64(notes[5]), "proof": proof}
    hashes = tree.prove_inclusion(3, 7, read)
    return write_proof(index=3, hashes=hashes, note=notes[7], extra=json.dumps(extra).encode())


RECEIPT = make_receipt()
TRUST = verifier.read_policy(POLICY.encode())
SAYS = ["2026-09-03T00:00:00.000000Z: a file was sent.", "The file was sent."]


def test_the_receipt_that_is_altered_below_holds_as_it_is():
    report = verifier.verify_receipt(RECEIPT, TRUST)
    assert (report.holds, report.says) == (True, SAYS)


@settings(max_examples=400)
@given(st.integers(0, len(RECEIPT) - 1), st.integers(1, 255))
def test_a_receipt_with_one_byte_changed_fails_or_still_says_only_what_was_committed(place: int, change: int):
    data = bytearray(RECEIPT)
    data[place] ^= change
    report = verifier.verify_receipt(bytes(data), TRUST)
    # A byte of a key's name in `extra` can hide a part of the receipt, never put in another.
    assert report.failed is not None or report.says in (SAYS, SAYS[:1])


@given(st.integers(0, len(RECEIPT) - 1), st.integers(0, 40), st.binary(max_size=8))
def test_a_receipt_with_a_piece_cut_out_or_put_in_fails_or_says_the_same(place: int, length: int, piece: bytes):
    data = RECEIPT[:place] + piece + RECEIPT[place + length :]
    report = verifier.verify_receipt(data, TRUST)
    assert report.failed is not None or report.says in (SAYS, SAYS[:1])


@given(st.binary(max_size=300))
@example(b"c2sp.org/tlog-proof@v1\n")
@example(b"c2sp.org/tlog-proof@v1\nextra \nindex 0\n\n")
@example(b"c2sp.org/tlog-proof@v1\nextra e30=\nindex 0\n\n\n\n")
def test_any_bytes_are_answered(data: bytes):
    assert verifier.verify_receipt(data, TRUST).failed
    assert verifier.verify_pair(data, RECEIPT, TRUST).failed
    for read, refusal in (
        (parse_proof, NoteMalformed),
        (parse_checkpoint, NoteMalformed),
        (decode_leaf, LeafMalformed),
    ):
        try:
            read(data)
        except refusal:
            continue
        raise AssertionError


def _answer(read, refusal, value) -> bool:
    try:
        read(value)
    except refusal:
        return False
    return True


@settings(max_examples=400)
@given(st.integers(0, len(POLICY) - 1), st.sampled_from(list("\n\t +#a0=\r\x7f")))
def test_the_two_readers_of_a_policy_agree_about_every_altered_one(place: int, letter: str):
    text = POLICY[:place] + letter + POLICY[place + 1 :]
    ours = _answer(parse_policy, NoteMalformed, text)
    assert ours == _answer(lambda value: verifier.read_policy(value.encode()), verifier.Usage, text)


NOTE = parse_proof(RECEIPT).note


@settings(max_examples=400)
@given(st.integers(0, len(NOTE) - 1), st.integers(1, 255))
def test_the_two_readers_of_a_checkpoint_agree_about_every_altered_one(place: int, change: int):
    data = bytearray(NOTE)
    data[place] ^= change
    ours = _answer(parse_checkpoint, NoteMalformed, bytes(data))
    assert ours == _answer(verifier.read_checkpoint, verifier.Wrong, bytes(data))


word = st.one_of(st.none(), st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,20}", fullmatch=True))


@given(
    st.builds(
        LeafFields,
        event=st.just("dispatch.sent"),
        actor=st.one_of(st.none(), st.uuids()),
        role=word,
        org=st.one_of(st.none(), st.uuids()),
        on_behalf=st.one_of(st.none(), st.uuids()),
        subject=st.one_of(st.none(), st.uuids()),
        epoch=st.one_of(st.none(), st.integers(0, 2**63 - 1)),
        digest=st.one_of(st.none(), st.binary(min_size=32, max_size=32)),
        request=word,
        erases=st.one_of(st.none(), st.integers(0, 2**63 - 1)),
    ),
    st.integers(0, 2**63 - 1),
    st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_every_leaf_is_read_back_as_it_was_written(said: LeafFields, idx: int, at: datetime):
    leaf = Leaf(idx=idx, at=at, said=said, commit=None)
    assert decode_leaf(encode_leaf(leaf)) == leaf
    assert verifier.read_leaf(encode_leaf(leaf), idx)["event"] == "dispatch.sent"
