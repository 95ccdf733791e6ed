"""What is written about the settings, made from `Settings` itself: the example file and the table of the README."""

from __future__ import annotations

import dataclasses
import textwrap

from config.settings import FILE_SUFFIX, PREFIX, Settings


def example_env() -> str:
    """Write config/example.env: every setting with its sentence, those with a default or none commented out."""
    lines = [
        "# Settings of the pupil transfer service. Copy this file, fill it in, keep it from other eyes.",
        f"# Each can be given as NAME{FILE_SUFFIX} instead, the path of a file that holds the value.",
        "# `transfer-service keys new DIR` makes every key and secret below and writes them where they belong.",
    ]
    for field in dataclasses.fields(Settings):
        meta = field.metadata
        lines += ["", *(f"# {line}" for line in textwrap.wrap(meta["doc"], 110))]
        assignment = f"{PREFIX}{field.name.upper()}={meta['example'] or meta['default']}"
        lines.append(assignment if meta["required"] else f"# {assignment}")
    return "\n".join(lines) + "\n"


def settings_table() -> str:
    """Write the README's table of settings in Markdown: name without prefix, need or default, meaning."""
    rows = ["| setting | default | what it is |", "| --- | --- | --- |"]
    for field in dataclasses.fields(Settings):
        meta = field.metadata
        default = "required" if meta["required"] else f"`{meta['default']}`" if meta["default"] else "–"
        rows.append(f"| `{field.name.upper()}` | {default} | {meta['doc']} |")
    return "\n".join(rows) + "\n"
