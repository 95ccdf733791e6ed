"""What the tests of the ceremony share: a demo's key, exported bundles, a log of a few leaves with receipts."""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from transfer_service import ceremony
from transfer_service.crypto import formats
from transfer_service.crypto.formats import GranteeKind
from transfer_service.crypto.recovery_files import (
    EscrowGrant,
    RecoveryPublic,
    RecoveryRequest,
    read_recovery_public,
    write_bundle,
)
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.crypto.suites import EpochKey, PersonKey, seal_to
from transfer_service.crypto.values import Seed

SCHOOL = UUID(bytes=b"\x44" * 16)
RECOVERY_ID = UUID(bytes=b"\x88" * 16)
PERSON_ID = UUID(bytes=b"\x66" * 16)
REQUEST_ID = UUID(bytes=b"\x99" * 16)
PERSON = PersonKey.from_seed(Seed(b"\x05" * 32))
LOG = LogSigningKey(name="log.example/pupils", seed=b"\x06" * 32)


@dataclass(frozen=True)
class Demo:
    """A demo's recovery key with its shares in files."""

    folder: Path
    shares: Path
    public: RecoveryPublic

    def typed(self, *numbers: int) -> list[str]:
        return [(self.shares / f"share-{number}.txt").read_text().strip() for number in numbers]


def made_demo(folder: Path) -> Demo:
    arguments = ["recovery", "new", "--out", str(folder), "--authority", "Exampleshire", "--demo"]
    assert ceremony.main([*arguments, "--shares-to", str(folder / "shares")]) == 0
    public = read_recovery_public((folder / "recovery-public.json").read_text())
    return Demo(folder=folder, shares=folder / "shares", public=public)


def escrowed(public: RecoveryPublic, seed: Seed, epoch: int = 1) -> EscrowGrant:
    """Seal an epoch to the recovery key as the service does."""
    key = EpochKey.from_seed(seed)
    info = formats.key_grant_info(
        suite=2,
        deployment="demo",
        org=SCHOOL,
        epoch=epoch,
        epoch_fingerprint=key.fingerprint,
        grantee_kind=GranteeKind.RECOVERY,
        grantee=RECOVERY_ID,
        grantee_version=1,
        grantee_fingerprint=public.public.fingerprint,
    )
    sealed = seal_to(public.public, seed, info=info)
    return EscrowGrant(organisation=SCHOOL, epoch=epoch, public=key.public, sealed=sealed)


def bundle_file(demo: Demo, grants: Sequence[EscrowGrant], *, opening: bool = False) -> Path:
    request = RecoveryRequest(request=REQUEST_ID, person=PERSON_ID, key_version=3, public=PERSON.public)
    text = write_bundle(
        deployment="demo",
        recovery=demo.public,
        grantee=RECOVERY_ID,
        grantee_version=1,
        grants=grants,
        request=request if opening else None,
    )
    path = demo.folder / ("opening.json" if opening else "drill.json")
    path.write_text(text)
    return path


def changed(path: Path, change: Callable[[dict[str, object]], object]) -> Path:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root, by the recursive definition of RFC 9162, section 2.1.1."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root_of(leaves[:split]) + root_of(leaves[split:])).digest()


def path_to(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path, by the recursive definition of RFC 9162, section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*path_to(leaves[:split], index), root_of(leaves[split:])]
    return [*path_to(leaves[split:], index - split), root_of(leaves[:split])]


def approval(**change: object) -> bytes:
    leaf = {
        "v": 1,
        "event": "recovery.approved",
        "subject": str(REQUEST_ID),
        "key": PERSON.fingerprint.hex,
        "org": str(SCHOOL),
    }
    return json.dumps(leaf | change, sort_keys=True).encode()


def receipt_text(leaf: bytes, *, signer: LogSigningKey = LOG, size: int = 5, index: int = 2) -> str:
    leaves = [b"leaf %d" % number for number in range(size)]
    leaves[index] = leaf
    body = f"{signer.name}\n{size}\n{base64.b64encode(root_of(leaves)).decode()}\n"
    signature = base64.b64encode(signer.key_id + signer.sign(body.encode())).decode()
    extra = base64.b64encode(json.dumps({"v": 1, "leaf": base64.b64encode(leaf).decode()}).encode()).decode()
    hashes = [base64.b64encode(part).decode() for part in path_to(leaves, index)]
    head = "\n".join(["c2sp.org/tlog-proof@v1", f"extra {extra}", f"index {index}", *hashes])
    return f"{head}\n\n{body}\n\u2014 {signer.name} {signature}\n"


def receipt_file(folder: Path, text: str) -> Path:
    path = folder / "request.tlog-proof"
    path.write_text(text, encoding="utf-8")
    return path
