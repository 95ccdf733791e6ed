from pathlib import Path

from tests.integration.cli.conftest import Installation, single_sentence
from tests.integration.register import extract, links_extract, row


def write(path: Path, *rows: dict[str, str]) -> str:
    path.write_bytes(extract(*rows).getvalue())
    return str(path)


def test_an_import_counts_what_it_did_and_a_second_one_finds_nothing(any_installation: Installation, tmp_path: Path):
    file = write(tmp_path / "schools.csv", row("100001"), row("100002"), row("x"))
    links = tmp_path / "links.csv"
    links.write_bytes(links_extract(("100001", "100002", "Successor")).getvalue())
    words = ("schools", "import", file, "--links", str(links), "--json")
    first = any_installation.run(*words)
    assert first.code == 0
    counts = {name: first.json[name] for name in ("created", "changed", "closed", "converted", "unchanged")}
    assert counts == {"created": 2, "changed": 0, "closed": 0, "converted": 0, "unchanged": 0}
    assert first.json["refused"] == [{"line": 4, "reasons": ["URN is not six digits"]}]
    second = any_installation.run(*words)
    assert (second.json["created"], second.json["unchanged"], second.json["links_changed"]) == (0, 2, 0)


def test_people_read_the_refused_rows_line_by_line(installation: Installation, tmp_path: Path):
    answer = installation.run("schools", "import", write(tmp_path / "s.csv", row("100001"), row("2")))
    assert answer.code == 0
    assert "created         1" in answer.out
    assert "Line 3: URN is not six digits." in answer.out


def test_a_dry_run_changes_nothing(installation: Installation, tmp_path: Path):
    file = write(tmp_path / "s.csv", row("100001"))
    answer = installation.run("schools", "import", file, "--dry-run")
    assert answer.code == 0
    assert answer.out.startswith("Nothing was changed.")
    assert installation.run("schools", "import", file, "--json").json["created"] == 1


def test_a_file_that_is_no_register_is_refused_and_changes_nothing(installation: Installation, tmp_path: Path):
    file = tmp_path / "other.csv"
    file.write_text("name,colour\nabbey,red\n")
    answer = installation.run("schools", "import", str(file))
    assert answer.code == 3
    assert single_sentence(answer).startswith("The file has no column URN")
    assert installation.run("schools", "import", write(tmp_path / "s.csv"), "--json").json["unchanged"] == 0
