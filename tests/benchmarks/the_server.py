"""Pages over HTTP as they are deployed: granian in a process of its own, people signed in, requests to loopback."""

import base64
import html
import http.client
import itertools
import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import typst

from tests.benchmarks.installed import LARGE_FILE, Cast, serving
from tests.benchmarks.measuring import Bench, Figure, benchmark, calls_per_second, microseconds_each, seconds_once
from tests.cast import Member

CONNECTIONS = 16
WARM_UP_SECONDS = 3.0
WARM_UP_VISITS = 20
SECONDS = 6.0
UPLOADS = 6


@dataclass(frozen=True)
class Page:
    """An address and the cookie of somebody who may see it."""

    path: str
    cookie: str


def cookie_of(member: Member) -> str:
    return "session=" + base64.urlsafe_b64encode(member.cookie).decode().rstrip("=")


PAGES: Mapping[str, Callable[[Cast], Page]] = {
    "the start page": lambda cast: Page("/", cookie_of(cast.alma)),
    "the list of transfers": lambda cast: Page("/transfers", cookie_of(cast.alma)),
    "the page of a transfer": lambda cast: Page(f"/transfers/{cast.acknowledged}", cookie_of(cast.alma)),
    "the inbox": lambda cast: Page("/inbox", cookie_of(cast.cora)),
    "the authority's figures": lambda cast: Page("/authority", cookie_of(cast.olive)),
}
"""What people look at most."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes


class Visitor:
    """Somebody with a connection that is kept; threads may share one, each has a connection of its own."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connections = threading.local()

    def ask(self, page: Page, *, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        """Ask for a page; raises RuntimeError where the answer is neither the page nor a way on."""
        if not hasattr(self._connections, "mine"):
            self._connections.mine = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        sent = {"Cookie": page.cookie, "Host": f"localhost:{self._port}", **headers}
        self._connections.mine.request(method, page.path, body=body, headers=sent)
        answer = self._connections.mine.getresponse()
        read = Answer(answer.status, answer.read())
        if read.status not in {200, 303}:
            raise RuntimeError(f"{page.path} was answered with {read.status}")
        return read


def bare_page(length: int) -> Page:
    return Page(f"/?length={length}", "")


def visits_per_second(port: int, pages: Sequence[Page]) -> tuple[Figure, int]:
    """Fetch the pages in turn over so many kept connections; returns the figure and the mean length of a page."""
    visitor = Visitor(port)
    chosen, lock = itertools.cycle(pages), threading.Lock()
    lengths: list[int] = []

    def visit() -> None:
        with lock:
            page = next(chosen)
        lengths.append(len(visitor.ask(page).body))

    # Each process compiles its statements and templates when it first needs them.
    calls_per_second(visit, seconds=WARM_UP_SECONDS, threads=CONNECTIONS)
    figure = calls_per_second(visit, seconds=SECONDS, threads=CONNECTIONS)
    return figure, sum(lengths) // len(lengths)


def measure_pages(kind: str, bench: Bench) -> tuple[Figure, Figure]:
    served = serving(bench, kind)
    ours, length = visits_per_second(served.port, [choose(served.cast) for choose in PAGES.values()])
    floor, _ = visits_per_second(served.bare_port, [bare_page(length)])
    return ours, floor


def measure_page(kind: str, choose: Callable[[Cast], Page], bench: Bench) -> tuple[Figure, Figure]:
    served = serving(bench, kind)
    visitor, page = Visitor(served.port), choose(served.cast)
    length = len(visitor.ask(page).body)
    bare, other = Visitor(served.bare_port), bare_page(length)
    return one_visit(lambda: visitor.ask(page)), one_visit(lambda: bare.ask(other))


def one_visit(visit: Callable[[], object]) -> Figure:
    """How long one person waits who is alone, in milliseconds: the median of some rounds."""
    # Each process compiles its statements and templates when it first needs them.
    for _ in range(WARM_UP_VISITS):
        visit()
    return Figure(microseconds_each(visit, rounds=5, calls=10).value / 1000, "ms")


def measure_receipt(kind: str, bench: Bench) -> tuple[Figure, Figure]:
    served = serving(bench, kind)
    visitor = Visitor(served.port)
    page = Page(f"/transfers/{served.cast.acknowledged}/receipt.pdf", cookie_of(served.cast.alma))
    assert visitor.ask(page).body.startswith(b"%PDF")
    text = bench.new_folder("typst") / "page.typ"
    text.write_text("= A receipt\nIt was sent.\n")
    fonts = typst.Fonts(include_system_fonts=True, include_embedded_fonts=True)

    def typeset() -> bytes:
        made: bytes = typst.compile(text, font_paths=fonts, ignore_system_fonts=True, format="pdf")
        return made

    return one_visit(lambda: visitor.ask(page)), one_visit(typeset)


def measure_upload(kind: str, bench: Bench) -> tuple[Figure, Figure]:
    served = serving(bench, kind)
    visitor = Visitor(served.port)
    page = Page(f"/transfers/{served.cast.draft}/attachments", cookie_of(served.cast.alma))
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    connection.request("GET", page.path, headers={"Cookie": page.cookie, "Host": f"localhost:{served.port}"})
    answer = connection.getresponse()
    form = re.search(r'action="([^"]+/attachments\?csrf_token=[^"]+)"', answer.read().decode())
    cookies = "; ".join([page.cookie, *(one.partition(";")[0] for one in answer.headers.get_all("Set-Cookie") or [])])
    connection.close()
    assert form is not None
    target = Page(html.unescape(form[1]), cookies)
    body = (
        b'--edge\r\nContent-Disposition: form-data; name="files"; filename="scan.pdf"\r\n'
        b"Content-Type: application/pdf\r\n\r\n%PDF-1.7\n" + os.urandom(LARGE_FILE - 9) + b"\r\n--edge--\r\n"
    )
    kinds = {"Content-Type": "multipart/form-data; boundary=edge", "Content-Length": str(len(body))}

    def upload() -> None:
        assert visitor.ask(target, method="POST", body=body, **kinds).status == 303

    bare, other = Visitor(served.bare_port), Page("/upload", "")
    figures = [
        seconds_once(work, best_of=UPLOADS)
        for work in (upload, lambda: bare.ask(other, method="POST", body=body, **kinds))
    ]
    ours, floor = (Figure(LARGE_FILE / 1_000_000 / each.value, "MB/s") for each in figures)
    return ours, floor


for kind, title in (("sqlite", "SQLite, 1×8 threads"), ("postgresql", "PostgreSQL, 2×4 threads")):
    for name, choose in PAGES.items():
        benchmark(
            f"{name} over HTTP, one person alone, {title}",
            floor="bare Flask on the same server: a page of the same length",
        )(partial(measure_page, kind, choose))
    benchmark(f"a receipt as PDF over HTTP, {title}", floor="the typesetter with one line and no facts")(
        partial(measure_receipt, kind)
    )
    benchmark(
        f"an attachment of 25 MiB uploaded, sealed and recorded over HTTP, {title}",
        floor="bare Flask on the same server: the body forced to the disk in clear",
    )(partial(measure_upload, kind))
    benchmark(
        f"main pages of signed-in people over HTTP, {CONNECTIONS} connections, {title}",
        floor="bare Flask on the same server: a page of the same length",
    )(partial(measure_pages, kind))
