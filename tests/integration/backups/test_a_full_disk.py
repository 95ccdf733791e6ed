"""A disk that is full while something is written: nothing half-done is taken for whole, and the next try is whole."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from tests import factories
from tests.integration.backups.conftest import KEY, Living
from tests.integration.backups.test_restoring import log_holds
from transfer_service import verifier
from transfer_service.audit import export, signer_state
from transfer_service.audit.policy import write_policy
from transfer_service.audit.signer import SignResult
from transfer_service.audit.signer_state import read_state
from transfer_service.cli.exits import REFUSED, explain
from transfer_service.db.models import LogCheckpoint
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.backups import making
from transfer_service.use_cases.backups.refusals import BackupRefused

FULL = OSError(28, "No space left on device")
POLICY = verifier.read_policy(write_policy([KEY.verifier]).encode())


def full_after_one_line(whole: Callable[..., Any], *, beyond: int) -> Callable[..., Any]:
    """Write whole files so many times, then one line of the next, and find the disk full."""
    written = 0

    def write(target: Any, lines: Iterable[str]) -> Any:
        nonlocal written
        written += 1
        if written <= beyond:
            return whole(target, lines)
        whole(target, iter(list(lines)[:1]))
        raise FULL

    return write


@pytest.fixture
def used(living: Living) -> Living:
    factories.dispatch_in(
        living, Status.SENT, sender=living.cast.alma, receiver=living.cast.cora, attachments=["genogram.pdf"]
    )
    living.sign()
    return living


@pytest.mark.parametrize("beyond", [0, 1, 12])
def test_a_backup_onto_a_full_disk_is_none(
    used: Living, elsewhere: Living, monkeypatch: pytest.MonkeyPatch, beyond: int
):
    with monkeypatch.context() as full, pytest.raises(OSError, match="No space left") as caught:
        full.setattr(making, "write_lines", full_after_one_line(making.write_lines, beyond=beyond))
        used.back_up()
    assert explain(caught.value) == (
        "The system refused: No space left on device. Put that right and try again.", REFUSED
    )  # fmt: skip
    with pytest.raises(BackupRefused, match=r"one that was not finished. Give another"):
        elsewhere.restore()
    with pytest.raises(BackupRefused, match="not empty"):
        used.back_up()
    used.back_up("second")
    used.sign()
    assert elsewhere.restore("second", exports=(used.export(),)).is_open


def test_a_backup_whose_list_finds_the_disk_full_is_none(
    used: Living, elsewhere: Living, monkeypatch: pytest.MonkeyPatch
):
    def half(path: Path, text: str, **named: Any) -> int:
        path.write_bytes(text[: len(text) // 2].encode())
        raise FULL

    with monkeypatch.context() as full, pytest.raises(OSError, match="No space left"):
        full.setattr(Path, "write_text", half)
        used.back_up()
    with pytest.raises(BackupRefused, match=r"cannot be read|was not finished"):
        elsewhere.restore()


@pytest.mark.parametrize("beyond", [0, 1, 2])
def test_an_export_onto_a_full_disk_does_not_hold(used: Living, monkeypatch: pytest.MonkeyPatch, beyond: int):
    with monkeypatch.context() as full, pytest.raises(OSError, match="No space left"):
        full.setattr(export, "_write_all", full_after_one_line(export._write_all, beyond=beyond))
        used.export("half", with_sealed=False)
    words = ["verify", "log", str(used.folder / "half")]
    (used.folder / "policy").write_text(write_policy([KEY.verifier]))
    assert verifier.main([*words, "--policy", str(used.folder / "policy")]) in (1, 2)
    assert verifier.verify_log(used.export("whole", with_sealed=False), POLICY).holds


def test_a_signer_whose_disk_is_full_completes_what_it_began(used: Living, monkeypatch: pytest.MonkeyPatch):
    before = read_state(used.state_file)
    factories.dispatch_in(used, Status.SENT, sender=used.cast.alma, receiver=used.cast.cora)

    def full(_descriptor: int) -> None:
        raise FULL

    with monkeypatch.context() as broken, pytest.raises(OSError, match="No space left"):
        broken.setattr(signer_state.os, "fsync", full)
        used.sign()
    assert read_state(used.state_file) == before
    with used.database.reading() as session:
        newest = session.scalar(select(func.max(LogCheckpoint.size)))
    assert before is not None
    assert newest > before.size
    assert used.sign().result is SignResult.SIGNED
    after = read_state(used.state_file)
    assert after is not None
    assert (after.size, after.number) == (newest, before.number + 1)
    assert log_holds(used)
