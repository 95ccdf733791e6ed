"""The blueprint of the public pages about the log."""

from __future__ import annotations

from typing import Final

from flask import Blueprint

blueprint: Final = Blueprint("log", __name__)
