"""Receipts made to mislead: each is refused in one sentence that names what is wrong, and none breaks the verifier."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from transfer_service import verifier
from transfer_service.audit import tree
from transfer_service.audit.checkpoint import (
    Checkpoint,
    NoteSignature,
    add_signatures,
    parse_checkpoint,
    write_checkpoint,
)
from transfer_service.audit.cosignature import cosign, verify_cosignature
from transfer_service.audit.detail import encode_detail, tell
from transfer_service.audit.errors import LogError, NoteMalformed
from transfer_service.audit.leaf import Leaf, LeafFields, commit_to, encode_leaf
from transfer_service.audit.policy import write_policy
from transfer_service.audit.proof import write_proof
from transfer_service.crypto import signing
from transfer_service.crypto.formats import fingerprint
from transfer_service.crypto.signing import ED25519_COSIGNATURE, LogSigningKey, VerifierKey, public_key_of

ORIGIN = "transfer.example/log"
KEY = LogSigningKey(name=ORIGIN, seed=b"\x07" * 32)
WITNESS_SEED = b"\x21" * 32
WITNESS = VerifierKey("north.example", public_key_of(WITNESS_SEED), ED25519_COSIGNATURE)
NOW = datetime(2026, 9, 3, tzinfo=UTC)
SCHOOL_SEED = b"\x0c" * 32
KEM = b"\x0d" * 1216
SIGNED = b"the acknowledgement"
SALT = b"\x05" * 32
DETAIL = encode_detail(tell("Myton Park School acknowledged the file PT-7F3K-92Q4."))
TRANSFER, DISPATCH = UUID(int=20), UUID(int=21)


def policy(*, needed: int = 0) -> verifier.Policy:
    return verifier.read_policy(write_policy([KEY.verifier], witnesses={"north": WITNESS}, needed=needed).encode())


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def leaf_bytes(idx: int = 1) -> bytes:
    said = LeafFields(
        event="dispatch.acknowledged",
        transfer=TRANSFER,
        dispatch=DISPATCH,
        digest=hashlib.sha256(SIGNED).digest(),
        key=fingerprint(suite=2, kem_public=KEM, signing_public=public_key_of(SCHOOL_SEED)).hex,
    )
    return encode_leaf(Leaf(idx=idx, at=NOW, said=said, commit=commit_to(DETAIL, SALT)))


def extra_of(body: bytes) -> dict[str, Any]:
    return {
        "v": 1,
        "leaf": b64(body),
        "salt": b64(SALT),
        "detail": b64(DETAIL),
        "acknowledgement": {
            "signed": b64(SIGNED),
            "signature": b64(signing.sign(SCHOOL_SEED, SIGNED)),
            "suite": 2,
            "kem_public": b64(KEM),
            "signing_public": b64(public_key_of(SCHOOL_SEED)),
        },
    }


def receipt(
    body: bytes | None = None,
    *,
    key: LogSigningKey = KEY,
    extra: bytes | None = None,
    change: Callable[[dict[str, Any]], object] = lambda _extra: None,
    hashes: tuple[bytes, ...] | None = None,
) -> bytes:
    """The second of two leaves, properly signed, with the given bytes as its leaf or with `extra` changed."""
    body = leaf_bytes() if body is None else body
    first = tree.hash_leaf(b"another leaf")
    root = tree.hash_children(first, tree.hash_leaf(body))
    values = extra_of(body)
    change(values)
    return write_proof(
        index=1,
        hashes=(first,) if hashes is None else hashes,
        note=write_checkpoint(Checkpoint(key.name, 2, root), key),
        extra=json.dumps(values).encode() if extra is None else extra,
    )


def judged(data: bytes, trust: verifier.Policy | None = None) -> str:
    report = verifier.verify_receipt(data, trust or policy())
    assert not report.holds
    assert report.says == []
    return report.failed or ""


def test_the_receipt_that_is_altered_below_holds():
    report = verifier.verify_receipt(receipt(), policy())
    assert report.holds
    assert report.says[1:] == ["Myton Park School acknowledged the file PT-7F3K-92Q4."]


def test_without_its_sentences_a_receipt_says_of_which_transfer_it_is():
    """Else it could be shown beside the words of another one."""

    def strip(extra: dict[str, Any]) -> None:
        del extra["salt"], extra["detail"]

    report = verifier.verify_receipt(receipt(change=strip), policy())
    assert report.holds
    assert report.says == [
        "2026-09-03T00:00:00.000000Z: a file was acknowledged.",
        "The transfer is 00000000-0000-0000-0000-000000000014.",
        "The dispatch is 00000000-0000-0000-0000-000000000015.",
    ]
    assert "What was said beside the leaf is not in this receipt: it was erased or left out." in report.notes


def of_acknowledgement(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda extra: extra["acknowledgement"].__setitem__(name, value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (of_acknowledgement("kem_public", b64(bytes(65_536))), "too long to be one"),
        (of_acknowledgement("kem_public", b64(bytes(400_000))), "too long to be one"),
        (of_acknowledgement("kem_public", b64(bytes(65_535))), "another key than the one"),
        (of_acknowledgement("kem_public", 7), "base64"),
        (of_acknowledgement("suite", 2.0), "cannot be read"),
        (of_acknowledgement("suite", True), "cannot be read"),
        (of_acknowledgement("suite", 10**40), "cannot be read"),
        (of_acknowledgement("suite", 1), "another key than the one"),
        (of_acknowledgement("signed", b64(b"another acknowledgement")), "not the one that the leaf names"),
        (of_acknowledgement("signature", b64(bytes(64))), "signature of the receiving school is wrong"),
        (of_acknowledgement("signature", b64(bytes(65))), "wrong length or form"),
        (lambda extra: extra.update(acknowledgement=[]), "cannot be read"),
        (lambda extra: extra.update(v=True), "version"),
        (lambda extra: extra.update(v=1.0), "version"),
        (lambda extra: extra.update(salt=b64(bytes(32))), "sentences were altered"),
        (
            lambda extra: extra.update(detail=b64(encode_detail(tell("Nothing was received.")))),
            "sentences were altered",
        ),
        (lambda extra: extra.update(previous={"checkpoint": "", "proof": 5}), "cannot be read"),
        (lambda extra: extra.update(leaf=b64(leaf_bytes()) + "\n"), "base64"),
        (lambda extra: extra.update(leaf=b64(leaf_bytes()).rstrip("=") + "é"), "base64"),
    ],
)
def test_what_is_forged_beside_the_proof_is_named(change: Callable[[dict[str, Any]], object], sentence: str):
    assert sentence in judged(receipt(change=change))


def test_a_name_that_stands_twice_in_json_is_refused_wherever_it_is():
    """Two readers of one receipt might each believe another one of the two."""
    plain = json.dumps(extra_of(leaf_bytes()))
    twice = plain[:-1] + ', "detail": ' + json.dumps(b64(b"{}")) + "}"
    assert json.loads(twice)["detail"] == b64(b"{}")
    assert "cannot be read" in judged(receipt(extra=twice.encode()))
    leaf = leaf_bytes()
    body = leaf.replace(b'"event":', b'"event":"dispatch.rejected","event":')
    assert "cannot be read" in judged(receipt(body))


@pytest.mark.parametrize(
    "extra", [b"\xff\xfe{\x00}\x00", b"[" * 100_000, b'{"v": NaN}', b'{"v": 1' + b"0" * 5000 + b"}", b"\xef\xbb\xbf{}"]
)
def test_odd_json_is_refused(extra: bytes):
    assert "cannot be read" in judged(receipt(extra=extra))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"v":1', b'"v":true'),
        (b'"v":1', b'"v":1.0'),
        (b'"idx":1', b'"idx":1.0'),
        (b'"idx":1', b'"idx":true'),
        (b'"event":"dispatch.acknowledged"', b'"event":"a file was sent to you, believe me"'),
        (b'"event":"dispatch.acknowledged"', b'"event":["dispatch.acknowledged"]'),
        (b'{"at"', b'{ "at"'),
        (b'{"at"', b'{"a":"x","at"'),
        (b"00:00:00.000000Z", b"24:00:00.000000Z"),
        (b"00:00:00.000000Z", b"00:00:60.000000Z"),
        (b"2026-09-03", b"2026-02-30"),
        (b"2026-09-03", b"0026-09-03"),
        (b'"digest":"', b'"epoch":1' + b"0" * 20 + b',"digest":"'),
        (b"acknowledged", b"\\u0061cknowledged"),
        (b"acknowledged", "\u0430cknowledged".encode()),
    ],
)
def test_a_leaf_that_the_service_would_not_have_written_is_refused_though_it_is_signed(old: bytes, new: bytes):
    body = leaf_bytes().replace(old, new)
    assert body != leaf_bytes()
    assert judged(receipt(body)).startswith("The leaf ")


def test_a_receipt_of_another_deployment_is_not_believed():
    stranger = LogSigningKey(name="transfer.example.org/log", seed=b"\x08" * 32)
    assert judged(receipt(key=stranger)) == "The checkpoint is not signed by a log that the policy names."
    same_name = LogSigningKey(name=ORIGIN, seed=b"\x08" * 32)
    assert judged(receipt(key=same_name)) == "The checkpoint is not signed by a log that the policy names."


def test_an_origin_of_letters_that_look_alike_is_another_log():
    lookalike = LogSigningKey(name=ORIGIN.replace("a", "\u0430"), seed=b"\x08" * 32)
    assert "not signed by a log" in judged(receipt(key=lookalike))
    # The right key, under a name that looks the same: its hint is another one.
    assert "not signed by a log" in judged(receipt(key=LogSigningKey(name=lookalike.name, seed=b"\x07" * 32)))


@pytest.mark.parametrize("count", [0, 2, 3, 64])
def test_a_path_of_another_length_is_refused_before_it_is_walked(count: int):
    hashes = (tree.hash_leaf(b"another leaf"),) * count
    assert f"has {count} hashes where there must be 1" in judged(receipt(hashes=hashes))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\n", b"\r\n"),
        (b"\n\n" + ORIGIN.encode(), b"\n\n\n" + ORIGIN.encode()),
        (b"index 1\n", b"index 01\n"),
        (b"index 1\n", b"index +1\n"),
        (b"index 1\n", "index \u0661\n".encode()),
        (b"index 1\n", b"index 18446744073709551616\n"),
        (b"index 1\n", b"index " + b"9" * 5000 + b"\n"),
        (b"index 1\n", b"index 1\nindex 1\n"),
        (b"/log\n2\n", b"/log\n2 \n"),
        (b"/log\n2\n", b"/log\n18446744073709551617\n"),
        (b"/log\n2\n", b"/log\n-2\n"),
    ],
)
def test_another_spelling_is_refused(old: bytes, new: bytes):
    data = receipt()
    assert old in data
    assert judged(data.replace(old, new))


@pytest.mark.parametrize("more", [b"\n", b" ", b"x", b"\x00", b"\nindex 1\n", "— transfer.example/log AAAA\n".encode()])
def test_nothing_may_stand_behind_a_receipt(more: bytes):
    assert judged(receipt() + more)


def test_the_two_readers_refuse_more_than_a_hundred_signatures():
    note = write_checkpoint(Checkpoint(ORIGIN, 1, bytes(32)), KEY)
    other = NoteSignature("somebody.example", b"abcd", bytes(64))
    for count, is_right in ((99, True), (100, False)):
        many = add_signatures(note, [other] * count)
        if is_right:
            assert len(parse_checkpoint(many).signatures) == len(verifier.read_checkpoint(many).signatures) == 100
            continue
        with pytest.raises(NoteMalformed, match="100"):
            parse_checkpoint(many)
        with pytest.raises(verifier.Wrong, match="100"):
            verifier.read_checkpoint(many)


@pytest.mark.parametrize("seconds", [253_402_300_800, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_witness_who_names_a_time_in_no_calendar_is_not_counted_by_either(seconds: int):
    note = write_checkpoint(Checkpoint(ORIGIN, 2, bytes(32)), KEY)
    text = parse_checkpoint(note).text
    message = f"cosignature/v1\ntime {seconds}\n".encode() + text
    value = seconds.to_bytes(8, "big") + signing.sign(WITNESS_SEED, message)
    line = NoteSignature(WITNESS.name, WITNESS.key_id, value)
    with pytest.raises(LogError):
        verify_cosignature(note, line, WITNESS)
    with pytest.raises(verifier.Wrong, match="no calendar"):
        verifier.check_signed(verifier.read_checkpoint(add_signatures(note, [line])), policy(needed=1))


def test_a_witness_whose_signature_is_over_another_root_condemns_the_checkpoint():
    note = write_checkpoint(Checkpoint(ORIGIN, 2, bytes(32)), KEY)
    lie = cosign(
        write_checkpoint(Checkpoint(ORIGIN, 2, b"\x01" * 32), KEY), name=WITNESS.name, seed=WITNESS_SEED, now=NOW
    )
    with pytest.raises(verifier.Wrong, match=r"signature of north\.example is wrong"):
        verifier.check_signed(verifier.read_checkpoint(add_signatures(note, [lie])), policy())
    with pytest.raises(LogError):
        verify_cosignature(note, lie, WITNESS)


def test_one_witness_twice_is_one_witness():
    south = VerifierKey("south.example", public_key_of(b"\x22" * 32), ED25519_COSIGNATURE)
    text = write_policy([KEY.verifier], witnesses={"north": WITNESS, "south": south}, needed=2)
    note = write_checkpoint(Checkpoint(ORIGIN, 2, bytes(32)), KEY)
    lines = [cosign(note, name=WITNESS.name, seed=WITNESS_SEED, now=NOW.replace(hour=hour)) for hour in (1, 2)]
    with pytest.raises(verifier.Wrong, match="Too few"):
        verifier.check_signed(
            verifier.read_checkpoint(add_signatures(note, lines)), verifier.read_policy(text.encode())
        )


def test_the_logs_own_line_twice_is_named_once():
    note = write_checkpoint(Checkpoint(ORIGIN, 2, bytes(32)), KEY)
    again = parse_checkpoint(note).signatures
    assert verifier.check_signed(verifier.read_checkpoint(add_signatures(note, again)), policy()) == [ORIGIN]


def test_a_file_name_and_an_event_move_no_cursor(tmp_path: Path, capsys: pytest.CaptureFixture):
    path = tmp_path / "receipt\x1b[2J.tlog-proof"
    path.write_bytes(receipt())
    (tmp_path / "policy").write_text(write_policy([KEY.verifier]))
    assert verifier.main(["verify", "receipt", str(path), "--policy", str(tmp_path / "policy")]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "receipt?[2J.tlog-proof"


def test_a_terminal_that_cannot_show_a_letter_still_gets_the_answer(tmp_path: Path):
    """A console of Windows shows a few hundred letters, and names have others."""
    detail = encode_detail(tell("Zażółć Primary School acknowledged the file."))
    body = leaf_bytes().replace(commit_to(DETAIL, SALT).hex().encode(), commit_to(detail, SALT).hex().encode())
    (tmp_path / "receipt").write_bytes(receipt(body, change=lambda extra: extra.update(detail=b64(detail))))
    (tmp_path / "policy").write_text(write_policy([KEY.verifier]))
    done = subprocess.run(
        [sys.executable, verifier.__file__, "verify", "receipt", tmp_path / "receipt", "--policy", tmp_path / "policy"],
        env=os.environ | {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == b""
    assert rb"Za\u017c\xf3\u0142\u0107 Primary School" in done.stdout.replace(b"\xf3", rb"\xf3")
    assert done.returncode == 0
