import base64
import json
import os
import re
import signal
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from shamir_mnemonic import combine_mnemonics

from tests.unit.ceremony_cast import made_demo
from tests.unit.ceremony_terminal import CEREMONY, FORMER_SCREEN, Terminal, words_of
from transfer_service import ceremony
from transfer_service.crypto.recovery_files import read_recovery_public
from transfer_service.crypto.suites import RecoveryKey
from transfer_service.crypto.values import Seed


def begun(folder: Path) -> Terminal:
    terminal = Terminal("recovery", "new", "--out", str(folder), "--authority", "Exampleshire")
    terminal.until("everybody is ready. ")
    terminal.answer()
    return terminal


def shown_share(terminal: Terminal, number: int) -> list[str]:
    terminal.until(f"The custodian of share {number} of 5 sits down now.")
    terminal.until("Press Enter to go on. ")
    terminal.answer()
    words = words_of(terminal.until("they go from the screen. "))
    terminal.answer()
    terminal.until("type it back")
    return words


def test_five_custodians_write_down_and_retype_a_share_each(tmp_path: Path):
    terminal = begun(tmp_path / "new")
    shares = []
    for number in range(1, 6):
        words = shown_share(terminal, number)
        assert len(words) == 33
        if number == 1:
            for typed, told in (
                (["academic"], "That is 1 of them. Type the 3 words"),
                ([*words[:2], "academik"], "“academik” is not a word of the list. Is it “academic”?"),
                ([words[0], "academic" if words[1] != "academic" else "acid", words[2]], "Word 2 is not the one"),
            ):
                terminal.until("Words  1 to  3: ")
                terminal.answer(" ".join(typed))
                terminal.until(told)
        terminal.type_share([f" {word[:4].upper()}" for word in words] if number == 2 else words)
        terminal.until(f"Share {number} of 5 is on paper and right.")
        shares.append(" ".join(words))
    code, told = terminal.end()
    assert code == 0
    written = read_recovery_public((tmp_path / "new" / "recovery-public.json").read_text())
    assert not written.demo
    assert written.authority == "Exampleshire"
    assert written.public.fingerprint.hex in told
    for three in combinations(shares, 3):
        assert RecoveryKey.from_seed(Seed(combine_mnemonics(three))).public == written.public
    assert "The recovery key is made." in terminal.left_on_screen()
    assert terminal.shows_no_share(*(share.split() for share in shares))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["recovery-public.json"]
    plain = re.sub(r"\x1b\[[?0-9]*[A-Za-z]", "", terminal.seen).replace(str(tmp_path / "new"), "new")
    assert max(map(len, plain.splitlines())) <= 80


def test_a_share_typed_wrongly_three_times_is_shown_again(tmp_path: Path):
    terminal = begun(tmp_path)
    words = shown_share(terminal, 1)
    wrong = " ".join("academic" if word != "academic" else "acid" for word in words[:3])
    for _ in range(3):
        terminal.until("Words  1 to  3: ")
        terminal.answer(wrong)
    assert words_of(terminal.until("they go from the screen. ")) == words
    terminal.press_ctrl_c()
    code, told = terminal.end()
    assert (code, list(tmp_path.iterdir())) == (3, [])
    assert "Stopped. Nothing was written" in told


@pytest.mark.parametrize("ending", ["ctrl-c", "SIGTERM", "SIGHUP", "end of input"])
def test_whatever_ends_the_ceremony_takes_the_share_from_the_screen(tmp_path: Path, ending: str):
    terminal = begun(tmp_path)
    words = shown_share(terminal, 1)
    terminal.until("Words  1 to  3: ")
    terminal.answer(" ".join(words[:3]))
    terminal.until("Words  4 to  6: ")
    if ending == "ctrl-c":
        terminal.press_ctrl_c()
    elif ending == "end of input":
        os.write(terminal.side, b"\x04")
    else:
        terminal.process.send_signal(signal.Signals[ending])
    code, told = terminal.end()
    assert code == 3
    assert "Traceback" not in told
    assert told.count(FORMER_SCREEN) == 1
    assert terminal.shows_no_share(words)
    assert list(tmp_path.iterdir()) == []


def test_a_share_is_never_shown_into_a_file_or_another_program(tmp_path: Path):
    words = [sys.executable, "-I", str(CEREMONY), "recovery", "new", "--out", str(tmp_path)]
    ran = subprocess.run(words, check=False, input="\n" * 20, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "in a terminal alone" in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_its_packages_the_tool_says_what_to_install(tmp_path: Path):
    alone = tmp_path / "ceremony.py"
    alone.write_bytes(CEREMONY.read_bytes())
    program = (
        "import runpy, sys\n"
        "sys.modules['shamir_mnemonic'] = None\n"
        f"runpy.run_path({str(alone)!r}, run_name='__main__')\n"
    )
    ran = subprocess.run([sys.executable, "-I", "-c", program], check=False, capture_output=True, text=True)
    assert ran.returncode == 1
    assert "cryptography (50 or newer) and shamir-mnemonic" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_demo_asks_nothing_and_marks_its_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    demo = made_demo(tmp_path)
    assert demo.public.demo
    files = sorted(path.name for path in demo.shares.iterdir())
    assert files == ["share-1.txt", "share-2.txt", "share-3.txt", "share-4.txt", "share-5.txt"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in demo.shares.iterdir())
    printed = capsys.readouterr().out
    assert all(share not in printed for share in demo.typed(1, 2, 3, 4, 5))


def test_any_three_of_a_demos_shares_make_the_key_and_two_do_not(tmp_path: Path):
    demo = made_demo(tmp_path)
    for three in combinations(range(1, 6), 3):
        key = RecoveryKey.from_seed(Seed(combine_mnemonics(demo.typed(*three))))
        assert key.public == demo.public.public
    with pytest.raises(ceremony.MnemonicError):
        combine_mnemonics(demo.typed(1, 2))


def test_the_public_file_says_what_the_service_reads(tmp_path: Path):
    demo = made_demo(tmp_path)
    content = json.loads((tmp_path / "recovery-public.json").read_text())
    assert content.keys() == {
        "format", "suite", "kem_public", "fingerprint", "words", "shares", "threshold", "authority", "demo"
    }  # fmt: skip
    assert (content["format"], content["suite"], content["shares"], content["threshold"]) == (1, 2, 5, 3)
    assert content["words"] == list(demo.public.public.fingerprint.words())
    assert base64.b64decode(content["kem_public"]) == demo.public.public.kem_public


@pytest.mark.parametrize(
    "options", [["--demo"], ["--shares-to", "shares"], ["--assume-retyped"], ["--assume-retyped", "--shares-to", "x"]]
)
def test_shortcuts_are_for_a_demos_key_alone(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert ceremony.main(["recovery", "new", "--out", "new", *options]) == 3
    assert "for a demo's key" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_ceremony_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    made_demo(tmp_path)
    before = (tmp_path / "recovery-public.json").read_bytes()
    arguments = ["recovery", "new", "--out", str(tmp_path), "--demo", "--assume-retyped"]
    assert ceremony.main([*arguments, "--shares-to", str(tmp_path / "other")]) == 3
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "recovery-public.json").read_bytes() == before


def test_the_tool_runs_alone_and_reaches_for_no_network(tmp_path: Path):
    alone = tmp_path / "ceremony.py"
    alone.write_bytes(CEREMONY.read_bytes())
    program = (
        "import runpy, sys\n"
        f"runpy.run_path({str(alone)!r})\n"
        "print(*sorted({'socket', 'ssl', 'http', 'urllib.request', 'asyncio', 'transfer_service'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""


def test_wrong_usage_is_exit_code_2(capsys: pytest.CaptureFixture[str]):
    for arguments in ([], ["recovery"], ["recovery", "new"], ["recovery", "open", "bundle.json"]):
        with pytest.raises(SystemExit) as stopped:
            ceremony.main(arguments)
        assert stopped.value.code == 2
    capsys.readouterr()


def test_shares_follow_slip_39():
    # The first vector of the specification, a secret in one share under the passphrase TREZOR.
    share = (
        "duckling enlarge academic academic agency result length solution fridge kidney coal piece deal husband "
        "erode duke ajar critical decision keyboard"
    )
    assert combine_mnemonics([share], b"TREZOR").hex() == "bb54aac4b89dc868ba37d9cc21b2cece"
