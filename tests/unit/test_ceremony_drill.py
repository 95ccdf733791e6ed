import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.unit.ceremony_cast import Demo, bundle_file, changed, escrowed, made_demo
from tests.unit.ceremony_terminal import Terminal, words_of
from transfer_service import ceremony
from transfer_service.crypto.recovery_files import EscrowGrant, bundle_sha256, read_verdict
from transfer_service.crypto.values import Seed


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    return made_demo(tmp_path)


def drilled(demo: Demo, bundle: Path, *, out: str = "verdict.json") -> int:
    arguments = ["recovery", "drill", str(bundle), "--out", str(demo.folder / out)]
    return ceremony.main([*arguments, "--shares-from", str(demo.shares)])


def of_custodians(demo: Demo, grants: Sequence[EscrowGrant]) -> Path:
    """A bundle for a key that is no demo's: its shares are typed."""
    return changed(bundle_file(demo, grants), lambda content: content["recovery_key"].update(demo=False))


def called_up(terminal: Terminal, number: int) -> None:
    terminal.until(f"Custodian {number} of 3 sits down now.")
    terminal.until("Press Enter to go on. ")
    terminal.answer()


def test_a_drill_opens_every_escrow_grant(demo: Demo, capsys: pytest.CaptureFixture[str]):
    grants = [escrowed(demo.public, Seed.generate(), epoch) for epoch in (1, 2, 3)]
    bundle = bundle_file(demo, grants)
    assert drilled(demo, bundle) == 0
    verdict = read_verdict((demo.folder / "verdict.json").read_text())
    assert verdict.ok
    assert [result.fingerprint for result in verdict.results] == [grant.public.fingerprint for grant in grants]
    assert verdict.recovery_fingerprint == demo.public.public.fingerprint
    assert verdict.bundle_sha256 == bundle_sha256(bundle.read_text())
    assert verdict.deployment == "demo"
    assert "3 of 3 escrow grants open" in capsys.readouterr().out


def test_a_drill_names_each_grant_that_does_not_open_and_goes_on(demo: Demo, capsys: pytest.CaptureFixture[str]):
    good, moved, other = (escrowed(demo.public, Seed.generate(), epoch) for epoch in (1, 2, 3))
    bundle = bundle_file(demo, [good, moved, other])
    # One grant claims another epoch; one leads to another key than the school's.
    changed(bundle, lambda content: content["grants"][1].update(epoch=9))
    assert drilled(demo, bundle) == 1
    verdict = read_verdict((demo.folder / "verdict.json").read_text())
    assert [result.ok for result in verdict.results] == [True, False, True]
    assert not verdict.ok
    assert "does not open with this recovery key" in capsys.readouterr().out


def test_a_grant_that_leads_to_another_key_than_the_schools_is_named(
    demo: Demo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    bundle = bundle_file(demo, [escrowed(demo.public, Seed.generate())])
    monkeypatch.setattr(ceremony, "epoch_publics", lambda _seed: (b"", b""))
    assert drilled(demo, bundle) == 1
    assert "does not lead to the school's public key" in capsys.readouterr().out


def test_a_drill_over_nothing_is_no_success(demo: Demo):
    assert drilled(demo, bundle_file(demo, [])) == 1
    assert not read_verdict((demo.folder / "verdict.json").read_text()).ok


def test_three_custodians_type_their_shares_and_what_is_wrong_is_told_at_once(
    demo: Demo, tmp_path_factory: pytest.TempPathFactory
):
    bundle = of_custodians(demo, [escrowed(demo.public, Seed.generate())])
    one, _, three, _, five = (share.split() for share in demo.typed(1, 2, 3, 4, 5))
    another = made_demo(tmp_path_factory.mktemp("other")).typed(2)[0].split()
    terminal = Terminal("recovery", "drill", str(bundle), "--out", str(demo.folder / "v.json"))
    called_up(terminal, 1)
    misread = "academic" if five[9] != "academic" else "acid"
    terminal.type_share([*five[:9], misread, *five[10:]])
    shown = terminal.until("Type the number of the word that is wrong, from 1 to 33: ")
    assert words_of(shown)[9] == misread
    terminal.answer("10")
    terminal.until("Word 10: ")
    terminal.answer(five[9].upper())
    terminal.until("Share 1 of 3 is complete.")
    for share, told in ((five, "was typed already"), (another, "of another recovery key")):
        called_up(terminal, 2)
        terminal.type_share(share)
        terminal.until(told)
    for number, share in ((2, one), (3, three)):
        called_up(terminal, number)
        terminal.type_share([f" {word.title()} " for word in share])
    code, told = terminal.end()
    assert code == 0
    assert "1 of 1 escrow grants open" in told
    assert terminal.shows_no_share(one, three, five, another)


def test_shares_are_read_from_files_for_a_demos_key_alone(demo: Demo, capsys: pytest.CaptureFixture[str]):
    bundle = bundle_file(demo, [escrowed(demo.public, Seed.generate())])
    assert drilled(demo, changed(bundle, lambda content: content["recovery_key"].update(demo=False))) == 3
    assert "Let the custodians type them" in capsys.readouterr().err


def test_shares_that_do_not_fit_are_refused_without_quoting_them(demo: Demo, capsys: pytest.CaptureFixture[str]):
    bundle = bundle_file(demo, [escrowed(demo.public, Seed.generate())])
    one, two, three = demo.typed(1, 2, 3)
    for shares in ([one, one, two], [one, two, three + " zero"], [one, two, ""], [one, two, three[:-4] + "zzzz"]):
        for number, share in enumerate(shares, 1):
            (demo.shares / f"share-{number}.txt").write_text(share)
        assert drilled(demo, bundle) == 3
        said = capsys.readouterr().err
        assert "do not fit together" in said
        # Two words together: a single one of the list may well stand in an English sentence.
        assert " ".join(one.split()[:2]) not in said
    assert not (demo.folder / "verdict.json").exists()


def test_a_result_that_could_not_be_written_is_told_before_anybody_types_a_share(
    demo: Demo, capsys: pytest.CaptureFixture[str]
):
    bundle = of_custodians(demo, [escrowed(demo.public, Seed.generate())])
    (demo.folder / "v.json").write_text("an earlier verdict")
    for out, told in (("v.json", "exists already"), ("nowhere/v.json", "Nothing can be written into")):
        assert ceremony.main(["recovery", "drill", str(bundle), "--out", str(demo.folder / out)]) == 3
        assert told in capsys.readouterr().err
    assert (demo.folder / "v.json").read_text() == "an earlier verdict"


def test_shares_are_typed_in_a_terminal_alone(demo: Demo, capsys: pytest.CaptureFixture[str]):
    bundle = of_custodians(demo, [escrowed(demo.public, Seed.generate())])
    assert ceremony.main(["recovery", "drill", str(bundle), "--out", str(demo.folder / "v.json")]) == 3
    assert "in a terminal alone" in capsys.readouterr().err


def test_the_shares_of_another_key_are_refused(
    demo: Demo, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
):
    other = made_demo(tmp_path_factory.mktemp("other"))
    bundle = bundle_file(demo, [escrowed(demo.public, Seed.generate())])
    arguments = ["recovery", "drill", str(bundle), "--out", str(demo.folder / "v.json")]
    assert ceremony.main([*arguments, "--shares-from", str(other.shares)]) == 3
    assert "another recovery key" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 2, "recovery_key": {"suite": 2}, "grants": []}',
        '{"format": 1, "recovery_key": {"suite": 1}, "grants": []}',
        '{"format": 1, "recovery_key": {"suite": 2}, "grants": []}',
    ],
)
def test_a_bundle_that_cannot_be_read_is_refused(demo: Demo, text: str, capsys: pytest.CaptureFixture[str]):
    bundle = demo.folder / "bundle.json"
    bundle.write_text(text)
    assert drilled(demo, bundle) == 3
    assert "bundle" in capsys.readouterr().err


def test_a_missing_bundle_is_refused(demo: Demo, capsys: pytest.CaptureFixture[str]):
    assert drilled(demo, demo.folder / "nowhere.json") == 3
    assert "nowhere.json: No such file or directory. Look at the name" in capsys.readouterr().err


def test_a_verdict_holds_no_secret(demo: Demo):
    seed = Seed.generate()
    drilled(demo, bundle_file(demo, [escrowed(demo.public, seed)]))
    verdict = (demo.folder / "verdict.json").read_text()
    assert json.loads(verdict).keys() == {
        "format", "deployment", "bundle_sha256", "recovery_fingerprint", "ok", "results"
    }  # fmt: skip
    assert seed.reveal().hex() not in verdict
