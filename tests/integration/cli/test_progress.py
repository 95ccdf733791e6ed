"""What long commands say meanwhile: never among the answer, on a terminal one changing line."""

import pytest

from transfer_service.cli.output import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_line_now_and_then_goes_to_standard_error_where_nobody_watches(capsys: pytest.CaptureFixture[str]):
    clock = Clock()
    progress = Progress("Checking the log", clock=clock)
    for second in range(1, 8):
        clock.now = float(second)
        progress(second * 1_000, 20_000)
    progress.finish()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "Checking the log: 3,000 of 20,000\nChecking the log: 6,000 of 20,000\n"


def test_on_a_terminal_one_line_changes_and_is_gone_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    clock = Clock()
    progress = Progress("Checking the log", clock=clock)
    clock.now = 0.2
    progress(1_000)
    clock.now = 0.25
    progress(1_500)
    progress.finish()
    assert capsys.readouterr().err == "\r\033[KChecking the log: 1,000\r\033[K"


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]):
    progress = Progress("Checking the log", clock=Clock())
    progress(1, 1)
    progress.finish()
    assert capsys.readouterr().err == ""
