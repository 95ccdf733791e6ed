"""Receipts composed from a real log, judged by the stand-alone verifier in a process of its own."""

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.audit.conftest import START, Log, hex_literal, open_seal, uuid
from transfer_service import verifier
from transfer_service.audit.checkpoint import parse_checkpoint
from transfer_service.audit.cosignature import cosign, cosigned_note, record_cosignatures
from transfer_service.audit.detail import encode_detail, tell
from transfer_service.audit.entry_proofs import EntryExport, prove_entries
from transfer_service.audit.errors import LogInconsistent, NoteMalformed, NoteNotTrusted, ReceiptNotReady
from transfer_service.audit.leaf import LeafFields
from transfer_service.audit.log import erase_details
from transfer_service.audit.policy import Policy, parse_policy, write_policy
from transfer_service.audit.proof import parse_proof, write_proof
from transfer_service.audit.receipts import (
    AcknowledgementProof,
    compose_receipt,
    find_earlier_receipt,
    find_newest_checkpoint,
)
from transfer_service.audit.standing import find_standing
from transfer_service.audit.tree import hash_leaf, verifies_inclusion
from transfer_service.crypto import signing
from transfer_service.crypto.formats import fingerprint
from transfer_service.crypto.signing import ED25519_COSIGNATURE, VerifierKey, public_key_of
from transfer_service.db.models.log import LogCheckpoint, LogCosignature, LogLeaf

SENTENCES = ["Myton Park School acknowledged the file PT-7F3K-92Q4.", "Every item was opened."]
SEED = b"\x0c" * 32
SIGNED = b"the acknowledgement"
ACKNOWLEDGEMENT = AcknowledgementProof(
    signed=SIGNED,
    signature=signing.sign(SEED, SIGNED),
    suite=2,
    kem_public=b"\x0d" * 1216,
    signing_public=public_key_of(SEED),
)
KEY = fingerprint(suite=2, kem_public=b"\x0d" * 1216, signing_public=public_key_of(SEED)).hex
ACKNOWLEDGED = {"event": "dispatch.acknowledged", "key": KEY, "digest": hashlib.sha256(SIGNED).digest()}
WITNESSES = {
    name: VerifierKey(f"{name}.example", public_key_of(bytes([number]) * 32), ED25519_COSIGNATURE)
    for number, name in enumerate(("north", "south"), start=20)
}


@pytest.fixture
def written(log: Log) -> Log:
    """Leaves 0-4 signed, an acknowledgement at 5 and more up to 9 signed, 10-12 signed."""
    log.write(5)
    log.sign()
    log.write(1, detail=encode_detail(tell(*SENTENCES)), **ACKNOWLEDGED)
    log.write(4)
    log.sign()
    log.write(3)
    log.sign()
    return log


def receipt(log: Log, idx: int = 5, **options) -> bytes:
    with log.database.reading() as session:
        return compose_receipt(session, idx, open_sealed=open_seal, **options)


def policy_of(log: Log, **options) -> verifier.Policy:
    return verifier.read_policy(write_policy([log.key.verifier], **options).encode())


def altered(data: bytes, **changes) -> bytes:
    """The receipt with other extra data."""
    proof = parse_proof(data)
    extra = {**json.loads(proof.extra), **changes}
    extra = {name: value for name, value in extra.items() if value is not None}
    return write_proof(index=proof.index, hashes=proof.hashes, note=proof.note, extra=json.dumps(extra).encode())


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def run_alone(*words, folder: Path) -> subprocess.CompletedProcess:
    """Run the one file, copied away from the service, without the service on the path."""
    lonely = folder / "carried" / "verifier.py"
    lonely.parent.mkdir(exist_ok=True)
    lonely.write_bytes(Path(verifier.__file__).read_bytes())
    return subprocess.run(
        [sys.executable, "-I", "-W", "error", str(lonely), "verify", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
        check=False,
    )


def test_a_receipt_stands_on_the_first_checkpoint_that_covers_its_leaf(written: Log):
    proof = parse_proof(receipt(written))
    checkpoint = proof.signed().checkpoint
    assert (proof.index, checkpoint.size) == (5, 10)
    body = base64.b64decode(json.loads(proof.extra)["leaf"])
    assert verifies_inclusion(index=5, size=10, leaf_hash=hash_leaf(body), proof=proof.hashes, root=checkpoint.root)
    with written.database.reading() as session:
        assert find_standing(session, 4).checkpoint.size == 5
        assert find_standing(session, 10).checkpoint.size == 13
        assert find_standing(session, 13) is None
        assert find_newest_checkpoint(session).size == 13


def test_a_receipt_that_no_checkpoint_covers_yet_is_ready_in_a_moment(log: Log):
    with pytest.raises(ReceiptNotReady, match="in a moment"):
        receipt(log, 0)
    log.write()
    for options in ({}, {"size": 1}):
        with pytest.raises(ReceiptNotReady):
            receipt(log, 0, **options)
    log.sign()
    assert receipt(log, 0)


def test_the_first_receipt_of_a_log_says_that_there_is_no_earlier_checkpoint(log: Log):
    log.write()
    log.sign()
    report = verifier.verify_receipt(receipt(log, 0), policy_of(log))
    assert report.holds
    (note,) = report.notes
    assert note.startswith("The receipt holds no earlier checkpoint, so that it does not show by itself that the log")
    assert note.endswith("That is right for one on the log's first checkpoint.")


def test_the_verifier_alone_confirms_a_receipt_and_prints_its_sentences(written: Log, tmp_path: Path):
    (tmp_path / "receipt.tlog-proof").write_bytes(receipt(written, acknowledgement=ACKNOWLEDGEMENT))
    (tmp_path / "policy").write_text(write_policy([written.key.verifier]))
    done = run_alone("receipt", "receipt.tlog-proof", "--policy", "policy", folder=tmp_path)
    assert done.stdout.splitlines() == [
        "receipt.tlog-proof",
        "  holds  Leaf 5 is in the log transfer.example/log of 10 leaves.",
        "  holds  The checkpoint of 10 leaves is signed by transfer.example/log.",
        "  holds  The log only grew since the earlier checkpoint of 5 leaves.",
        "  holds  The sentences below are those that the leaf commits to.",
        "  holds  The receiving school's key signed the acknowledgement that the leaf names.",
        "  says   2026-09-03T08:00:03.000000Z: a file was acknowledged.",
        "  says   Myton Park School acknowledged the file PT-7F3K-92Q4.",
        "  says   Every item was opened.",
        "EVERYTHING HOLDS.",
    ]
    assert (done.returncode, done.stderr) == (0, "")


def test_the_file_in_the_checkout_runs_as_it_is(written: Log, tmp_path: Path):
    path = tmp_path / "receipt.tlog-proof"
    path.write_bytes(receipt(written))
    words = [sys.executable, verifier.__file__, "verify", "receipt", path, "--key", written.key.vkey, "--json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, json.loads(done.stdout)["holds"], done.stderr) == (0, True, "")


def test_without_a_policy_the_signer_is_not_checked_and_that_is_no_success(written: Log, tmp_path: Path):
    (tmp_path / "receipt.tlog-proof").write_bytes(receipt(written))
    done = run_alone("receipt", "receipt.tlog-proof", folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("WELL-FORMED, SIGNER NOT CHECKED")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["receipt"],
        ["receipt", "absent"],
        ["receipt", "receipt", "--policy", "absent"],
        ["receipt", "receipt", "--policy", "receipt"],
        ["receipt", "receipt", "--key", "nonsense"],
        ["receipt", "receipt", "--key", "a+00000000+AQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUF"],
        ["receipt", "receipt", "--key", "a+b+!"],
        ["log", "."],
    ],
)
def test_wrong_usage_is_exit_2(tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture):
    (tmp_path / "receipt").write_text("log x\n")
    words = [
        str(tmp_path / word) if word in {"receipt", "absent", "."} and at else word for at, word in enumerate(words)
    ]
    try:
        code = verifier.main(["verify", *words])
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    assert capsys.readouterr().out == ""


def test_another_logs_policy_does_not_vouch(written: Log):
    stranger = signing.LogSigningKey(name=written.key.name, seed=b"\x44" * 32)
    report = verifier.verify_receipt(receipt(written), verifier.read_policy(write_policy([stranger.verifier]).encode()))
    assert report.failed == "The checkpoint is not signed by a log that the policy names."


def test_after_a_rotation_a_policy_with_both_keys_vouches(written: Log):
    stranger = signing.LogSigningKey(name=written.key.name, seed=b"\x44" * 32)
    both = write_policy([stranger.verifier, written.key.verifier])
    assert verifier.verify_receipt(receipt(written), verifier.read_policy(both.encode())).holds


def turned(text: str) -> str:
    """The base64 with one bit turned in its middle."""
    value = bytearray(base64.b64decode(text))
    value[len(value) // 2] ^= 1
    return b64(bytes(value))


def test_a_receipt_in_which_any_part_was_altered_does_not_hold(written: Log):
    whole = receipt(written, acknowledgement=ACKNOWLEDGEMENT)
    policy = policy_of(written)
    assert verifier.verify_receipt(whole, policy).holds
    extra = json.loads(parse_proof(whole).extra)
    ack, previous = extra["acknowledgement"], extra["previous"]
    proof, wrong_proof = parse_proof(whole), [turned(previous["proof"][0]), *previous["proof"][1:]]
    forgeries = {
        "leaf": altered(whole, leaf=turned(extra["leaf"])),
        "no leaf": altered(whole, leaf=None),
        "detail": altered(whole, detail=turned(extra["detail"])),
        "salt": altered(whole, salt=turned(extra["salt"])),
        "no salt": altered(whole, salt=None),
        "version": altered(whole, v=2),
        "previous": altered(whole, previous=5),
        "previous checkpoint": altered(whole, previous={**previous, "checkpoint": turned(previous["checkpoint"])}),
        "previous proof": altered(whole, previous={**previous, "proof": wrong_proof}),
        "shorter proof": altered(whole, previous={**previous, "proof": previous["proof"][1:]}),
        "words": altered(whole, previous={**previous, "proof": [7]}),
        **{
            f"acknowledgement {name}": altered(whole, acknowledgement={**ack, name: turned(ack[name])})
            for name in ("signed", "signature", "kem_public", "signing_public")
        },
        "suite": altered(whole, acknowledgement={**ack, "suite": 1}),
        "no suite": altered(whole, acknowledgement={**ack, "suite": True}),
        "index": write_proof(index=6, hashes=proof.hashes, note=proof.note, extra=proof.extra),
        "beyond": write_proof(index=10, hashes=proof.hashes, note=proof.note, extra=proof.extra),
        "path": write_proof(index=5, hashes=proof.hashes[::-1], note=proof.note, extra=proof.extra),
        "short path": write_proof(index=5, hashes=proof.hashes[:-1], note=proof.note, extra=proof.extra),
        "size": whole.replace(b"\n10\n", b"\n11\n"),
        "origin": whole.replace(b"\n\ntransfer.example", b"\n\nother.example"),
        "no extra": write_proof(index=5, hashes=proof.hashes, note=proof.note),
        "extra": write_proof(index=5, hashes=proof.hashes, note=proof.note, extra=b"{"),
        "trailing": whole + b"\n",
        "oversize": whole + b" " * 1_048_577,
    }
    believed = {name for name, data in forgeries.items() if verifier.verify_receipt(data, policy).failed is None}
    assert believed == set()


def test_a_leaf_moved_to_another_place_is_not_believed_even_where_the_tree_is(log: Log):
    """Somebody who writes their own tree can put a leaf anywhere; the leaf itself says where it stands."""
    from transfer_service.audit.checkpoint import Checkpoint, write_checkpoint
    from transfer_service.audit.leaf import Leaf, encode_leaf

    body = encode_leaf(Leaf(idx=3, at=START, said=LeafFields(event="dispatch.sent"), commit=None))
    note = write_checkpoint(Checkpoint(log.key.name, 1, hash_leaf(body)), log.key)
    data = write_proof(index=0, hashes=[], note=note, extra=json.dumps({"v": 1, "leaf": b64(body)}).encode())
    assert (
        verifier.verify_receipt(data, policy_of(log)).failed
        == "The leaf says that it has another place in the log than 0."
    )


@pytest.mark.parametrize("body", [b"{}", b"[]", b"\xff", b'{"v":2,"event":"x","at":"y","idx":0}'])
def test_a_leaf_that_cannot_be_read_is_not_believed(log: Log, body: bytes):
    from transfer_service.audit.checkpoint import Checkpoint, write_checkpoint

    note = write_checkpoint(Checkpoint(log.key.name, 1, hash_leaf(body)), log.key)
    data = write_proof(index=0, hashes=[], note=note, extra=json.dumps({"v": 1, "leaf": b64(body)}).encode())
    assert "leaf" in verifier.verify_receipt(data, policy_of(log)).failed


def test_a_receipt_after_erasure_still_holds_and_says_that_the_words_are_gone(written: Log):
    with written.database.writing() as session:
        erase_details(session, [5], leaf=LeafFields(event="detail.erased", basis="retention"), now=written.later())
    report = verifier.verify_receipt(receipt(written), policy_of(written))
    assert report.holds
    assert "What was said beside the leaf is not in this receipt: it was erased or left out." in report.notes
    assert "The signature of the receiving school is not in this receipt." in report.notes
    assert report.says == [
        "2026-09-03T08:00:03.000000Z: a file was acknowledged.",
        "The transfer is 00000000-0000-0000-0000-000000000003.",
    ]


def test_what_stands_beside_a_leaf_need_not_be_sentences(log: Log):
    log.write(detail=b'{"doing":"sending"}')
    log.sign()
    report = verifier.verify_receipt(receipt(log, 0), policy_of(log))
    assert report.holds
    assert "What is said beside the leaf is what it commits to, and is not in sentences." in report.notes


def test_sentences_cannot_move_the_terminal_of_whoever_reads_them(log: Log):
    log.write(detail=encode_detail(tell("Sent.\x1b[2J\r")))
    log.sign()
    assert list(verifier.verify_receipt(receipt(log, 0), policy_of(log)).lines())[-2] == "  says   Sent.?[2J?"


def test_an_acknowledgement_that_the_log_does_not_hold_makes_no_receipt(written: Log):
    with pytest.raises(LogInconsistent, match="not the one that the log holds"):
        receipt(written, 6, acknowledgement=ACKNOWLEDGEMENT)


def test_a_later_checkpoint_and_an_earlier_one_can_be_chosen(written: Log):
    report = verifier.verify_receipt(receipt(written, size=13, since=5), policy_of(written))
    assert report.holds
    assert report.right[0] == "Leaf 5 is in the log transfer.example/log of 13 leaves."
    assert "The log only grew since the earlier checkpoint of 5 leaves." in report.right
    for options in ({"size": 11}, {"since": 4}, {"since": 10}):
        with pytest.raises(ReceiptNotReady):
            receipt(written, **options)


def test_witnesses_are_recorded_once_and_travel_with_the_receipt(written: Log):
    policy = policy_of(written, witnesses=WITNESSES, needed=2)
    assert verifier.verify_receipt(receipt(written), policy).failed == (
        "Too few of the policy's witnesses have cosigned the checkpoint."
    )
    with written.database.writing() as session:
        note = session.get(LogCheckpoint, 10).note
        signatures = [
            cosign(note, name=key.name, seed=bytes([number]) * 32, now=START)
            for number, key in enumerate(WITNESSES.values(), start=20)
        ]
        stranger = cosign(note, name="stranger.example", seed=b"\x55" * 32, now=START)
        known = WITNESSES.values()
        assert record_cosignatures(session, 10, signatures=[*signatures, stranger], witnesses=known, now=START) == 2
        assert record_cosignatures(session, 10, signatures=signatures, witnesses=known, now=START) == 0
        with pytest.raises(NoteNotTrusted):
            record_cosignatures(session, 13, signatures=signatures, witnesses=known, now=START)
        with pytest.raises(NoteMalformed, match="no checkpoint of this size"):
            record_cosignatures(session, 12, signatures=signatures, witnesses=known, now=START)
    report = verifier.verify_receipt(receipt(written), policy)
    assert report.holds
    assert report.right[1].endswith("is signed by transfer.example/log, north, south.")
    forged = receipt(written)
    with written.database.reading() as session:
        line = cosigned_note(session, session.get(LogCheckpoint, 10)).split(b"\n")[-2]
    tail = line.split(b" ")[-1].decode()
    report = verifier.verify_receipt(forged.replace(tail.encode(), turned(tail).encode()), policy)
    assert report.failed == "The signature of south.example is wrong."


def test_two_receipts_of_one_history_are_found_to_be_so(written: Log, tmp_path: Path):
    early, late = receipt(written, 2), receipt(written, 5)
    policy = policy_of(written)
    assert verifier.verify_pair(early, late, policy).holds
    assert verifier.verify_pair(late, early, policy).holds
    assert verifier.verify_pair(late, late, policy).holds
    assert not verifier.verify_pair(early, late, None).holds
    (tmp_path / "early").write_bytes(early)
    (tmp_path / "late").write_bytes(late)
    done = run_alone("pair", "early", "late", "--key", written.key.vkey, folder=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "EVERYTHING HOLDS.")


def test_a_receipt_and_the_checkpoint_of_the_weekly_mail_are_compared(written: Log):
    with written.database.reading() as session:
        mailed = session.get(LogCheckpoint, 5).note
    assert verifier.verify_pair(mailed, receipt(written, 5), policy_of(written)).holds


def test_a_pair_that_nothing_ties_together_says_what_to_ask_for(written: Log):
    report = verifier.verify_pair(receipt(written, 2), receipt(written, 11), policy_of(written))
    assert "ask for the later receipt again with a proof since 5" in report.failed
    tied = receipt(written, 11, since=5)
    assert verifier.verify_pair(receipt(written, 2), tied, policy_of(written)).holds


def test_two_histories_are_told_apart(written: Log):
    from transfer_service.audit.checkpoint import Checkpoint, write_checkpoint

    policy = policy_of(written)
    forked = write_checkpoint(Checkpoint(written.key.name, 10, bytes(32)), written.key)
    assert "different histories of the same 10 leaves" in verifier.verify_pair(receipt(written), forked, policy).failed
    other = write_checkpoint(
        Checkpoint("other.example", 10, bytes(32)), signing.LogSigningKey(name="other.example", seed=b"\x07" * 32)
    )
    assert verifier.verify_pair(receipt(written), other, None).failed == "The two are of different logs."


def test_two_leaves_at_one_place_are_told_apart(log: Log):
    from transfer_service.audit.checkpoint import Checkpoint, write_checkpoint
    from transfer_service.audit.leaf import Leaf, encode_leaf
    from transfer_service.audit.tree import hash_children

    def forge(event: str, size: int) -> bytes:
        body = encode_leaf(Leaf(idx=0, at=START, said=LeafFields(event=event), commit=None))
        root = hash_leaf(body) if size == 1 else hash_children(hash_leaf(body), bytes(32))
        note = write_checkpoint(Checkpoint(log.key.name, size, root), log.key)
        extra = json.dumps({"v": 1, "leaf": b64(body)}).encode()
        return write_proof(index=0, hashes=[bytes(32)] * (size - 1), note=note, extra=extra)

    report = verifier.verify_pair(forge("dispatch.sent", 1), forge("dispatch.opened", 2), policy_of(log))
    assert report.failed == "The two show different leaves at the same place: keep both as proof."


def test_a_half_of_a_pair_that_does_not_hold_fails_the_pair(written: Log):
    good = receipt(written, 2)
    assert verifier.verify_pair(good, receipt(written)[:-5], policy_of(written)).failed
    assert verifier.verify_pair(b"nothing", good, policy_of(written)).failed


def test_the_command_says_the_same_in_process(written: Log, tmp_path: Path, capsys: pytest.CaptureFixture):
    paths = [tmp_path / "early", tmp_path / "late"]
    for path, idx in zip(paths, (2, 5), strict=True):
        path.write_bytes(receipt(written, idx))
    key = ["--key", written.key.vkey]
    assert verifier.main(["verify", "pair", *map(str, paths), *key, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["right"][-1] == "Both are of one history of the log."
    assert verifier.main(["verify", "receipt", str(paths[0]), *key]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "EVERYTHING HOLDS."
    paths[0].write_bytes(b"nothing")
    assert verifier.main(["verify", "receipt", str(paths[0]), *key]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("DOES NOT HOLD: The file is not a receipt")


def test_the_earlier_checkpoint_must_be_of_the_same_log(written: Log):
    from transfer_service.audit.checkpoint import Checkpoint, write_checkpoint

    whole = receipt(written)
    previous = json.loads(parse_proof(whole).extra)["previous"]
    foreign = signing.LogSigningKey(name="other.example", seed=b"\x07" * 32)
    note = write_checkpoint(Checkpoint("other.example", 5, bytes(32)), foreign)
    forged = altered(whole, previous={**previous, "checkpoint": b64(note)})
    assert "of another log" in verifier.verify_receipt(forged, policy_of(written)).failed


def test_a_trusted_key_of_another_log_does_not_vouch_for_this_one(written: Log):
    """Two logs in one policy: the signature must be of the log that the checkpoint names."""
    from transfer_service.audit.checkpoint import Checkpoint, NoteSignature, add_signatures

    text = Checkpoint("other.example", 1, bytes(32)).text()
    note = add_signatures(text + b"\n", [NoteSignature(written.key.name, written.key.key_id, written.key.sign(text))])
    assert "not signed by a log" in verifier.verify_pair(note, note, policy_of(written)).failed


def cosign_size(log: Log, size: int, *names: str) -> None:
    """Let some witnesses of the policy cosign the stored checkpoint of this size."""
    with log.database.writing() as session:
        note = session.get(LogCheckpoint, size).note
        seeds = {name: bytes([number]) * 32 for number, name in enumerate(("north", "south"), start=20)}
        signatures = [cosign(note, name=f"{name}.example", seed=seeds[name], now=log.later()) for name in names]
        record_cosignatures(session, size, signatures=signatures, witnesses=WITNESSES.values(), now=log.later())


def both_needed(log: Log) -> tuple[Policy, verifier.Policy]:
    text = write_policy([log.key.verifier], witnesses=WITNESSES, needed=2)
    return parse_policy(text), verifier.read_policy(text.encode())


def stands_on(data: bytes) -> int:
    return parse_proof(data).signed().checkpoint.size


def test_where_the_policy_asks_for_a_quorum_a_receipt_stands_on_the_first_checkpoint_that_has_it(written: Log):
    ours, theirs = both_needed(written)
    cosign_size(written, 10, "north")
    cosign_size(written, 13, "north", "south")
    assert stands_on(receipt(written)) == 10
    assert not verifier.verify_receipt(receipt(written), theirs).holds
    given = receipt(written, policy=ours)
    assert stands_on(given) == 13
    assert verifier.verify_receipt(given, theirs).holds
    # A checkpoint under which the second witness signed later is the first again.
    cosign_size(written, 10, "south")
    assert stands_on(receipt(written, policy=ours)) == 10
    assert verifier.verify_receipt(receipt(written, policy=ours), theirs).holds


def test_without_a_quorum_anywhere_a_receipt_stands_on_the_first_checkpoint_and_says_what_it_lacks(written: Log):
    ours, theirs = both_needed(written)
    cosign_size(written, 5, "north", "south")  # before the leaf
    cosign_size(written, 10, "north")
    cosign_size(written, 13, "south")
    with written.database.reading() as session:
        standing = find_standing(session, 5, ours)
        assert (standing.checkpoint.size, standing.lacks_witnesses) == (10, True)
        no_quorum = parse_policy(write_policy([written.key.verifier], witnesses=WITNESSES))
        assert find_standing(session, 5, no_quorum).lacks_witnesses is False
        assert find_standing(session, 13, ours) is None
    report = verifier.verify_receipt(receipt(written, policy=ours), theirs)
    assert not report.holds


def test_a_wrong_cosignature_in_the_database_counts_for_nothing(written: Log):
    ours, _ = both_needed(written)
    cosign_size(written, 10, "north", "south")
    written.as_owner(f"UPDATE log_cosignature SET signature = {hex_literal(written, '00' * 72)} WHERE number = 2")
    with written.database.reading() as session:
        assert find_standing(session, 5, ours).lacks_witnesses is True


def test_a_schools_receipts_stay_one_chain_where_two_stand_on_one_late_checkpoint(written: Log):
    ours, theirs = both_needed(written)
    cosign_size(written, 13, "north", "south")
    events = ("dispatch.acknowledged", "dispatch.sent")
    with written.database.reading() as session:
        since = find_earlier_receipt(session, 11, org=uuid(2), events=events, policy=ours)
        assert since == 10  # the earlier leaf stands on 13 too, and began at 10
    given = receipt(written, 11, policy=ours, since=since)
    assert verifier.verify_receipt(given, theirs).holds
    previous = base64.b64decode(json.loads(parse_proof(given).extra)["previous"]["checkpoint"])
    assert parse_checkpoint(previous).checkpoint.size == 10


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE log_node SET hash = {hash} WHERE level = 2 AND idx = 0",
        "UPDATE log_node SET hash = {hash} WHERE level = 1 AND idx = 4",
        "UPDATE log_leaf SET hash = {hash} WHERE idx = 4",
        "DELETE FROM log_node WHERE level = 2 AND idx = 0",
    ],
)
def test_a_receipt_that_would_not_hold_is_not_handed_out(written: Log, damage: str):
    written.as_owner(damage.format(hash=hex_literal(written, "ab" * 32)))
    with pytest.raises(LogInconsistent, match="`transfer-service audit verify`"):
        receipt(written)


def test_a_receipt_of_an_altered_leaf_is_not_handed_out(written: Log):
    with written.database.reading() as session:
        body = session.get(LogLeaf, 4).body.replace(b"dispatch.sent", b"dispatch.lost")
    written.as_owner(f"UPDATE log_leaf SET body = {hex_literal(written, body.hex())} WHERE idx = 4")
    with pytest.raises(LogInconsistent, match="would not hold"):
        receipt(written, 4)


def entries(log: Log, indexes: list[int], *, needed: int) -> EntryExport:
    text = write_policy([log.key.verifier], witnesses=WITNESSES, needed=needed)
    with log.database.reading() as session:
        return prove_entries(session, indexes, policy=parse_policy(text))


def let_witness(log: Log, size: int, *names: str) -> None:
    seeds = {"north": bytes([20]) * 32, "south": bytes([21]) * 32}
    with log.database.writing() as session:
        note = session.get(LogCheckpoint, size).note
        lines = [cosign(note, name=f"{name}.example", seed=seeds[name], now=START) for name in names]
        record_cosignatures(session, size, signatures=lines, witnesses=WITNESSES.values(), now=START)


def test_entries_that_are_taken_away_stand_on_the_newest_checkpoint_that_enough_witnesses_saw(written: Log):
    let_witness(written, 5, "north", "south")
    let_witness(written, 10, "north", "south")
    let_witness(written, 13, "north")
    written.write()
    made = entries(written, [1, 9, 10, 12, 13], needed=2)
    assert (made.unsigned, made.unwitnessed) == (1, 2)
    sizes = {one.idx: parse_proof(one.proof).signed().checkpoint.size for one in made.entries}
    assert sizes == {1: 10, 9: 10, 10: 13, 12: 13}
    policy = policy_of(written, witnesses=WITNESSES, needed=2)
    holding = {one.idx for one in made.entries if verifier.verify_receipt(one.proof, policy).holds}
    assert holding == {1, 9}
    by_one = entries(written, [1, 12], needed=1)
    assert by_one.unwitnessed == 0
    assert {parse_proof(one.proof).signed().checkpoint.size for one in by_one.entries} == {13}


def test_entries_that_no_quorum_saw_stand_on_the_newest_checkpoint_and_are_counted(written: Log):
    made = entries(written, [1, 12], needed=1)
    assert (len(made.entries), made.unsigned, made.unwitnessed) == (2, 0, 2)
    assert entries(written, [1, 12], needed=0).unwitnessed == 0


def test_of_a_log_that_was_never_signed_no_entry_is_taken_away(log: Log):
    log.write()
    assert entries(log, [0], needed=1) == EntryExport((), unsigned=1)


def test_a_wrong_row_in_a_witness_name_spoils_no_receipt(written: Log):
    """Whoever can write into the database could else make every receipt fail."""
    with written.database.writing() as session:
        key = WITNESSES["north"]
        session.add(
            LogCosignature(
                size=10, witness=key.name, key_id=key.key_id, signature=bytes(72), received_at=START, number=1
            )
        )
    text = write_policy([written.key.verifier], witnesses=WITNESSES)
    policy = policy_of(written, witnesses=WITNESSES)
    assert not verifier.verify_receipt(receipt(written), policy).holds
    assert verifier.verify_receipt(receipt(written, policy=parse_policy(text)), policy).holds
