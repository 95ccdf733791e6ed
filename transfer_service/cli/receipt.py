"""`receipt verify`: what `verifier.py verify receipt` does, by that very program."""

from __future__ import annotations

from pathlib import Path

import click

from transfer_service import verifier
from transfer_service.cli.output import json_option

_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.group()
def receipt() -> None:
    """Check a receipt offline."""


@receipt.command()
@click.argument("file", type=_FILE)
@click.option("--policy", type=_FILE, help="Whose signatures to believe; it comes to you apart from the receipt.")
@click.option("--key", help="A single verifier key instead of a policy.")
@json_option
def verify(*, file: Path, policy: Path | None, key: str | None, as_json: bool) -> int:
    """Check a receipt (.tlog-proof): 0 only where all of it holds and its signer is one that the policy names."""
    if policy and key:
        raise click.UsageError("Give --policy or --key, not both.")
    words = ["verify", "receipt", str(file.absolute())]
    if policy:
        words += ["--policy", str(policy.absolute())]
    if key:
        words += [f"--key={key}"]
    return verifier.main([*words, "--json"] if as_json else words)
