"""The floor under the pages: bare Flask behind the same server, one view that gives a page made beforehand."""

import os

from flask import Flask

LENGTH = "BENCHMARK_PAGE_LENGTH"


def load() -> Flask:
    """Make the application; the page is as long as those that it is compared with."""
    bare = Flask("bare")
    page = "<!doctype html><title>A page</title>" + "x" * int(os.environ.get(LENGTH, "10000"))

    @bare.get("/")
    def show() -> str:
        return page

    return bare
