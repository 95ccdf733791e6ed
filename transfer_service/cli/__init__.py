"""The `transfer-service` command: one module a group of commands, each thin."""

from __future__ import annotations

from transfer_service.cli.root import main

__all__ = ["main"]
