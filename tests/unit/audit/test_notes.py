"""Checkpoints, proofs and cosignatures as text: what is written, and how strictly it is read."""

import base64
from datetime import UTC, datetime

import pytest

from transfer_service import verifier
from transfer_service.audit.checkpoint import (
    Checkpoint,
    NoteSignature,
    add_signatures,
    parse_checkpoint,
    verify_checkpoint,
    write_checkpoint,
)
from transfer_service.audit.cosignature import cosign, verify_cosignature
from transfer_service.audit.errors import NoteMalformed, NoteNotTrusted
from transfer_service.audit.proof import parse_proof, write_proof
from transfer_service.crypto.signing import ED25519_COSIGNATURE, LogSigningKey, VerifierKey, public_key_of

ORIGIN = "transfer.example/log"
KEY = LogSigningKey(name=ORIGIN, seed=b"\x07" * 32)
OTHER = LogSigningKey(name=ORIGIN, seed=b"\x08" * 32)
ROOT = b"\x05" * 32
NOTE = write_checkpoint(Checkpoint(ORIGIN, 12, ROOT), KEY)
NOW = datetime(2026, 9, 3, 8, 15, tzinfo=UTC)
WITNESS = VerifierKey("witness.example", public_key_of(b"\x09" * 32), ED25519_COSIGNATURE)
B64_ROOT = base64.b64encode(ROOT)


def test_a_checkpoint_is_three_lines_an_empty_one_and_a_signature():
    lines = NOTE.decode().split("\n")
    assert lines[:4] == [ORIGIN, "12", "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=", ""]
    assert lines[4].startswith(f"— {ORIGIN} ")
    assert lines[5:] == [""]


def test_a_checkpoint_signed_by_a_known_key_is_believed():
    assert verify_checkpoint(NOTE, [OTHER.verifier, KEY.verifier]) == Checkpoint(ORIGIN, 12, ROOT)


def test_the_key_of_another_log_signs_no_checkpoint():
    with pytest.raises(NoteMalformed, match="another name"):
        write_checkpoint(Checkpoint("other.example", 12, ROOT), KEY)


def test_a_checkpoint_of_unknown_keys_is_not_believed():
    with pytest.raises(NoteNotTrusted, match="not signed by a key"):
        verify_checkpoint(NOTE, [OTHER.verifier])


def test_a_wrong_signature_of_a_known_key_condemns_the_note():
    altered = NOTE.replace(b"\n12\n", b"\n13\n")
    twice = add_signatures(altered, [NoteSignature(ORIGIN, OTHER.key_id, OTHER.sign(parse_checkpoint(altered).text))])
    with pytest.raises(NoteNotTrusted, match="altered"):
        verify_checkpoint(twice, [KEY.verifier, OTHER.verifier])


def test_a_known_key_of_another_origin_does_not_vouch_for_this_log():
    foreign = LogSigningKey(name="other.example", seed=b"\x07" * 32)
    text = Checkpoint(ORIGIN, 12, ROOT).text()
    note = add_signatures(text + b"\n", [NoteSignature(foreign.name, foreign.key_id, foreign.sign(text))])
    with pytest.raises(NoteNotTrusted):
        verify_checkpoint(note, [foreign.verifier])


def test_unknown_signatures_beside_a_known_one_are_passed_over():
    assert verify_checkpoint(add_signatures(NOTE, [NoteSignature("someone", b"abcd", b"x")]), [KEY.verifier])


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\xff\n\n\n",
        NOTE.rstrip(b"\n"),
        NOTE + b"\n",
        NOTE + b"trailing\n",
        NOTE.replace(b"\n12\n", b"\n012\n"),
        NOTE.replace(b"\n12\n", b"\n-1\n"),
        NOTE.replace(b"\n12\n", b"\n\n"),
        NOTE.replace(b"\n12\n", b"\n18446744073709551616\n"),
        NOTE.replace(b"\n12\n", "\n１２\n".encode()),
        NOTE.replace(b"\n12\n", b"\n12\r\n"),
        NOTE.replace(B64_ROOT, b"BQUF"),
        NOTE.replace(B64_ROOT, B64_ROOT[:-1]),
        NOTE.replace(B64_ROOT, B64_ROOT[:-2] + b"V="),
        NOTE.replace(B64_ROOT, b"!" * 44),
        NOTE.replace("— ".encode(), b"- "),
        NOTE.replace(b"log ", b"log  "),
        NOTE.replace("— transfer".encode(), "— a+b".encode()),
        b"a\n1\n\n" + "— a AAAA\n".encode(),
        Checkpoint(ORIGIN, 1, ROOT).text() + b"\n" + "— a AAAA\n".encode(),
        Checkpoint(ORIGIN, 1, ROOT).text() + b"\n" + ("— a " + "A" * 66_000 + "\n").encode(),
    ],
)
def test_a_note_that_departs_from_the_format_is_malformed_to_both_readers(note: bytes):
    with pytest.raises(NoteMalformed):
        parse_checkpoint(note)
    with pytest.raises(verifier.Wrong):
        verifier.read_checkpoint(note)


def test_more_than_100_signatures_are_not_read():
    with pytest.raises(NoteMalformed, match="100"):
        parse_checkpoint(add_signatures(NOTE, [NoteSignature("someone", b"abcd", b"x")] * 100))


def test_extension_lines_are_read_over_and_signed():
    text = Checkpoint(ORIGIN, 12, ROOT).text() + b"extension\n"
    note = add_signatures(text + b"\n", [NoteSignature(ORIGIN, KEY.key_id, KEY.sign(text))])
    assert verify_checkpoint(note, [KEY.verifier]).size == 12


def test_a_witness_cosigns_with_its_time():
    signature = cosign(NOTE, name="witness.example", seed=b"\x09" * 32, now=NOW)
    assert verify_cosignature(NOTE, signature, WITNESS) == NOW
    cosigned = add_signatures(NOTE, [signature])
    assert verify_checkpoint(cosigned, [KEY.verifier]).size == 12


def test_a_cosignature_counts_only_for_its_witness_and_its_checkpoint():
    signature = cosign(NOTE, name="witness.example", seed=b"\x09" * 32, now=NOW)
    other_note = write_checkpoint(Checkpoint(ORIGIN, 13, ROOT), KEY)
    other_witness = VerifierKey("witness.example", public_key_of(b"\x0a" * 32), ED25519_COSIGNATURE)
    for note, key in ((other_note, WITNESS), (NOTE, other_witness), (NOTE, KEY.verifier)):
        with pytest.raises(NoteNotTrusted):
            verify_cosignature(note, signature, key)


def test_a_cosignature_with_a_time_in_no_calendar_is_malformed():
    from transfer_service.crypto.signing import sign

    message = f"cosignature/v1\ntime {2**62}\n".encode() + parse_checkpoint(NOTE).text
    value = (2**62).to_bytes(8, "big") + sign(b"\x09" * 32, message)
    with pytest.raises(NoteMalformed, match="calendar"):
        verify_cosignature(NOTE, NoteSignature("witness.example", WITNESS.key_id, value), WITNESS)


def test_a_proof_is_read_back_as_it_was_written():
    data = write_proof(index=3, hashes=[ROOT, KEY.public_key], note=NOTE, extra=b"{}")
    assert data.startswith(b"c2sp.org/tlog-proof@v1\nextra e30=\nindex 3\nBQUF")
    proof = parse_proof(data)
    assert (proof.index, proof.hashes, proof.note, proof.extra) == (3, (ROOT, KEY.public_key), NOTE, b"{}")
    assert proof.signed().checkpoint.size == 12


def test_a_proof_without_extra_data_leaves_the_line_out():
    data = write_proof(index=0, hashes=[], note=NOTE)
    assert data == b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + NOTE
    assert parse_proof(data).extra is None


PROOF = write_proof(index=3, hashes=[ROOT], note=NOTE, extra=b'{"v":1}')


@pytest.mark.parametrize(
    "data",
    [
        b"",
        PROOF[:30],
        PROOF.replace(b"@v1", b"@v2"),
        PROOF.replace(b"index 3", b"index 03"),
        PROOF.replace(b"index 3", b"index 18446744073709551616"),
        PROOF.replace(b"index 3", b"place 3"),
        PROOF.replace(b"index 3\n", b""),
        PROOF.replace(b"index 3", b"index 3\nindex 3"),
        PROOF.replace(b"index 3", b"index 3\nAAAA"),
        PROOF.replace(b"index 3", b"index 3\n" + b"\n".join([B64_ROOT] * 65)),
        PROOF.replace(b"index 3", "index 3\né".encode()),
        PROOF.replace(b"extra ", b"extra  "),
        PROOF.replace(b"\n\ntransfer", b"\n\n\ntransfer"),
        PROOF + b"x",
        PROOF + b"\n",
        PROOF + b" " * 1_048_576,
    ],
)
def test_a_proof_that_departs_from_the_format_is_malformed_to_both_readers(data: bytes):
    with pytest.raises(NoteMalformed):
        parse_proof(data)
    with pytest.raises(verifier.Wrong):
        verifier.read_receipt(data)
