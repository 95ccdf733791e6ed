"""A small S3-compatible server: the requests that the service makes, answered as the protocol's document says."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class BucketServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.lock = threading.Lock()
        self.broken = False
        self.hangs = False
        self.answers = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: BucketServer
    protocol_version = "HTTP/1.1"

    def parse_request(self) -> bool:
        if self.server.hangs:
            self.server.answers.wait(30)
        return super().parse_request()

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            taken = self._key() in self.server.objects
            if taken and self.headers["If-None-Match"] == "*":
                return self._answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
            self.server.objects[self._key()] = body
        return self._answer(200, headers={"ETag": '"1"'})

    def do_HEAD(self) -> None:
        self._read()

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            return self._list(query.get("prefix", [""])[0])
        return self._read()

    def do_DELETE(self) -> None:
        self.server.objects.pop(self._key(), None)
        self._answer(204)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        gone = re.findall("<Key>([^<]*)</Key>", body)
        for key in gone:
            self.server.objects.pop(key, None)
        rows = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in gone)
        self._answer(200, f"<DeleteResult>{rows}</DeleteResult>".encode())

    def _read(self) -> None:
        if self.server.broken:
            return self._answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        body = self.server.objects.get(self._key())
        if body is None:
            return self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        stamps = {"ETag": '"1"', "Last-Modified": formatdate(1_767_225_600, usegmt=True)}
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"] or "")
        if asked:
            first, last = int(asked[1]), min(int(asked[2]), len(body) - 1)
            stamps["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
            return self._answer(206, body[first : last + 1], headers=stamps)
        return self._answer(200, body, headers=stamps)

    def _list(self, prefix: str) -> None:
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;1&quot;</ETag><Size>{len(body)}</Size></Contents>"
            for key, body in sorted(self.server.objects.items())
            if key.startswith(prefix)
        )
        self._answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>".encode())

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix("/sealed/")

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def running_bucket() -> Iterator[BucketServer]:
    server = BucketServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.answers.set()
        server.shutdown()
        thread.join()
        server.server_close()
