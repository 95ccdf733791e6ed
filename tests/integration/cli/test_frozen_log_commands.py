"""A frozen log and a lost state file, as an operator meets them: compared with what is known, then put right."""

import json
from pathlib import Path

import click
import pytest
from sqlalchemy import select, text

from tests.integration.cli.conftest import Answer, Installation, single_sentence
from tests.integration.register import extract, row
from transfer_service.audit.leaf import decode_leaf
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.db.models import LogHead, LogLeaf
from transfer_service.db.session import Database

REASON = "Somebody is looking."


@pytest.fixture
def signed(any_installation: Installation, tmp_path: Path) -> Installation:
    """Three imports, hence three leaves, all of them signed; the checkpoint was kept by somebody else too."""
    for number in range(3):
        file = tmp_path / f"{number}.csv"
        file.write_bytes(extract(row(f"10000{number}")).getvalue())
        assert any_installation.run("schools", "import", str(file)).code == 0
    assert any_installation.run("audit", "checkpoint").code == 0
    outside(any_installation).write_text(any_installation.run("audit", "checkpoint", "--json").json["note"])
    return any_installation


def outside(installation: Installation) -> Path:
    return installation.folder / "kept-by-a-school"


def state_file(installation: Installation) -> Path:
    return Path(installation.environ["TRANSFER_SERVICE_LOG_STATE_FILE"])


def freeze(installation: Installation) -> None:
    opened = Database(installation.database.url)
    with opened.writing() as session:
        session.execute(text("UPDATE log_head SET frozen = :yes, frozen_reason = :why"), {"yes": True, "why": REASON})
    opened.dispose()


def head(installation: Installation) -> tuple[bool, int]:
    opened = Database(installation.database.url)
    with opened.reading() as session:
        frozen, size = session.execute(select(LogHead.frozen, LogHead.size)).one()
    opened.dispose()
    return bool(frozen), size


def newest_events(installation: Installation) -> list[str]:
    opened = Database(installation.database.url)
    with opened.reading() as session:
        bodies = session.scalars(select(LogLeaf.body).order_by(LogLeaf.idx)).all()
    opened.dispose()
    return [str(decode_leaf(body).said.event) for body in bodies[3:]]


def typing(monkeypatch: pytest.MonkeyPatch, words: str) -> list[str]:
    """Let the operator type this wherever a command asks; returns what was asked."""
    asked: list[str] = []

    def answer(question: str, **_options: object) -> str:
        asked.append(question)
        return words

    monkeypatch.setattr(click, "prompt", answer)
    return asked


def alter_first_leaf(installation: Installation) -> None:
    """Do what whoever owns the database can, with its hashes made to fit no more."""
    made = installation.database
    opened = Database(made.owner_url or made.url)
    with opened.writing() as session:
        if made.kind == "postgresql":
            session.execute(text("ALTER TABLE log_leaf DISABLE TRIGGER guard_log_leaf_update"))
        else:
            session.execute(text("DROP TRIGGER guard_log_leaf_update"))
        body = session.get_one(LogLeaf, 0).body.replace(b"schools.imported", b"audit.exported")
        session.execute(text("UPDATE log_leaf SET body = :body WHERE idx = 0"), {"body": body})
    opened.dispose()


def another_note(installation: Installation, *, size: int, name: str = "") -> Path:
    """A checkpoint from outside that this log's key signed and that this log does not hold."""
    from transfer_service.audit.checkpoint import Checkpoint, write_checkpoint

    key = LogSigningKey.from_text((installation.folder / "keys" / "log-signing-key").read_text())
    key = LogSigningKey(name=name, seed=b"\x05" * 32) if name else key
    path = installation.folder / f"other-{size}-{bool(name)}"
    path.write_bytes(write_checkpoint(Checkpoint(key.name, size, b"\x11" * 32), key))
    return path


def test_a_log_that_is_not_frozen_is_compared_and_holds(signed: Installation):
    answer = signed.run("audit", "frozen", "--checkpoint", str(outside(signed)))
    assert answer.code == 0
    assert answer.out.splitlines() == [
        "The log is not frozen.",
        "3 leaves are stored. They were compared with:",
        "  the signer's state file, 3 leaves: the log begins with it.",
        "  the checkpoint of 3 leaves from outside, 3 leaves: the log begins with it.",
        "  the newest checkpoint in the database, 3 leaves: the log begins with it.",
    ]
    nothing = signed.run("audit", "unfreeze")
    assert (nothing.code, single_sentence(nothing)) == (3, "The log is not frozen, so there is nothing to lift.")


def test_a_whole_log_goes_on_when_its_size_is_typed_and_the_next_leaf_says_so(
    signed: Installation, monkeypatch: pytest.MonkeyPatch
):
    freeze(signed)
    said = signed.run("audit", "frozen", "--json")
    assert (said.code, said.json["is_frozen"], said.json["reason"], said.json["has_outside"]) == (
        1,
        True,
        REASON,
        False,
    )
    asked = typing(monkeypatch, "3")
    answer = signed.run("audit", "unfreeze", "--checkpoint", str(outside(signed)))
    assert answer.code == 0, answer.err
    assert asked == ["To lift the freeze, type the number of leaves in the log"]
    assert answer.out.splitlines()[0] == f"The log is frozen: {REASON}"
    assert answer.out.splitlines()[-2] == (
        "The log goes on from its 3 leaves; the next one says that the freeze was lifted."
    )
    assert (head(signed), newest_events(signed)) == ((False, 4), ["freeze.lifted"])
    assert signed.run("audit", "checkpoint", "--json").json["size"] == 4
    assert signed.run("audit", "verify").code == 0


def test_another_number_or_none_typed_changes_nothing(signed: Installation, monkeypatch: pytest.MonkeyPatch):
    freeze(signed)
    typing(monkeypatch, "30")
    answer = signed.run("audit", "unfreeze")
    assert (answer.code, head(signed)) == (3, (True, 3))
    assert "not the number of leaves" in single_sentence(answer)

    def nothing_typed(question: str, **_options: object) -> str:
        raise click.Abort

    monkeypatch.setattr(click, "prompt", nothing_typed)
    assert (signed.run("audit", "unfreeze").code, head(signed)) == (3, (True, 3))


@pytest.mark.parametrize("size", [2, 9])
def test_a_log_that_is_behind_a_checkpoint_from_outside_or_has_another_root_stays_frozen(
    signed: Installation, monkeypatch: pytest.MonkeyPatch, size: int
):
    freeze(signed)
    asked = typing(monkeypatch, "3")
    answer = signed.run("audit", "unfreeze", "--checkpoint", str(another_note(signed, size=size)))
    assert (answer.code, head(signed), asked) == (3, (True, 3), [])
    assert ("BEHIND" if size == 9 else "ANOTHER ROOT") in answer.out
    assert "it stays frozen. Restore it" in answer.err


def test_a_checkpoint_of_another_signer_is_not_compared_with(signed: Installation, monkeypatch: pytest.MonkeyPatch):
    freeze(signed)
    typing(monkeypatch, "3")
    answer = signed.run("audit", "unfreeze", "--checkpoint", str(another_note(signed, size=3, name="other.example")))
    assert (answer.code, head(signed)) == (3, (True, 3))
    assert "not signed by a key of this log" in answer.err


def test_a_log_that_does_not_verify_stays_frozen(signed: Installation, monkeypatch: pytest.MonkeyPatch):
    alter_first_leaf(signed)
    freeze(signed)
    typing(monkeypatch, "3")
    answer = signed.run("audit", "unfreeze")
    assert (answer.code, head(signed)) == (3, (True, 3))
    assert "The log does not verify, so it stays frozen" in answer.err


def without_state(signed: Installation, monkeypatch: pytest.MonkeyPatch, *words: str) -> Answer:
    state_file(signed).unlink()
    typing(monkeypatch, "3")
    return signed.run("audit", *words)


def test_a_frozen_log_without_its_state_file_needs_a_checkpoint_from_outside(
    signed: Installation, monkeypatch: pytest.MonkeyPatch
):
    freeze(signed)
    answer = without_state(signed, monkeypatch, "unfreeze")
    assert (answer.code, head(signed), state_file(signed).exists()) == (3, (True, 3), False)
    assert "give the newest checkpoint of a receipt" in answer.err
    refused = signed.run("audit", "adopt-state", "--checkpoint", str(outside(signed)))
    assert (refused.code, state_file(signed).exists()) == (3, False)
    assert "audit unfreeze" in refused.err
    answer = signed.run("audit", "unfreeze", "--checkpoint", str(outside(signed)))
    assert answer.code == 0, answer.err
    assert json.loads(state_file(signed).read_text())["size"] == 3
    assert newest_events(signed) == ["freeze.lifted"]


def test_a_lost_state_file_is_made_again_against_a_checkpoint_from_outside_alone(
    signed: Installation, monkeypatch: pytest.MonkeyPatch
):
    answer = without_state(signed, monkeypatch, "adopt-state")
    assert (answer.code, state_file(signed).exists()) == (3, False)
    assert "Nothing outside the database tells" in answer.err
    wrong = signed.run("audit", "adopt-state", "--checkpoint", str(another_note(signed, size=2)))
    assert (wrong.code, state_file(signed).exists()) == (3, False)
    assert "does not contain the checkpoint" in wrong.err
    answer = signed.run("audit", "adopt-state", "--checkpoint", str(outside(signed)))
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[-1] == (
        "The state file names 3 signed leaves. Keep a copy of it apart from the database."
    )
    assert newest_events(signed) == ["signer_state.adopted"]
    again = signed.run("audit", "adopt-state", "--checkpoint", str(outside(signed)))
    assert (again.code, newest_events(signed)) == (3, ["signer_state.adopted"])
    assert "There is a state file" in again.err
    assert signed.run("audit", "checkpoint", "--json").json["size"] == 4
