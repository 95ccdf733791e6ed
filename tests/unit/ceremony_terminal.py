"""A custodian's side of the ceremony: the tool as its own program on a terminal of 80 by 24."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from itertools import pairwise
from pathlib import Path

from transfer_service import ceremony

CEREMONY = Path(ceremony.__file__)
OWN_SCREEN, FORMER_SCREEN = "\x1b[?1049h", "\x1b[?1049l"


class Terminal:
    """Types, and remembers everything that was ever shown."""

    def __init__(self, *arguments: str, folder: Path | None = None) -> None:
        self.side, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        # By way of a shell's `exec`: it opens the terminal as the session's own, so that Ctrl-C reaches the program.
        # Ignored as by a shell that starts something in the background: the tool has to take it none the less.
        line = 'trap "" INT; exec "$@" <"$0" >"$0" 2>&1'
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", line, os.ttyname(other), sys.executable, "-I", str(CEREMONY), *arguments],
            stdin=other, stdout=other, stderr=other, start_new_session=True, cwd=folder,
        )  # fmt: skip
        os.close(other)
        self.seen = ""
        self.read = 0

    def until(self, prompt: str, *, seconds: float = 60) -> str:
        """What is shown from the last prompt up to and with this one."""
        end = time.monotonic() + seconds
        while (found := self.seen.find(prompt, self.read)) < 0:
            ready, _, _ = select.select([self.side], [], [], max(0.0, end - time.monotonic()))
            is_there = bool(ready) and self._read_on()
            assert is_there, f"{prompt!r} never came: {self.seen[self.read :]}"
        shown, self.read = self.seen[self.read : found + len(prompt)], found + len(prompt)
        return shown

    def answer(self, text: str = "") -> None:
        os.write(self.side, text.encode() + b"\n")

    def press_ctrl_c(self) -> None:
        os.write(self.side, b"\x03")

    def type_share(self, words: list[str]) -> None:
        for start in range(0, len(words), 3):
            self.until(f"Words {start + 1:>2} to {start + 3:>2}: ")
            self.answer(" ".join(words[start : start + 3]))

    def end(self, *, seconds: float = 60) -> tuple[int, str]:
        """The exit code, and all that was shown since the last prompt."""
        end = time.monotonic() + seconds
        while select.select([self.side], [], [], max(0.0, end - time.monotonic()))[0] and self._read_on():
            pass
        try:
            code = self.process.wait(timeout=max(1.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        os.close(self.side)
        return code, self.seen[self.read :]

    def left_on_screen(self) -> str:
        """What stays on the former screen and in its scroll-back after every switch and clearing."""
        kept = re.sub(f"{re.escape(OWN_SCREEN)}.*?{re.escape(FORMER_SCREEN)}", "", self.seen, flags=re.DOTALL)
        return kept.rsplit(ceremony.CLEAR, 1)[-1]

    def shows_no_share(self, *shares: list[str]) -> bool:
        """Whether no numbered words and no two words in order stay; a single one may stand in an English sentence."""
        left = self.left_on_screen()
        return not words_of(left) and not any(
            f"{one} {two}" in left for share in shares for one, two in pairwise(share)
        )

    def _read_on(self) -> bool:
        try:
            piece = os.read(self.side, 65536)
        except OSError:
            return False  # Linux says so when the program is gone
        self.seen += piece.decode(errors="replace").replace("\r\n", "\n")
        return bool(piece)


def words_of(shown: str) -> list[str]:
    """The words of a share in the order of their numbers."""
    found = {int(number): word for number, word in re.findall(r"(\d+)  ([a-z]+)", shown)}
    return [found[number] for number in sorted(found)]
