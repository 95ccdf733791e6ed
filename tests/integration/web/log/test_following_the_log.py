"""Anybody can fetch the checkpoint and the tiles, make proofs of them, and a witness can hand in what it saw."""

import base64

import pytest
from sqlalchemy import func, select

from tests.integration.web.log.conftest import KEY, NORTH, POLICY, Following
from transfer_service import verifier
from transfer_service.audit.checkpoint import NoteSignature, add_signatures, parse_checkpoint, verify_checkpoint
from transfer_service.audit.cosignature import cosign
from transfer_service.audit.tiles import Tile, nodes_from_tiles
from transfer_service.audit.tree import prove_consistency, root_of_prefix, verifies_consistency
from transfer_service.crypto.witness_keys import WitnessKey
from transfer_service.db.models import LogCosignature


def cosigned(following: Following, key: WitnessKey = NORTH) -> bytes:
    note = following.client.get("/log/checkpoint").data
    signature = cosign(note, name=key.name, seed=key.seed, now=following.stage.clock())
    return add_signatures(note, [signature])


def test_before_anything_is_signed_there_is_no_checkpoint(following: Following):
    answer = following.client.get("/log/checkpoint")
    assert (answer.status_code, answer.mimetype) == (404, "text/plain")
    assert following.client.get("/log").status_code == 200


def test_the_checkpoint_is_the_signed_note_of_the_newest_size(following: Following):
    size = following.sign().size
    answer = following.client.get("/log/checkpoint")
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    assert verify_checkpoint(answer.data, [KEY.verifier]).size == size


def test_from_tiles_alone_anybody_makes_the_signed_root_and_the_proof_of_growth(following: Following):
    following.sign()
    older = parse_checkpoint(following.client.get("/log/checkpoint").data).checkpoint
    following.write(300)
    following.sign()
    newer = parse_checkpoint(following.client.get("/log/checkpoint").data).checkpoint
    assert newer.size > 256
    client = following.client
    fetched: list[str] = []

    def fetch(tile: Tile) -> bytes:
        fetched.append(tile.path)
        answer = client.get(f"/log/{tile.path}")
        assert answer.status_code == 200
        return answer.data

    reader = nodes_from_tiles(fetch, newer.size)
    assert root_of_prefix(newer.size, reader) == newer.root
    proof = prove_consistency(older.size, newer.size, reader)
    assert verifies_consistency(
        old_size=older.size, new_size=newer.size, old_root=older.root, new_root=newer.root, proof=proof
    )
    assert fetched == list(dict.fromkeys(fetched))
    assert {"tile/0/000", "tile/1/000.p/1"} <= {*fetched, "tile/1/000.p/1"}
    full = client.get("/log/tile/0/000")
    assert (len(full.data), full.headers["Cache-Control"]) == (8192, "public, max-age=31536000, immutable")
    above = client.get("/log/tile/1/000.p/1")
    assert (above.status_code, len(above.data)) == (200, 32)


def test_no_tile_reaches_past_what_is_signed(following: Following):
    size = following.sign().size
    following.write(5)
    client = following.client
    assert client.get(f"/log/tile/0/000.p/{size}").status_code == 200
    assert client.get(f"/log/tile/0/000.p/{size + 1}").status_code == 404


@pytest.mark.parametrize(
    "address", ["0/001", "0/000", "1/000", "9/000", "0/00", "0/x000/000", "0/000.p/256", "0/000.p/0", "entries/000"]
)
def test_what_is_no_tile_of_this_log_is_not_found(following: Following, address: str):
    following.sign()
    assert following.client.get(f"/log/tile/{address}").status_code == 404


def test_a_witness_of_the_policy_hands_in_its_cosignature_and_everybody_sees_it(following: Following):
    size = following.sign().size
    answer = following.client.post("/log/cosignatures", data=cosigned(following))
    assert (answer.status_code, answer.text) == (200, f"size {size}, new cosignatures 1\n")
    names = [one.name for one in parse_checkpoint(following.client.get("/log/checkpoint").data).signatures]
    # Twice the log: the second line holds the number of the checkpoint (docs/log.md).
    assert names == ["tests/log", "tests/log", "north.example"]
    assert f"1 independent party saw the log at {size} entries" in following.client.get("/log").text


def test_who_can_write_into_the_database_makes_no_independent_party(following: Following):
    """Neither a row in the name of the policy's witness nor rows of strangers count: a signature has to be right."""
    size = following.sign().size
    whole = following.client.get("/log/checkpoint").data
    with following.stage.database.writing() as session:
        for number, (name, key) in enumerate(
            [(NORTH.name, NORTH.verifier.key_id), ("east.example", b"east"), ("west.example", b"west")], start=1
        ):
            session.add(
                LogCosignature(
                    size=size,
                    witness=name,
                    key_id=key,
                    signature=bytes(72),
                    received_at=following.stage.at.now(),
                    number=number,
                )
            )
    assert "No independent party has confirmed the log yet" in following.client.get("/log").text
    # A wrong line in the name of a witness that readers know would spoil the note; those of strangers are passed over.
    note = following.client.get("/log/checkpoint").data
    assert note.startswith(whole)
    assert [one.name for one in parse_checkpoint(note).signatures[2:]] == ["east.example", "west.example"]
    verifier.check_signed(verifier.read_checkpoint(note), verifier.read_policy(POLICY.encode()))


def test_the_same_cosignature_again_changes_nothing(following: Following):
    size = following.sign().size
    handed_in = cosigned(following)
    following.client.post("/log/cosignatures", data=handed_in)
    answer = following.client.post("/log/cosignatures", data=handed_in)
    assert (answer.status_code, answer.text) == (200, f"size {size}, new cosignatures 0\n")


def count_cosignatures(following: Following) -> int:
    with following.stage.database.reading() as session:
        return session.scalar(select(func.count()).select_from(LogCosignature)) or 0


def test_a_witness_that_the_policy_does_not_name_is_refused(following: Following):
    following.sign()
    answer = following.client.post("/log/cosignatures", data=cosigned(following, WitnessKey("other", b"\x22" * 32)))
    assert (answer.status_code, answer.mimetype) == (403, "text/plain")
    assert count_cosignatures(following) == 0


def test_a_forged_cosignature_is_refused(following: Following):
    following.sign()
    note = following.client.get("/log/checkpoint").data
    forged = NoteSignature(NORTH.name, NORTH.verifier.key_id, b"\x00" * 72)
    answer = following.client.post("/log/cosignatures", data=add_signatures(note, [forged]))
    assert answer.status_code == 403
    assert count_cosignatures(following) == 0


def test_a_cosignature_over_another_tree_of_the_same_size_is_refused(following: Following):
    following.sign()
    note = following.client.get("/log/checkpoint").data
    root = base64.b64encode(parse_checkpoint(note).checkpoint.root)
    other = note.replace(root, base64.b64encode(b"\x05" * 32))
    signature = cosign(other, name=NORTH.name, seed=NORTH.seed, now=following.stage.clock())
    answer = following.client.post("/log/cosignatures", data=add_signatures(other, [signature]))
    assert answer.status_code == 403
    assert count_cosignatures(following) == 0


def test_a_size_that_was_never_signed_is_not_found(following: Following):
    size = following.sign().size
    note = following.client.get("/log/checkpoint").data.replace(f"\n{size}\n".encode(), f"\n{size + 1}\n".encode(), 1)
    signature = cosign(note, name=NORTH.name, seed=NORTH.seed, now=following.stage.clock())
    answer = following.client.post("/log/cosignatures", data=add_signatures(note, [signature]))
    assert answer.status_code == 404


@pytest.mark.parametrize("body", [b"", b"hello", b"\xff" * 100])
def test_what_is_no_note_is_refused(following: Following, body: bytes):
    following.sign()
    assert following.client.post("/log/cosignatures", data=body).status_code == 403


def test_a_note_that_is_too_long_is_refused(following: Following):
    assert following.client.post("/log/cosignatures", data=b"x" * 70_000).status_code == 413


def test_the_policy_is_shown_and_handed_out(following: Following):
    answer = following.client.get("/log/policy")
    assert (answer.status_code, answer.text) == (200, POLICY)
    assert KEY.vkey in following.client.get("/verify/yourself").text
