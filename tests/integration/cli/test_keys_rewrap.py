import base64

from tests.integration.cli.conftest import Installation


def add_field_key(installation: Installation) -> None:
    """Put a new key first, as an operator does."""
    file = installation.folder / "keys" / "field-keys"
    file.write_text(f"2:{base64.b64encode(bytes(range(32))).decode()},{file.read_text()}")


def test_counts_are_told_before_anything_is_changed(installation: Installation):
    answer = installation.run("keys", "rewrap", "--dry-run", "--json")
    assert answer.code == 0
    assert (answer.json["dry_run"], answer.json["rows"], answer.json["primary"]) == (True, 0, 1)
    assert installation.run("keys", "rewrap", "--dry-run").out.startswith("Nothing was changed.")


def test_an_older_key_is_said_to_be_unused_once_nothing_is_under_it(installation: Installation):
    add_field_key(installation)
    done = installation.run("keys", "rewrap", "--json").json
    assert (done["primary"], done["damaged"]) == (2, 0)
    for place, by_key in done["counts"].items():
        assert place == "log_detail.sealed" or set(by_key) <= {"2"}, place
    again = installation.run("keys", "rewrap")
    assert again.code == 0
    assert again.out.startswith("0 rows were moved to field key 2.")
