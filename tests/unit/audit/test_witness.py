"""A witness signs only what it was shown to have grown from what it saw before (C2SP tlog-witness)."""

import pickle
from datetime import UTC, datetime
from pathlib import Path

import pytest

from transfer_service.audit.checkpoint import Checkpoint, add_signatures, write_checkpoint
from transfer_service.audit.cosignature import verify_cosignature
from transfer_service.audit.errors import NoteMalformed, NoteNotTrusted
from transfer_service.audit.tree import append_to_frontier, hash_leaf, prove_consistency, root_of_frontier
from transfer_service.audit.witness import (
    NotTheSameLog,
    OutOfStep,
    Request,
    UnknownLog,
    Witness,
    parse_request,
    write_request,
)
from transfer_service.crypto.errors import MalformedText
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.crypto.witness_keys import WitnessKey, new_witness_key, read_witness_key

ORIGIN = "transfer.example/log"
KEY = LogSigningKey(name=ORIGIN, seed=b"\x07" * 32)
OWN = WitnessKey("north.example", b"\x21" * 32)
NOW = datetime(2026, 9, 3, 8, 15, tzinfo=UTC)


class Tree:
    """A log of made-up leaves that can prove its growth."""

    def __init__(self, mark: bytes = b"") -> None:
        self.mark = mark

    def hashes(self, size: int) -> list[bytes]:
        return [hash_leaf(self.mark + bytes([number])) for number in range(size)]

    def note(self, size: int, key: LogSigningKey = KEY) -> bytes:
        frontier: list[bytes] = []
        for number, digest in enumerate(self.hashes(size)):
            append_to_frontier(frontier, number, digest)
        return write_checkpoint(Checkpoint(key.name, size, root_of_frontier(frontier)), key)

    def proof(self, old: int, new: int) -> tuple[bytes, ...]:
        nodes: dict[tuple[int, int], bytes] = {}
        frontier: list[bytes] = []
        for number, digest in enumerate(self.hashes(new)):
            nodes[(0, number)] = digest
            nodes.update(append_to_frontier(frontier, number, digest))
        return tuple(prove_consistency(old, new, lambda wanted: {node: nodes[node] for node in wanted}))


TREE = Tree()


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(name=OWN.name, seed=OWN.seed, logs=(KEY.verifier,), memory=tmp_path / "memory" / "seen.json")


def see(witness: Witness, old: int, new: int, tree: Tree = TREE):
    proof = tree.proof(old, new) if 0 < old < new else ()
    return witness.add_checkpoint(Request(old, proof, tree.note(new)), now=NOW)


def test_at_first_contact_the_witness_signs_what_it_sees_and_remembers_it(witness: Witness):
    signature = see(witness, 0, 5)
    assert verify_cosignature(TREE.note(5), signature, OWN.verifier) == NOW
    seen = witness.find_seen(ORIGIN)
    assert seen is not None
    assert (seen.size, seen.note) == (5, TREE.note(5))


def test_growth_that_is_proven_is_signed(witness: Witness):
    see(witness, 0, 5)
    see(witness, 5, 9)
    signature = see(witness, 9, 9)
    assert verify_cosignature(TREE.note(9), signature, OWN.verifier) == NOW


def test_another_history_of_the_same_log_is_not_signed(witness: Witness):
    see(witness, 0, 5)
    with pytest.raises(NotTheSameLog) as refusal:
        see(witness, 5, 9, Tree(b"other"))
    assert (refusal.value.old, refusal.value.new) == (5, 9)
    with pytest.raises(NotTheSameLog):
        see(witness, 5, 5, Tree(b"other"))
    seen = witness.find_seen(ORIGIN)
    assert seen is not None
    assert seen.note == TREE.note(5)


@pytest.mark.parametrize("old", [0, 3, 4, 6])
def test_a_proof_from_elsewhere_is_out_of_step_and_the_witness_says_where_it_stands(witness: Witness, old: int):
    see(witness, 0, 5)
    with pytest.raises(OutOfStep) as refusal:
        see(witness, old, 9)
    assert refusal.value.size == 5


def test_before_first_contact_no_proof_is_taken(witness: Witness):
    with pytest.raises(OutOfStep) as refusal:
        see(witness, 3, 9)
    assert refusal.value.size == 0
    with pytest.raises(OutOfStep):
        witness.add_checkpoint(Request(0, (b"\0" * 32,), TREE.note(5)), now=NOW)


def test_a_log_that_went_back_is_not_signed(witness: Witness):
    see(witness, 0, 5)
    with pytest.raises(NoteMalformed):
        witness.add_checkpoint(Request(5, (), TREE.note(3)), now=NOW)


def test_an_empty_log_is_not_witnessed(witness: Witness):
    with pytest.raises(NoteMalformed):
        see(witness, 0, 0)


def test_a_log_that_the_witness_does_not_follow_is_unknown(witness: Witness):
    other = LogSigningKey(name="elsewhere.example/log", seed=b"\x08" * 32)
    with pytest.raises(UnknownLog):
        witness.add_checkpoint(Request(0, (), TREE.note(5, other)), now=NOW)


def test_a_checkpoint_that_the_log_did_not_sign_is_not_trusted(witness: Witness):
    forger = LogSigningKey(name=ORIGIN, seed=b"\x08" * 32)
    with pytest.raises(NoteNotTrusted):
        witness.add_checkpoint(Request(0, (), TREE.note(5, forger)), now=NOW)
    assert witness.find_seen(ORIGIN) is None


@pytest.mark.parametrize("text", ["{", "[]", '{"v": 2, "logs": {}}', '{"v": 1, "logs": {"a": {}}}', '{"v": 1}'])
def test_a_damaged_memory_is_never_taken_for_an_empty_one(witness: Witness, text: str):
    witness.memory.parent.mkdir()
    witness.memory.write_text(text)
    with pytest.raises(NoteMalformed, match="memory"):
        see(witness, 0, 5)


def test_a_request_is_written_and_read_alike():
    request = Request(5, TREE.proof(5, 9), add_signatures(TREE.note(9), []))
    assert parse_request(write_request(request)) == request
    assert parse_request(write_request(Request(0, (), TREE.note(9)))) == Request(0, (), TREE.note(9))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 5\n" + TREE.note(9),
        b"old 05\n\n" + TREE.note(9),
        b"old -1\n\n" + TREE.note(9),
        b"new 5\n\n" + TREE.note(9),
        b"old 5\nAAAA\n\n" + TREE.note(9),
        b"old 5\n\nnot a note",
        b"old 5\n" + b"A" * 43 + b"=\n" * 1 + b"\n" + b"x",
        b"old 5\n" + (b"A" * 43 + b"=\n") * 64 + b"\n" + TREE.note(9),
    ],
)
def test_what_is_no_request_is_refused(body: bytes):
    with pytest.raises(NoteMalformed):
        parse_request(body)


def test_a_witness_key_is_written_and_read_alike():
    key = new_witness_key("north.example")
    assert read_witness_key(key.to_text() + "\n") == key
    assert key.to_text().startswith("PRIVATE+KEY+north.example+")
    assert key.seed.hex() not in repr(key)
    with pytest.raises(TypeError):
        pickle.dumps(key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "north.example",
        KEY.to_text(),
        OWN.to_text().replace("north", "south"),
        OWN.to_text()[:-4],
        OWN.to_text().removeprefix("PRIVATE+KEY+"),
    ],
)
def test_what_is_no_witness_key_is_refused_without_repeating_it(text: str):
    with pytest.raises(MalformedText) as refusal:
        read_witness_key(text)
    assert len(text) < 8 or text[-8:] not in str(refusal.value)


def test_a_witness_has_a_name_that_a_note_can_carry():
    with pytest.raises(MalformedText):
        new_witness_key("north example")
