import json
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.integration.cli.conftest import Installation, single_sentence
from tests.integration.register import extract, row
from transfer_service import verifier
from transfer_service.db.models import LogLeaf
from transfer_service.db.session import Database


@pytest.fixture
def with_leaves(any_installation: Installation, tmp_path: Path) -> Installation:
    """Three imports, hence three leaves, all of them signed."""
    for number in range(3):
        file = tmp_path / f"{number}.csv"
        file.write_bytes(extract(row(f"10000{number}")).getvalue())
        assert any_installation.run("schools", "import", str(file)).code == 0
    signed = any_installation.run("audit", "checkpoint", "--json")
    assert (signed.code, signed.json["result"], signed.json["size"]) == (0, "signed", 3)
    return any_installation


def alter_first_leaf(installation: Installation) -> None:
    """Do what whoever owns the database can: switch the guard off, alter a leaf, and switch it on again."""
    made = installation.database
    opened = Database(made.owner_url or made.url)
    with opened.writing() as session:
        if made.kind == "postgresql":
            off, on = (f"ALTER TABLE log_leaf {verb} TRIGGER guard_log_leaf_update" for verb in ("DISABLE", "ENABLE"))
        else:
            off = "DROP TRIGGER guard_log_leaf_update"
            on = session.scalar(text("SELECT sql FROM sqlite_master WHERE name = 'guard_log_leaf_update'"))
        session.execute(text(off))
        body = session.get_one(LogLeaf, 0).body.replace(b"schools.imported", b"audit.exported")
        session.execute(text("UPDATE log_leaf SET body = :body WHERE idx = 0"), {"body": body})
        session.connection().exec_driver_sql(on)
    opened.dispose()


def test_a_log_that_holds_is_verified_with_the_settings_key_or_a_policy(with_leaves: Installation):
    answer = with_leaves.run("audit", "verify", "--json")
    assert answer.code == 0
    assert (answer.json["holds"], answer.json["size"], answer.json["signed_size"]) == (True, 3, 3)
    by_policy = with_leaves.run("audit", "verify", "--policy", str(with_leaves.policy), LOG_SIGNING_KEY_FILE="")
    assert by_policy.code == 0
    assert "The log holds: 3 leaves" in by_policy.out


def test_an_altered_leaf_fails_the_check_and_is_named(with_leaves: Installation):
    alter_first_leaf(with_leaves)
    answer = with_leaves.run("audit", "verify", "--json")
    assert answer.code == 1
    assert answer.json["holds"] is False
    assert {problem["idx"] for problem in answer.json["problems"] if problem["code"].startswith("leaf")} == {0}
    assert with_leaves.run("audit", "verify").out.splitlines()[-1].startswith("The log does not hold:")


def test_an_export_is_checked_by_the_stand_alone_verifier(
    with_leaves: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "export"
    answer = with_leaves.run("audit", "export", str(folder), "--json")
    assert (answer.code, answer.json) == (0, {"size": 4, "signed_size": 3, "details": 0})
    capsys.readouterr()
    assert verifier.main(["verify", "log", str(folder), "--policy", str(with_leaves.policy), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
    # The export is itself a leaf, the fourth, which no checkpoint covers yet.
    assert "audit.exported" in (folder / "unsigned.jsonl").read_text()
    refused = with_leaves.run("audit", "export", str(folder))
    assert (refused.code, single_sentence(refused)) == (
        3,
        "The folder is not empty. Export the log into a new one.",
    )


def test_a_log_that_went_back_is_frozen_and_signing_is_refused(installation: Installation, tmp_path: Path):
    file = tmp_path / "s.csv"
    file.write_bytes(extract(row("100001")).getvalue())
    before = Path(installation.database.url.removeprefix("sqlite:///")).read_bytes()
    installation.run("schools", "import", str(file))
    installation.run("audit", "checkpoint")
    path = Path(installation.database.url.removeprefix("sqlite:///"))
    for beside in path.parent.glob(f"{path.name}-*"):
        beside.unlink()
    path.write_bytes(before)
    answer = installation.run("audit", "checkpoint")
    assert answer.code == 3
    assert "rolled back" in answer.err
    frozen = installation.run("schools", "import", str(file))
    assert frozen.code == 3
    assert "the log is frozen" in frozen.err


def test_an_empty_log_has_nothing_to_sign(installation: Installation):
    answer = installation.run("audit", "checkpoint")
    assert answer.code == 0
    assert answer.out.strip()


def test_a_file_that_is_no_receipt_fails_its_check(installation: Installation, tmp_path: Path):
    file = tmp_path / "receipt.tlog-proof"
    file.write_text("hello")
    answer = installation.run("receipt", "verify", str(file), "--policy", str(installation.policy))
    assert answer.code == 1
    assert "DOES NOT HOLD" in answer.out
