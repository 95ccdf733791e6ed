"""The exported log: what stands in it, that the stand-alone verifier judges it, and that it can be read back."""

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.integration.audit.conftest import Log, open_seal
from transfer_service import verifier
from transfer_service.audit import export
from transfer_service.audit.cosignature import cosign, record_cosignatures
from transfer_service.audit.errors import LogInconsistent
from transfer_service.audit.export import ExportReport, export_log, read_export
from transfer_service.audit.leaf import Leaf, LeafFields, encode_leaf
from transfer_service.audit.log import erase_details
from transfer_service.audit.policy import write_policy
from transfer_service.audit.receipts import find_newest_checkpoint
from transfer_service.crypto.signing import ED25519_COSIGNATURE, LogSigningKey, VerifierKey, public_key_of
from transfer_service.db.models.log import LogDetail, LogLeaf

WITNESS_SEED = b"\x21" * 32
WITNESS = VerifierKey("north.example", public_key_of(WITNESS_SEED), ED25519_COSIGNATURE)


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch):
    """Three leaves a file, so that a small log has several."""
    monkeypatch.setattr(export, "PER_FILE", 3)
    monkeypatch.setattr(export, "_BATCH", 2)


@pytest.fixture
def written(log: Log) -> Log:
    """Leaves 0-3 with details, 1 erased by 4; signed at 5 and 8; 8 and 9 unsigned, with details."""
    log.write(4, detail=b"Said beside it.")
    with log.database.writing() as session:
        erase_details(session, [1], leaf=LeafFields(event="detail.erased", basis="retention"), now=log.later())
    log.sign()
    log.write(3)
    log.sign()
    log.write(2, detail=b"Said beside it.")
    return log


def exported(log: Log, folder: Path, **options) -> Path:
    with log.database.reading() as session:
        export_log(session, folder, **options)
    return folder


def judge(log: Log, folder: Path) -> verifier.Report:
    return verifier.verify_log(folder, verifier.read_policy(write_policy([log.key.verifier]).encode()))


def test_an_export_is_plain_files(written: Log, tmp_path: Path):
    seen = []
    with written.database.reading() as session:
        report = export_log(
            session, tmp_path / "log", open_sealed=open_seal, progress=lambda done, size: seen.append((done, size))
        )
    assert report == ExportReport(size=10, signed_size=8, details=5)
    assert seen == [(3, 10), (6, 10), (8, 10)]
    assert sorted(
        str(path.relative_to(tmp_path / "log")) for path in (tmp_path / "log").rglob("*") if path.is_file()
    ) == [
        "checkpoint",
        "checkpoints.jsonl",
        "cosignatures.jsonl",
        "details/000000000.jsonl",
        "details/000000001.jsonl",
        "details/000000002.jsonl",
        "details/000000003.jsonl",
        "entries/000000000.jsonl",
        "entries/000000001.jsonl",
        "entries/000000002.jsonl",
        "unsigned.jsonl",
    ]
    with written.database.reading() as session:
        bodies = session.scalars(select(LogLeaf.body).order_by(LogLeaf.idx)).all()
    assert (tmp_path / "log/entries/000000001.jsonl").read_bytes().split(b"\n") == [*bodies[3:6], b""]
    assert (tmp_path / "log/unsigned.jsonl").read_bytes().split(b"\n") == [*bodies[8:], b""]
    first = json.loads((tmp_path / "log/details/000000000.jsonl").read_text().splitlines()[0])
    assert first == {"idx": 0, "salt": base64.b64encode(bytes(32)).decode(), "detail": "U2FpZCBiZXNpZGUgaXQu"}


def test_details_stay_out_unless_they_are_asked_for(written: Log, tmp_path: Path):
    folder = exported(written, tmp_path / "log")
    assert not (folder / "details").exists()
    assert not (folder / "sealed").exists()
    assert b"U2FpZCBiZXNpZGUgaXQu" not in b"".join(path.read_bytes() for path in folder.rglob("*.jsonl"))


def test_nothing_is_written_over(written: Log, tmp_path: Path):
    (tmp_path / "kept").write_text("kept")
    with pytest.raises(LogInconsistent, match="not empty"):
        exported(written, tmp_path)


@pytest.mark.parametrize("with_details", [True, False])
def test_the_verifier_confirms_an_export(written: Log, tmp_path: Path, with_details: bool):
    folder = exported(written, tmp_path / "log", open_sealed=open_seal if with_details else None)
    (tmp_path / "policy").write_text(write_policy([written.key.verifier]))
    words = [sys.executable, verifier.__file__, "verify", "log", folder, "--policy", tmp_path / "policy"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    details = ["  holds  What stands beside the leaves is what they commit to; 1 were erased by a leaf."]
    assert done.stdout.splitlines() == [
        "log in log",
        "  holds  All 8 leaves and 2 checkpoints of transfer.example/log fit together.",
        "  holds  The checkpoint of 8 leaves is signed by transfer.example/log.",
        *(details if with_details else []),
        "  note   2 leaves are newer than the newest checkpoint and under no signature yet.",
        *([] if with_details else ["  note   What stands beside 6 of the leaves is not in this export."]),
        "EVERYTHING HOLDS.",
    ]
    assert (done.returncode, done.stderr) == (0, "")


def test_an_export_without_a_policy_is_not_a_success(written: Log, tmp_path: Path, capsys: pytest.CaptureFixture):
    assert verifier.main(["verify", "log", str(exported(written, tmp_path / "log"))]) == 1
    assert "SIGNER NOT CHECKED" in capsys.readouterr().out


def test_an_export_before_the_first_checkpoint_cannot_be_verified_yet(log: Log, tmp_path: Path, capsys):
    log.write(2)
    assert verifier.main(["verify", "log", str(exported(log, tmp_path / "log"))]) == 2
    assert "without a checkpoint" in capsys.readouterr().err


def change_line(path: Path, number: int, old: str, new: str) -> None:
    lines = path.read_text().splitlines(keepends=True)
    assert old in lines[number]
    lines[number] = lines[number].replace(old, new)
    path.write_text("".join(lines))


def drop_line(path: Path, number: int) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:number] + lines[number + 1 :]))


ENTRIES, SECOND = "entries/000000000.jsonl", "entries/000000001.jsonl"
DETAILS = "details/000000000.jsonl"

DAMAGE = {
    "a leaf altered": lambda at: change_line(at / ENTRIES, 1, "dispatch.sent", "dispatch.gone"),
    "a leaf dropped": lambda at: drop_line(at / SECOND, 1),
    "the last leaf dropped": lambda at: drop_line(at / "entries/000000002.jsonl", 1),
    "a file dropped": lambda at: (at / SECOND).unlink(),
    "a leaf cut": lambda at: (at / ENTRIES).write_bytes((at / ENTRIES).read_bytes()[:-1]),
    "a leaf too long": lambda at: (at / ENTRIES).write_bytes(b" " * 70_000 + (at / ENTRIES).read_bytes()),
    "time gone back": lambda at: change_line(at / SECOND, 2, "2026-09-03", "2025-09-03"),
    "all entries dropped": lambda at: shutil.rmtree(at / "entries"),
    "checkpoints exchanged": lambda at: (at / "checkpoints.jsonl").write_text(
        "".join(reversed((at / "checkpoints.jsonl").read_text().splitlines(keepends=True)))
    ),
    "a checkpoint unreadable": lambda at: (at / "checkpoints.jsonl").write_text("[]\n"),
    "a checkpoint no JSON": lambda at: (at / "checkpoints.jsonl").write_text("{\n"),
    "the newest checkpoint cut": lambda at: (at / "checkpoint").write_bytes((at / "checkpoint").read_bytes()[:-2]),
    "a detail altered": lambda at: change_line(at / DETAILS, 0, "U2FpZ", "U2FpY"),
    "a detail dropped": lambda at: drop_line(at / DETAILS, 0),
    "a detail beside nothing": lambda at: change_line(at / "details/000000001.jsonl", 0, '"idx": 3', '"idx": 5'),
    "a detail twice": lambda at: (at / DETAILS).write_text(
        "".join(sorted((at / DETAILS).read_text().splitlines(keepends=True) * 2))
    ),
    "a detail of no leaf": lambda at: change_line(at / "details/000000003.jsonl", 0, '"idx": 9', '"idx": 99'),
    "a detail too long": lambda at: change_line(at / DETAILS, 0, "U2Fp", "U2Fp" * 70_000),
    "a detail twice named": lambda at: change_line(at / DETAILS, 0, '"idx": 0', '"idx": 0, "idx": 0'),
    "a detail below none": lambda at: change_line(at / DETAILS, 0, '"idx": 0', '"idx": -1'),
    "an unsigned leaf altered": lambda at: change_line(at / "unsigned.jsonl", 0, "dispatch.sent", "Dispatch sent"),
    "an unsigned leaf exchanged": lambda at: (at / "unsigned.jsonl").write_text(
        "".join(reversed((at / "unsigned.jsonl").read_text().splitlines(keepends=True)))
    ),
    "the first checkpoint dropped": lambda at: drop_line(at / "checkpoints.jsonl", 0),
    "the newest checkpoint dropped": lambda at: drop_line(at / "checkpoints.jsonl", 1),
    "all checkpoints dropped": lambda at: (at / "checkpoints.jsonl").write_text(""),
    "a checkpoint under another size": lambda at: change_line(at / "checkpoints.jsonl", 0, '"size": 5', '"size": 6'),
    "a detail without place": lambda at: change_line(at / DETAILS, 0, '"idx": 0', '"idx": "0"'),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_export_does_not_hold(written: Log, tmp_path: Path, damage: str):
    folder = exported(written, tmp_path / "log", open_sealed=open_seal)
    DAMAGE[damage](folder)
    assert judge(written, folder).failed


def test_an_export_of_another_logs_checkpoints_does_not_hold(written: Log, tmp_path: Path):
    folder = exported(written, tmp_path / "log")
    stranger = LogSigningKey(name=written.key.name, seed=b"\x44" * 32)
    report = verifier.verify_log(folder, verifier.read_policy(write_policy([stranger.verifier]).encode()))
    assert report.failed == "The checkpoint is not signed by a log that the policy names."


def test_a_detail_that_no_leaf_erased_is_told_apart_from_an_erased_one(written: Log, tmp_path: Path):
    written.as_owner("DELETE FROM log_detail WHERE idx = 2")
    report = judge(written, exported(written, tmp_path / "log", open_sealed=open_seal))
    assert report.failed == "What stood beside leaf 2 is missing, and no leaf says that it was erased."


def test_what_was_erased_a_moment_ago_is_not_called_missing(written: Log, tmp_path: Path):
    """The leaf that says so is under no signature yet."""
    with written.database.writing() as session:
        erase_details(session, [8], leaf=LeafFields(event="detail.erased", basis="retention"), now=written.later())
    report = judge(written, exported(written, tmp_path / "log", open_sealed=open_seal))
    assert report.holds
    assert "What stands beside the leaves is what they commit to; 2 were erased by a leaf." in report.right
    assert report.notes == ["3 leaves are newer than the newest checkpoint and under no signature yet."]


def test_an_erasure_of_what_is_still_there_is_a_lie(written: Log, tmp_path: Path):
    folder = exported(written, tmp_path / "log", open_sealed=open_seal)
    with written.database.reading() as session:
        row = session.execute(select(LogDetail.sealed).where(LogDetail.idx == 2)).one()
        assert row
    lying = encode_leaf(
        Leaf(
            idx=10,
            at=written.later(),
            said=LeafFields(event="detail.erased", basis="retention", erases=2),
            commit=None,
        )
    )
    with (folder / "unsigned.jsonl").open("ab") as file:
        file.write(lying + b"\n")
    assert judge(written, folder).failed == (
        "Leaf 10 says that what stood beside leaf 2 was erased, and that is not so."
    )


def witnessed_policy(log: Log, *, needed: int) -> verifier.Policy:
    text = write_policy([log.key.verifier], witnesses={"north": WITNESS}, needed=needed)
    return verifier.read_policy(text.encode())


def let_witness(log: Log) -> None:
    with log.database.writing() as session:
        newest = find_newest_checkpoint(session)
        line = cosign(newest.note, name=WITNESS.name, seed=WITNESS_SEED, now=log.later())
        record_cosignatures(session, newest.size, signatures=[line], witnesses=[WITNESS], now=log.later())


@pytest.fixture
def witnessed(written: Log) -> Log:
    """A witness saw 8, and 11 leaves; 12 are signed."""
    let_witness(written)
    written.write(1)
    written.sign()
    let_witness(written)
    written.write(1)
    written.sign()
    return written


def test_an_export_says_up_to_where_enough_witnesses_have_seen_the_log(witnessed: Log, tmp_path: Path):
    """The signer signs within seconds and a witness comes once an hour: the newest checkpoint is hardly ever seen."""
    report = verifier.verify_log(exported(witnessed, tmp_path / "log"), witnessed_policy(witnessed, needed=1))
    assert report.holds
    assert report.right[1:] == [
        "The checkpoint of 12 leaves is signed by transfer.example/log.",
        "The first 11 leaves were seen by north.",
    ]
    assert report.notes[0] == "1 leaf is newer than what enough witnesses have seen."


def test_an_export_that_no_quorum_ever_saw_does_not_hold_by_a_policy_that_asks_for_one(written: Log, tmp_path: Path):
    report = verifier.verify_log(exported(written, tmp_path / "log"), witnessed_policy(written, needed=1))
    assert report.failed == "Too few of the policy's witnesses have cosigned the checkpoint."


COSIGNATURES = "cosignatures.jsonl"
KEPT_DAMAGE = {
    "the first cosignature dropped": lambda at: drop_line(at / COSIGNATURES, 0),
    "a later one dropped": lambda at: drop_line(at / COSIGNATURES, 1),
    "all dropped": lambda at: (at / COSIGNATURES).unlink(),
    "of another witness": lambda at: change_line(at / COSIGNATURES, 0, "north.example", "south.example"),
    "at another time": lambda at: change_line(at / COSIGNATURES, 0, "2026-09-03", "2026-09-04"),
    "at a time in another form": lambda at: change_line(at / COSIGNATURES, 0, "2026-09-03T", "2026-09-03 "),
    "at no time": lambda at: change_line(at / COSIGNATURES, 0, "2026-09-03", "2026-99-03"),
    "of another size": lambda at: change_line(at / COSIGNATURES, 0, '"size": 8', '"size": 5'),
    "without a number": lambda at: change_line(at / COSIGNATURES, 0, '"number": 1', '"number": null'),
    "with a huge number": lambda at: change_line(at / COSIGNATURES, 0, '"number": 1', '"number": 1' + "0" * 30),
    "twice": lambda at: (at / COSIGNATURES).write_text((at / COSIGNATURES).read_text() * 2),
}


@pytest.mark.parametrize("damage", KEPT_DAMAGE)
def test_a_witness_signature_that_is_gone_or_changed_in_an_export_is_missed(
    witnessed: Log, tmp_path: Path, damage: str
):
    folder = exported(witnessed, tmp_path / "log")
    KEPT_DAMAGE[damage](folder)
    assert verifier.verify_log(folder, witnessed_policy(witnessed, needed=0)).failed


def test_what_a_restore_lost_is_named_by_its_leaf_and_not_called_missing(witnessed: Log, tmp_path: Path):
    witnessed.write(event="restored")
    witnessed.as_owner(
        "DELETE FROM log_cosignature WHERE number = 2", "DELETE FROM log_checkpoint WHERE size IN (11, 12)"
    )
    witnessed.write()
    witnessed.sign()
    folder = exported(witnessed, tmp_path / "log")
    assert verifier.verify_log(folder, witnessed_policy(witnessed, needed=0)).holds
    drop_line(folder / "checkpoints.jsonl", 1)
    assert verifier.verify_log(folder, witnessed_policy(witnessed, needed=0)).failed


def test_marks_are_a_bit_each():
    marks, others = verifier.Marks(), verifier.Marks()
    for index in (0, 9, 50_000_000, 9):
        marks.add(index)
    assert [index in marks for index in (0, 1, 9, 50_000_000, 50_000_001, 2**62)] == [
        True,
        False,
        True,
        True,
        False,
        False,
    ]
    assert (marks.count, len(marks.bits)) == (3, 6_250_001)
    assert marks.first_not_in(others) == 0
    others.add(0)
    assert marks.first_not_in(others) == 9
    others.add(9)
    assert marks.first_not_in(others) == 50_000_000
    assert others.first_not_in(marks) is None


def test_an_export_for_a_backup_is_read_back_with_its_sealed_details(written: Log, tmp_path: Path):
    folder = exported(written, tmp_path / "log", with_sealed=True)
    with written.database.reading() as session:
        bodies = session.scalars(select(LogLeaf.body).order_by(LogLeaf.idx)).all()
        sealed = dict(session.execute(select(LogDetail.idx, LogDetail.sealed)).all())
    entries = list(read_export(folder))
    assert [entry.body for entry in entries] == bodies
    assert [entry.sealed_detail for entry in entries] == [sealed.get(idx) for idx in range(10)]
    assert [entry.body for entry in read_export(folder, start=7)] == bodies[7:]


def test_an_export_without_sealed_details_is_read_back_without(written: Log, tmp_path: Path):
    entries = list(read_export(exported(written, tmp_path / "log")))
    assert len(entries) == 10
    assert {entry.sealed_detail for entry in entries} == {None}


def test_a_log_that_is_signed_to_its_end_has_no_unsigned_file(written: Log, tmp_path: Path):
    written.sign()
    folder = exported(written, tmp_path / "log")
    assert not (folder / "unsigned.jsonl").exists()
    assert len(list(read_export(folder))) == 10
    assert judge(written, folder).notes == ["What stands beside 6 of the leaves is not in this export."]


def test_stretches_without_details_leave_no_empty_files(log: Log, tmp_path: Path):
    log.write(4)
    log.write(1, detail=b"Said beside it.")
    log.sign()
    folder = exported(log, tmp_path / "log", open_sealed=open_seal)
    assert [path.name for path in (folder / "details").iterdir()] == ["000000001.jsonl"]
    assert judge(log, folder).holds


def test_the_verifier_tells_how_far_it_has_come_and_draws_it_on_a_terminal(
    written: Log, tmp_path: Path, capsys: pytest.CaptureFixture
):
    seen: list[tuple[int, int]] = []
    verifier.verify_log(exported(written, tmp_path / "log"), None, lambda done, of: seen.append((done, of)))
    assert seen == [(3, 8), (6, 8), (8, 8)]
    for done, of in seen:
        verifier.show_progress(done, of)
    bars = capsys.readouterr().err.split("\r")
    assert bars[1] == "[###########                   ] 3 of 8 leaves"
    assert bars[3] == "[##############################] 8 of 8 leaves\n"
