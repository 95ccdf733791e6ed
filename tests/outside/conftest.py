"""Verifiers that other people wrote, over what this service writes."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.audit.conftest import log

SOURCES = Path("/usr/share/gocode/src/golang.org/x/mod/sumdb")
"""Where Debian's package golang-golang-x-mod-dev puts them."""

__all__ = ["log"]


@pytest.fixture(scope="session")
def go_verifier(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Build our few lines around Go's own notes and trees, once; returns what runs them."""
    if shutil.which("go") is None or not SOURCES.is_dir():
        pytest.skip("Go or its package golang.org/x/mod is not installed; `make test` installs them where it may")
    folder = tmp_path_factory.mktemp("go")
    program = folder / "verify"
    environ = {
        **os.environ, "GO111MODULE": "off", "GOPATH": str(SOURCES.parents[4]), "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "", "GOTOOLCHAIN": "local",
    }  # fmt: skip
    subprocess.run(
        ["go", "build", "-o", program, Path(__file__).parent / "verify" / "main.go"], check=True, env=environ
    )

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *map(str, words)], check=False, capture_output=True, text=True)

    return run
