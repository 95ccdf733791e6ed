"""The floor under what goes over HTTP: bare Flask behind the same server, no session, no database."""

import os
import tempfile

from flask import Flask, request

READ_AT_ONCE = 64 * 1024


def load() -> Flask:
    """Make the application: a page as long as is asked for, and an upload that is forced to the disk as it comes."""
    bare = Flask("bare")
    start = "<!doctype html><title>A page</title>"

    @bare.get("/")
    def show() -> str:
        return start + "x" * (int(request.args.get("length", "10000")) - len(start))

    @bare.post("/upload")
    def keep() -> str:
        with tempfile.TemporaryFile() as file:
            while chunk := request.stream.read(READ_AT_ONCE):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        return "kept"

    return bare
