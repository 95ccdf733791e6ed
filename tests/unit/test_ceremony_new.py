import base64
import json
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from shamir_mnemonic import combine_mnemonics

from tests.unit.ceremony_cast import made_demo
from transfer_service import ceremony
from transfer_service.crypto.recovery_files import read_recovery_public
from transfer_service.crypto.suites import RecoveryKey
from transfer_service.crypto.values import Seed

CEREMONY = Path(ceremony.__file__)


class Terminal:
    """A custodian's side of the ceremony, run as its own program."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", str(CEREMONY), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.seen = ""

    def until(self, prompt: str) -> str:
        """What is printed up to and with a prompt."""
        read = ""
        while not read.endswith(prompt):
            letter = self.process.stdout.read(1)
            assert letter, f"{prompt!r} never came: {read} {self.process.stderr.read()}"
            read += letter
        self.seen += read
        return read

    def answer(self, text: str) -> None:
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


def test_five_custodians_write_down_and_retype_a_share_each(tmp_path: Path):
    terminal = Terminal("recovery", "new", "--out", str(tmp_path / "new"), "--authority", "Exampleshire")
    shares = []
    for number in range(1, 6):
        shown = terminal.until("Press Enter when it is written down. ")
        assert f"Share {number} of 5." in shown
        share = shown.split("\n\n")[1]
        assert len(share.split()) == 33
        terminal.answer("")
        terminal.until(f"Type share {number} from your paper: ")
        if number == 1:
            terminal.answer("academic " * 33)
            assert "not the share" in terminal.until(f"Type share {number} from your paper: ")
        terminal.answer(f"  {share.upper()}  ")
        shares.append(share)
    code, out, err = terminal.end()
    assert (code, err) == (0, "")
    written = read_recovery_public((tmp_path / "new" / "recovery-public.json").read_text())
    assert not written.demo
    assert written.authority == "Exampleshire"
    assert written.public.fingerprint.hex in out
    for three in combinations(shares, 3):
        assert RecoveryKey.from_seed(Seed(combine_mnemonics(three))).public == written.public


def test_a_share_typed_wrongly_three_times_is_shown_again(tmp_path: Path):
    terminal = Terminal("recovery", "new", "--out", str(tmp_path))
    first = terminal.until("written down. ").split("\n\n")[1]
    terminal.answer("")
    for _ in range(3):
        terminal.until("from your paper: ")
        terminal.answer("wrong")
    assert first in terminal.until("written down. ")
    terminal.process.stdin.close()
    terminal.process.wait(timeout=60)
    assert terminal.process.returncode == 3
    assert "Nobody answered" in terminal.process.stderr.read()
    terminal.process.stdout.close()
    terminal.process.stderr.close()
    assert list(tmp_path.iterdir()) == []


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
