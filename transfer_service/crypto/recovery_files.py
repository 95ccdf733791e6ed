"""The files that pass between the service and the custodians' offline tool, as docs/ceremony.md describes them.

The service reads the new public key, the verdict of a drill and the newly sealed grants, and writes bundles. What it
reads comes from people's USB sticks: every value is checked, nothing in it is trusted because of where it came from.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from transfer_service.crypto.errors import CryptoError, MalformedText, Mismatch
from transfer_service.crypto.suites import PublicKey
from transfer_service.crypto.values import Fingerprint

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPublic:
    """The public half of a recovery key, as a ceremony wrote it. A demo's key is for demos only."""

    public: PublicKey
    authority: str
    demo: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EscrowGrant:
    """One school epoch's seed, sealed to the recovery key."""

    organisation: UUID
    epoch: int
    public: PublicKey
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryRequest:
    """Whose key the custodians are asked to seal a school's epochs to."""

    request: UUID
    person: UUID
    key_version: int
    public: PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillResult:
    """Whether one escrow grant opened and led to the school's public key."""

    organisation: UUID
    epoch: int
    fingerprint: Fingerprint
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillVerdict:
    """The outcome of a drill over one exported bundle."""

    deployment: str
    bundle_sha256: str
    recovery_fingerprint: Fingerprint
    results: tuple[DrillResult, ...]

    @property
    def ok(self) -> bool:
        """Tell whether there were grants and all of them opened."""
        return bool(self.results) and all(result.ok for result in self.results)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveredGrant:
    """One school epoch's seed, newly sealed to the person of an approved request."""

    organisation: UUID
    epoch: int
    fingerprint: Fingerprint
    suite: int
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveredGrants:
    """What an opening wrote."""

    deployment: str
    bundle_sha256: str
    request: UUID
    person: UUID
    key_version: int
    person_fingerprint: Fingerprint
    grants: tuple[RecoveredGrant, ...]


def read_recovery_public(text: str) -> RecoveryPublic:
    """Read `recovery-public.json`; raises MalformedText, or Mismatch where key and fingerprint differ."""
    content = _content(text)
    try:
        public = PublicKey(content["suite"], _bytes(content["kem_public"]))
        stated = Fingerprint.from_hex(content["fingerprint"])
        demo, authority = content["demo"], content["authority"]
    except (KeyError, TypeError, ValueError, AttributeError, CryptoError):
        raise MalformedText(_UNREADABLE) from None
    if not isinstance(demo, bool) or not isinstance(authority, str):
        raise MalformedText(_UNREADABLE)
    if public.fingerprint != stated:
        raise Mismatch("fingerprint", "The recovery key in the file is not the one whose fingerprint stands beside it.")
    return RecoveryPublic(public=public, authority=authority, demo=demo)


def write_bundle(
    *,
    deployment: str,
    recovery: RecoveryPublic,
    grantee: UUID,
    grantee_version: int,
    grants: Sequence[EscrowGrant],
    request: RecoveryRequest | None = None,
) -> str:
    """Write the bundle for a drill, or with a request for an opening; it holds nothing that opens by itself.

    `grantee` and `grantee_version` are those that the escrow grants' info was made with.
    """
    content: dict[str, Any] = {
        "format": _FORMAT,
        "deployment": deployment,
        "recovery_key": {
            "id": str(grantee),
            "version": grantee_version,
            "suite": recovery.public.suite,
            "fingerprint": recovery.public.fingerprint.hex,
            "demo": recovery.demo,
        },
        "grants": [
            {
                "organisation": str(grant.organisation),
                "epoch": grant.epoch,
                "suite": grant.public.suite,
                "kem_public": _text(grant.public.kem_public),
                "signing_public": _text(grant.public.signing_public),
                "sealed": _text(grant.sealed),
            }
            for grant in grants
        ],
    }
    if request is not None:
        content["request"] = {
            "id": str(request.request),
            "person": str(request.person),
            "key_version": request.key_version,
            "suite": request.public.suite,
            "kem_public": _text(request.public.kem_public),
        }
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def bundle_sha256(bundle: str) -> str:
    """Return the hexadecimal SHA-256 by which a verdict or result names the bundle it was made from."""
    return hashlib.sha256(bundle.encode()).hexdigest()


def read_verdict(text: str) -> DrillVerdict:
    """Read the verdict of a drill; raises MalformedText. Whether it is good is computed, not believed."""
    content = _content(text)
    try:
        return DrillVerdict(
            deployment=_string(content["deployment"]),
            bundle_sha256=_string(content["bundle_sha256"]),
            recovery_fingerprint=Fingerprint.from_hex(content["recovery_fingerprint"]),
            results=tuple(
                DrillResult(
                    organisation=UUID(row["organisation"]),
                    epoch=int(row["epoch"]),
                    fingerprint=Fingerprint.from_hex(row["fingerprint"]),
                    ok=row["ok"] is True,
                )
                for row in content["results"]
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError, CryptoError):
        raise MalformedText(_UNREADABLE) from None


def read_recovered_grants(text: str) -> RecoveredGrants:
    """Read what an opening wrote; raises MalformedText. The grants prove themselves when the person opens them."""
    content = _content(text)
    try:
        return RecoveredGrants(
            deployment=_string(content["deployment"]),
            bundle_sha256=_string(content["bundle_sha256"]),
            request=UUID(content["request"]),
            person=UUID(content["person"]),
            key_version=int(content["key_version"]),
            person_fingerprint=Fingerprint.from_hex(content["person_fingerprint"]),
            grants=tuple(
                RecoveredGrant(
                    organisation=UUID(row["organisation"]),
                    epoch=int(row["epoch"]),
                    fingerprint=Fingerprint.from_hex(row["fingerprint"]),
                    suite=int(row["suite"]),
                    sealed=_bytes(row["sealed"]),
                )
                for row in content["grants"]
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError, CryptoError):
        raise MalformedText(_UNREADABLE) from None


_UNREADABLE: Final = "The file is not one that this version's ceremony.py writes. Choose the file that it wrote."


def _content(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedText(_UNREADABLE) from None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise MalformedText(_UNREADABLE)
    return content


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise MalformedText(_UNREADABLE)
    return value


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
