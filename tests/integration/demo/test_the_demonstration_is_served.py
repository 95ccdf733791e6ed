"""`demo` as people run it: one process from nothing to pages, which also read what is in the store."""

import http.cookiejar
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demonstration import code_of

READY_WITHIN = 300.0
ANSWERS_WITHIN = 60.0

pytestmark = pytest.mark.slow


class Pages:
    """A browser without scripts: cookies, and forms with their token."""

    def __init__(self, address: str) -> None:
        self.address = address
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(jar)

    def get(self, path: str, fields: dict[str, str] | None = None) -> str:
        body = None if fields is None else urllib.parse.urlencode(fields).encode()
        with self.opener.open(self.address + path, body, timeout=ANSWERS_WITHIN) as answer:
            return answer.read().decode()

    def post(self, path: str, **fields: str) -> str:
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.get(path))
        assert token is not None
        return self.get(path, {**fields, "csrf_token": token.group(1)})


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    folder, address = tmp_path / "demo", f"http://localhost:{port}"
    command = [sys.executable, "-m", "transfer_service", "demo", "--directory", str(folder), "--port", str(port)]
    environ = {name: text for name, text in os.environ.items() if not name.startswith("TRANSFER_SERVICE_")}
    with (tmp_path / "said.txt").open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environ)
    try:
        end = time.monotonic() + READY_WITHIN
        while True:
            assert process.poll() is None, (tmp_path / "said.txt").read_text()
            assert time.monotonic() < end, "the demonstration was not served in time"
            try:
                with urllib.request.urlopen(f"{address}/health", timeout=5):
                    break
            except (urllib.error.URLError, OSError):
                time.sleep(1)
        yield folder, address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def test_the_pages_of_a_fresh_demonstration_read_the_attachments(served):
    folder, address = served
    people = json.loads((folder / "sign-ins.json").read_text())
    harriet = next(one for one in people if one["email"].startswith("harriet.osborne@"))
    pages = Pages(address)
    pages.post("/sign-in", email=harriet["email"], password=harriet["password"])
    home = pages.post("/sign-in/code", code=code_of(harriet))

    drafts = re.findall(r'href="(/transfers/PT-[0-9A-Z-]+)"', home)
    assert drafts
    listed = [pages.get(f"{draft}/contents") for draft in drafts if "Draft" not in pages.get(draft)]
    listed += [pages.get(f"{draft}/attachments") for draft in drafts if "/attachments" in pages.get(draft)]
    assert any("Review meeting.pdf" in page for page in listed)
