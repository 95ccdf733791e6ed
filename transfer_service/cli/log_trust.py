"""What the commands of the log compare it with: the policy or the key of the settings, and what opens details."""

from __future__ import annotations

from pathlib import Path

from config.settings import Settings
from transfer_service.app import build_installation
from transfer_service.audit.log import OpenDetail
from transfer_service.audit.policy import Policy, parse_policy
from transfer_service.cli.edge import load_settings
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.use_cases.recording import open_detail


def load_for_checking(needs: frozenset[str], policy: Path | None) -> Settings:
    """Load no more than it takes: a policy is public, and with one no key is needed."""
    if policy is not None:
        return load_settings(needs)
    settings = load_settings(needs | {"log_policy"})
    return settings if settings.log_policy else load_settings(needs | {"log_policy", "log_signing_key"})


def believed_policy(policy: Path | None, settings: Settings) -> Policy:
    """Return the policy in a file, or that of the settings, or one that names the settings' key alone."""
    if policy is not None:
        return parse_policy(policy.read_text())
    if settings.log_policy:
        return parse_policy(settings.log_policy)
    return Policy((LogSigningKey.from_text(settings.log_signing_key.reveal()).verifier,))


def detail_opener(settings: Settings) -> OpenDetail:
    """Return what opens the details beside leaves, with the field keys of the settings."""
    at = build_installation(settings)
    return lambda idx, sealed: open_detail(at, idx, sealed)
