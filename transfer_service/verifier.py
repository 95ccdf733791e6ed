"""Checks receipts and whole logs of the pupil transfer service, offline and without the service.

One file that needs Python 3.11 and the package `cryptography`, and nothing of the service: keep a copy where you
keep your receipts. It is written a second time on purpose, from the public formats alone, so that a mistake in the
service's own code does not vouch for itself.

    python verifier.py verify receipt FILE --policy FILE
    python verifier.py verify pair A B --policy FILE
    python verifier.py verify log DIR --policy FILE

The policy says whose signatures to believe; get it by letter, poster or the weekly mail, not with the receipt.
`--key VKEY` names a single key instead. Exit code 0: everything holds. 1: something does not, or the signer was not
checked. 2: wrong usage.

Formats: RFC 9162 section 2.1; C2SP signed-note, tlog-checkpoint, tlog-proof, tlog-cosignature, tlog-policy.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import io
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LARGEST_FILE = 1_048_576
LARGEST_LEAF = 65_535
LARGEST_LINE = 262_144
MOST_SIGNATURES = 100
PROOF_HEADER = b"c2sp.org/tlog-proof@v1\n"
NOTE_KEY, WITNESS_KEY = 1, 4
LAST_SECOND = 253_402_300_799  # the end of the year 9999

EVENTS = {
    "dispatch.sent": "a file was sent",
    "nil.declared": "a nil declaration was sent",
    "dispatch.delivered": "a waiting file was delivered",
    "dispatch.opened": "a file was opened",
    "dispatch.acknowledged": "a file was acknowledged",
    "nil.acknowledged": "a nil declaration was acknowledged",
    "dispatch.rejected": "a file was sent back",
    "dispatch.withdrawn": "a file was withdrawn",
    "dispatch.shredded": "a file was shredded",
}

# What each field of a leaf looks like; None is a whole number below 2**63.
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")
HASH = re.compile(r"[0-9a-f]{64}")
TIME = re.compile(r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
FIELDS: dict[str, re.Pattern[str] | None] = {
    **dict.fromkeys(("actor", "org", "on_behalf", "subject", "transfer", "dispatch", "item"), ID),
    **dict.fromkeys(("event", "role", "basis", "request"), WORD),
    **dict.fromkeys(("key", "digest", "commit"), HASH),
    **dict.fromkeys(("v", "idx", "epoch", "erases"), None),
    "at": TIME,
}


class Wrong(Exception):
    """Something does not hold; the text is one sentence for people."""


class TooFew(Wrong):
    """Everything is right, and fewer witnesses have seen it than the policy asks for."""


class Usage(Exception):
    """The command was given something that it cannot use."""


# ---------------------------------------------------------------------------------------------- the tree (RFC 9162)


def leaf_hash(body: bytes) -> bytes:
    """Hash of a leaf's bytes."""
    return hashlib.sha256(b"\0" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of two subtrees."""
    return hashlib.sha256(b"\1" + left + right).digest()


def left_part(size: int) -> int:
    """The largest power of two below `size`: the leaves of the left subtree."""
    part = 1
    while part * 2 < size:
        part *= 2
    return part


def check_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Raise Wrong unless the proof leads from the leaf's hash at `index` to the root of `size` leaves."""
    check_sizes(index, size)
    if index >= size:
        raise Wrong("The receipt is about a leaf that the checkpoint does not cover.")
    turns: list[bool] = []  # from the root down: is the leaf in the left subtree?
    place, leaves = index, size
    while leaves > 1:
        left = left_part(leaves)
        turns.append(place < left)
        place, leaves = (place, left) if place < left else (place - left, leaves - left)
    if len(proof) != len(turns):
        raise Wrong(f"The path in the tree has {len(proof)} hashes where there must be {len(turns)}.")
    digest = leaf
    for sibling, is_left in zip(proof, reversed(turns), strict=True):
        digest = node_hash(digest, sibling) if is_left else node_hash(sibling, digest)
    if digest != root:
        raise Wrong("The leaf is not in the tree that the checkpoint names: it, its place or the path was altered.")


def check_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise Wrong unless the proof shows that the newer tree begins with the older one."""
    check_sizes(old_size, new_size)
    if not 0 < old_size <= new_size:
        raise Wrong("The earlier checkpoint is empty or larger than the later one.")
    if len(proof) != consistency_length(old_size, new_size):
        raise Wrong("The proof between the two checkpoints has not the length that their sizes ask for.")
    rest = list(proof)

    def rebuild(old: int, new: int, is_old_tree: bool) -> tuple[bytes, bytes]:  # noqa: FBT001 - of the RFC
        if old == new:
            digest = old_root if is_old_tree else rest.pop()
            return digest, digest
        left, sibling = left_part(new), rest.pop()
        if old <= left:
            before, after = rebuild(old, left, is_old_tree)
            return before, node_hash(after, sibling)
        before, after = rebuild(old - left, new - left, False)  # noqa: FBT003 - of the RFC
        return node_hash(sibling, before), node_hash(sibling, after)

    if rebuild(old_size, new_size, True) != (old_root, new_root):  # noqa: FBT003 - of the RFC
        raise Wrong("The later checkpoint does not contain the earlier one: the log was rewritten between them.")


def consistency_length(old: int, new: int) -> int:
    """How many hashes a consistency proof between these sizes has."""
    length, is_old_tree = 0, True
    while old != new:
        left = left_part(new)
        length += 1
        if old <= left:
            new = left
        else:
            old, new, is_old_tree = old - left, new - left, False
    return length if is_old_tree else length + 1


def check_sizes(*sizes: int) -> None:
    """Raise Wrong unless every size is an unsigned 64-bit number."""
    if not all(0 <= size < 1 << 64 for size in sizes):
        raise Wrong("A size is not an unsigned 64-bit number.")


# ------------------------------------------------------------------------------------------- notes, keys and policies


def unbase64(text: str, length: int | None = None) -> bytes:
    """Read base64 in its one padded form."""
    try:
        value = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error, AttributeError) as error:
        raise Wrong("Something that should be base64 is not.") from error
    if base64.b64encode(value).decode() != text or (length is not None and len(value) != length):
        raise Wrong("Something in base64 has a wrong length or form.")
    return value


def decimal(text: str) -> int:
    """Read an unsigned 64-bit number without leading zeros."""
    if not (text.isascii() and text.isdigit()) or len(text) > 20 or (text[0] == "0" and text != "0"):
        raise Wrong("A size or index is not a plain decimal number.")
    check_sizes(int(text))
    return int(text)


def only_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a JSON object in which no name stands twice: two readers might each believe another one of the two."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def no_number(text: str) -> None:
    """Refuse what JSON does not know, such as NaN."""
    raise ValueError(f"{text} is no number")


READER = json.JSONDecoder(object_pairs_hook=only_once, parse_constant=no_number)
WRITER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def read_object(data: bytes, what: str) -> dict[str, Any]:
    """Read a JSON object in which no name stands twice; raises Wrong."""
    try:
        value = READER.decode(data.decode())
    except (ValueError, RecursionError) as error:
        raise Wrong(f"{what} cannot be read.") from error
    if not isinstance(value, dict):
        raise Wrong(f"{what} cannot be read.")
    return value


@dataclass(frozen=True)
class Key:
    """A public key with the name it signs under."""

    name: str
    kind: int
    public: bytes

    @property
    def hint(self) -> bytes:
        """The four bytes that name the key in a signature line."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def check(self, signature: bytes, message: bytes) -> None:
        """Raise Wrong unless the signature over the message is this key's."""
        check_ed25519(self.public, signature, message, f"The signature of {self.name} is wrong.")


def check_ed25519(public: bytes, signature: bytes, message: bytes, sentence: str) -> None:
    """Raise Wrong with the sentence unless the Ed25519 signature is right."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise Wrong(sentence) from error


def is_name(name: str) -> bool:
    """Tell whether a key may be called so: no spaces of any kind, no plus sign, nothing unprintable."""
    return bool(name) and "+" not in name and all(c.isprintable() and not c.isspace() for c in name)


def read_key(text: str, kind: int) -> Key:
    """Read a verifier key, `name+hint+base64`."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not is_name(parts[0]):
        raise Usage("A key is written as name, eight hex digits and base64, joined by plus signs.")
    try:
        value = unbase64(parts[2], 33)
    except Wrong as error:
        raise Usage("The key's last part is not the base64 of a key.") from error
    key = Key(parts[0], value[0], value[1:])
    if key.kind != kind or key.hint.hex() != parts[1]:
        raise Usage("The key is of another kind, or its parts do not belong together: it was mistyped.")
    return key


@dataclass
class Policy:
    """Whom to believe: the log's keys, the witnesses by name, and what makes a quorum of them."""

    logs: list[Key] = field(default_factory=list)
    witnesses: dict[str, Key] = field(default_factory=dict)
    groups: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    quorum: str | None = None

    def is_witnessed(self, name: str, by: set[str]) -> bool:
        """Tell whether the witness or group `name` is among those that cosigned."""
        if name in self.groups:
            needed, members = self.groups[name]
            return len([member for member in members if self.is_witnessed(member, by)]) >= needed
        return name in by


def read_policy(data: bytes) -> Policy:
    """Read a policy file (C2SP tlog-policy); it may have been saved by an editor of Windows."""
    data = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    if len(data) > LARGEST_FILE:
        raise Usage("The policy is too long to be one.")
    if any(byte < 0x20 and byte not in b"\t\n" for byte in data) or b"\x7f" in data:
        raise Usage("The policy holds control characters: it is not a policy file, or was damaged on its way.")
    policy, grouped = Policy(), set[str]()
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), start=1):
        words = [word for word in line.replace("\t", " ").split(" ") if word]
        if words and not words[0].startswith("#"):
            read_policy_line(policy, grouped, words, f"Line {number} of the policy cannot be used.")
    if policy.quorum is None or not policy.logs:
        raise Usage("The policy names no log or no quorum: ask for it again.")
    return policy


def read_policy_line(policy: Policy, grouped: set[str], words: list[str], refusal: str) -> None:
    """Take one line of a policy into it."""
    names = {*policy.witnesses, *policy.groups}
    kind, count = words[0], len(words)
    if kind == "log" and count in {2, 3}:
        policy.logs.append(read_key(words[1], NOTE_KEY))
    elif kind == "witness" and count in {3, 4} and words[1] not in {*names, "none"}:
        policy.witnesses[words[1]] = read_key(words[2], WITNESS_KEY)
    elif kind == "group" and count >= 4 and words[1] not in {*names, "none"}:
        members = words[3:]
        amount = {"any": "1", "all": str(len(members))}.get(words[2], words[2])
        is_known = set(members) <= names - grouped and len(set(members)) == len(members)
        is_number = amount.isascii() and amount.isdigit() and len(amount) < 10
        if not is_known or not is_number or not 1 <= int(amount) <= len(members):
            raise Usage(refusal)
        grouped.update(members)
        policy.groups[words[1]] = (int(amount), members)
    elif kind == "quorum" and count == 2 and policy.quorum is None and words[1] in {*names, "none"}:
        policy.quorum = words[1]
    else:
        raise Usage(refusal)
    keys = [*policy.logs, *policy.witnesses.values()]
    if len({key.public for key in keys}) < len(keys):
        # One key has one line, and a log is no witness of itself.
        raise Usage(refusal)


@dataclass(frozen=True)
class Checkpoint:
    """A signed note that holds a checkpoint, taken apart and not yet believed."""

    origin: str
    size: int
    root: bytes
    text: bytes
    signatures: list[tuple[str, bytes, bytes]]


def read_checkpoint(note: bytes) -> Checkpoint:
    """Take a checkpoint's note apart; raises Wrong at any departure from the format."""
    try:
        whole = note.decode()
    except UnicodeDecodeError as error:
        raise Wrong("The checkpoint is not UTF-8 text.") from error
    cut = whole.rfind("\n\n")
    if len(note) > 65_536 or cut < 0 or not whole.endswith("\n") or any(c < " " and c != "\n" for c in whole):
        raise Wrong("The checkpoint is not a signed note, or something stands after it.")
    text, lines = whole[: cut + 1], whole[:cut].split("\n")
    if len(lines) < 3 or "" in lines:
        raise Wrong("The checkpoint does not have its three lines.")
    signatures = [read_signature(line) for line in whole[cut + 2 : -1].split("\n")]
    if len(signatures) > MOST_SIGNATURES:
        raise Wrong("The checkpoint has more than 100 signatures.")
    return Checkpoint(lines[0], decimal(lines[1]), unbase64(lines[2], 32), text.encode(), signatures)


def read_signature(line: str) -> tuple[str, bytes, bytes]:
    """Take a signature line apart into name, hint and signature."""
    words = line.split(" ")
    if len(words) != 3 or words[0] != "—" or not is_name(words[1]):
        raise Wrong("Something that is no signature stands after the checkpoint.")
    value = unbase64(words[2])
    if len(value) < 5:
        raise Wrong("A signature under the checkpoint is cut short.")
    return words[1], value[:4], value[4:]


def check_signed(checkpoint: Checkpoint, policy: Policy) -> list[str]:
    """Raise Wrong unless the policy holds for the checkpoint; returns the names of those who signed."""
    signers: list[str] = []
    witnessed: set[str] = set()
    for name, hint, signature in checkpoint.signatures:
        for key in policy.logs:
            if (key.name, key.hint) == (name, hint):
                key.check(signature, checkpoint.text)
                if key.name == checkpoint.origin:
                    signers.append(name)
        for witness, key in policy.witnesses.items():
            if (key.name, key.hint) == (name, hint):
                check_cosignature(key, signature, checkpoint)
                witnessed.add(witness)
    if not signers:
        raise Wrong("The checkpoint is not signed by a log that the policy names.")
    if policy.quorum != "none" and not policy.is_witnessed(str(policy.quorum), witnessed):
        raise TooFew("Too few of the policy's witnesses have cosigned the checkpoint.")
    return list(dict.fromkeys(signers)) + sorted(witnessed)


def check_cosignature(key: Key, signature: bytes, checkpoint: Checkpoint) -> None:
    """Raise Wrong unless the witness saw the checkpoint, at a time that is in a calendar."""
    moment = int.from_bytes(signature[:8], "big")
    key.check(signature[8:], f"cosignature/v1\ntime {moment}\n".encode() + checkpoint.text)
    if moment > LAST_SECOND:
        raise Wrong(f"The time in the signature of {key.name} is in no calendar.")


# ------------------------------------------------------------------------------------------------------------ reports


@dataclass
class Report:
    """What was found: lines that hold, notes, what the receipt says, and the one line that failed."""

    subject: str
    right: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    says: list[str] = field(default_factory=list)
    failed: str | None = None
    signer_checked: bool = False

    @property
    def holds(self) -> bool:
        """Tell whether everything holds, the signer included."""
        return self.failed is None and self.signer_checked

    def verdict(self) -> str:
        """The last line for people."""
        if self.failed:
            return f"DOES NOT HOLD: {self.failed}"
        if not self.signer_checked:
            return "WELL-FORMED, SIGNER NOT CHECKED: give the policy (--policy FILE) that reached you by another way."
        return "EVERYTHING HOLDS."

    def lines(self) -> Iterator[str]:
        """The report for people, without control characters from the file."""
        yield printable(self.subject)
        for mark, texts in (("  holds  ", self.right), ("  note   ", self.notes), ("  says   ", self.says)):
            yield from (mark + printable(text) for text in texts)
        yield printable(self.verdict())

    def as_json(self) -> str:
        """The report for programs."""
        return json.dumps(
            {
                "subject": self.subject,
                "holds": self.holds,
                "signer_checked": self.signer_checked,
                "failed": self.failed,
                "right": self.right,
                "notes": self.notes,
                "says": self.says,
            },
            ensure_ascii=True,
            indent=1,
        )


def leaves(count: int) -> str:
    """So many leaves, as the beginning of a sentence."""
    return "1 leaf is" if count == 1 else f"{count} leaves are"


def printable(text: str) -> str:
    """Take out what could move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def gather(report: Report, check: Callable[[], object]) -> Report:
    """Run the check and put what fails into the report."""
    try:
        check()
    except Wrong as error:
        report.failed = str(error)
    return report


def judge_signer(report: Report, checkpoint: Checkpoint, policy: Policy | None) -> None:
    """Check the signatures where there is a policy."""
    if policy is not None:
        names = ", ".join(check_signed(checkpoint, policy))
        report.right.append(f"The checkpoint of {checkpoint.size} leaves is signed by {names}.")
        report.signer_checked = True


# ----------------------------------------------------------------------------------------------------------- receipts


@dataclass(frozen=True)
class Receipt:
    """A `.tlog-proof`, taken apart and not yet believed."""

    index: int
    path: list[bytes]
    checkpoint: Checkpoint
    extra: dict[str, Any]


def read_receipt(data: bytes) -> Receipt:
    """Take a receipt apart; raises Wrong at any departure from the format."""
    if len(data) > LARGEST_FILE or not data.startswith(PROOF_HEADER):
        raise Wrong("The file is not a receipt (a transparency log proof), or is too long to be one.")
    head, gap, note = data.removeprefix(PROOF_HEADER).partition(b"\n\n")
    lines = head.decode("ascii", "replace").split("\n")
    if not gap or not lines[0].startswith("extra "):
        raise Wrong("The receipt is cut short or does not hold the leaf it is about.")
    extra = read_object(unbase64(lines[0].removeprefix("extra ")), "The receipt's extra data")
    if type(extra.get("v")) is not int or extra["v"] != 1:
        raise Wrong("The receipt is of a version that this verifier does not know: get a newer verifier.")
    if len(lines) < 2 or not lines[1].startswith("index "):
        raise Wrong("The receipt does not say which leaf it is about.")
    if len(lines) > 66:
        raise Wrong("The path in the tree is longer than any tree is deep.")
    path = [unbase64(line, 32) for line in lines[2:]]
    return Receipt(decimal(lines[1].removeprefix("index ")), path, read_checkpoint(note), extra)


def verify_receipt(data: bytes, policy: Policy | None, subject: str = "receipt") -> Report:
    """Check one receipt; without a policy everything but the signer."""
    report = Report(subject)
    return gather(report, lambda: check_receipt(report, read_receipt(data), policy))


def check_receipt(report: Report, receipt: Receipt, policy: Policy | None) -> None:
    """Check a receipt from the leaf's bytes up, and collect what it says."""
    body = unbase64(receipt.extra.get("leaf", ""))
    checkpoint = receipt.checkpoint
    check_inclusion(receipt.index, checkpoint.size, leaf_hash(body), receipt.path, checkpoint.root)
    report.right.append(f"Leaf {receipt.index} is in the log {checkpoint.origin} of {checkpoint.size} leaves.")
    leaf = read_leaf(body, receipt.index)
    judge_signer(report, checkpoint, policy)
    check_previous(report, receipt, policy)
    detail = check_detail(report, receipt.extra, leaf)
    check_acknowledgement(report, receipt.extra.get("acknowledgement"), leaf)
    event = str(leaf["event"])
    report.says.append(f"{leaf['at']}: {EVENTS.get(event, event)}.")
    report.says += detail or [f"The {name} is {leaf[name]}." for name in ("transfer", "dispatch") if name in leaf]


def read_leaf(body: bytes, index: int) -> dict[str, Any]:
    """Read the leaf's bytes, which were hashed as they are: JSON in its one form, with known fields alone."""
    leaf = read_object(body, "The leaf")
    if type(leaf.get("v")) is not int or leaf["v"] != 1:
        raise Wrong("The leaf is of a version that this verifier does not know: get a newer verifier.")
    is_whole = {"event", "at", "idx"} <= leaf.keys() <= FIELDS.keys() and all(map(is_field, leaf, leaf.values()))
    if not is_whole or not is_moment(leaf["at"]) or len(body) > LARGEST_LEAF:
        raise Wrong("The leaf is not made as the leaves of this log are.")
    if WRITER.encode(leaf).encode() != body:
        raise Wrong("The leaf is not written in the log's one form.")
    if leaf["idx"] != index:
        raise Wrong(f"The leaf says that it has another place in the log than {index}.")
    return leaf


def is_field(name: str, value: object) -> bool:
    """Tell whether the value of a leaf's field is of its shape."""
    shape = FIELDS[name]
    if shape is None:
        return type(value) is int and 0 <= value < 1 << 63
    return isinstance(value, str) and shape.fullmatch(value) is not None


def is_moment(text: str) -> bool:
    """Tell whether what looks like a time is in the calendar."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def check_previous(report: Report, receipt: Receipt, policy: Policy | None) -> Checkpoint | None:
    """Check that the receipt's tree begins with the earlier checkpoint that it holds."""
    value = receipt.extra.get("previous")
    if value is None:
        report.notes.append(
            "The receipt holds no earlier checkpoint, so that it does not show by itself that the log only grew. That "
            "is right for one on the log's first checkpoint."
        )
        return None
    if not isinstance(value, dict) or not isinstance(value.get("proof"), list):
        raise Wrong("The earlier checkpoint in the receipt cannot be read.")
    earlier, checkpoint = read_checkpoint(unbase64(value.get("checkpoint", ""))), receipt.checkpoint
    if earlier.origin != checkpoint.origin:
        raise Wrong("The earlier checkpoint in the receipt is of another log.")
    proof = [unbase64(digest, 32) for digest in value["proof"]]
    check_consistency(earlier.size, earlier.root, checkpoint.size, checkpoint.root, proof)
    if policy is not None:
        # Witnesses come to a checkpoint later; the earlier one need only be the log's.
        check_signed(earlier, Policy(policy.logs, quorum="none"))
    report.right.append(f"The log only grew since the earlier checkpoint of {earlier.size} leaves.")
    return earlier


def check_detail(report: Report, extra: dict[str, Any], leaf: dict[str, Any]) -> list[str]:
    """Check what is said beside the leaf against the leaf's commitment; returns its sentences."""
    if "detail" not in extra:
        if "commit" in leaf:
            report.notes.append("What was said beside the leaf is not in this receipt: it was erased or left out.")
        return []
    salt, detail = unbase64(extra.get("salt", ""), 32), unbase64(extra["detail"])
    if hashlib.sha256(b"ptx/detail/1" + salt + detail).hexdigest() != leaf.get("commit"):
        raise Wrong("What is said beside the leaf is not what the leaf commits to: the sentences were altered.")
    try:
        sentences = read_object(detail, "What is said").get("sentences")
    except Wrong:
        sentences = None
    if not isinstance(sentences, list) or not all(isinstance(sentence, str) for sentence in sentences):
        report.notes.append("What is said beside the leaf is what it commits to, and is not in sentences.")
        return []
    report.right.append("The sentences below are those that the leaf commits to.")
    return sentences


def check_acknowledgement(report: Report, value: Any, leaf: dict[str, Any]) -> None:
    """Check the receiving school's signature under its acknowledgement."""
    if value is None:
        if leaf["event"] in {"dispatch.acknowledged", "nil.acknowledged"}:
            report.notes.append("The signature of the receiving school is not in this receipt.")
        return
    if not isinstance(value, dict) or type(value.get("suite")) is not int or not 0 <= value["suite"] < 1 << 16:
        raise Wrong("The acknowledgement in the receipt cannot be read.")
    signed, signature = unbase64(value.get("signed", "")), unbase64(value.get("signature", ""), 64)
    kem, public = unbase64(value.get("kem_public", "")), unbase64(value.get("signing_public", ""), 32)
    if len(kem) >= 1 << 16:
        raise Wrong("The receiving school's key in the receipt is too long to be one.")
    if hashlib.sha256(signed).hexdigest() != leaf.get("digest"):
        raise Wrong("The acknowledgement is not the one that the leaf names.")
    parts = b"".join(len(half).to_bytes(2, "big") + half for half in (kem, public))
    if hashlib.sha256(b"ptx/key/1" + value["suite"].to_bytes(2, "big") + parts).hexdigest() != leaf.get("key"):
        raise Wrong("The acknowledgement is signed with another key than the one that the leaf names.")
    check_ed25519(public, signature, signed, "The signature of the receiving school is wrong.")
    report.right.append("The receiving school's key signed the acknowledgement that the leaf names.")


# ------------------------------------------------------------------------------------------------------------- a pair


def verify_pair(first: bytes, second: bytes, policy: Policy | None) -> Report:
    """Check two receipts or checkpoints, and that the later one's log contains the earlier one's."""
    report = Report("pair")

    def check() -> None:
        halves = [check_half(report, data, policy) for data in (first, second)]
        compare_halves(report, *sorted(halves, key=lambda half: half[0].size))

    return gather(report, check)


Half = tuple[Checkpoint, Checkpoint | None, tuple[int, str] | None]


def check_half(report: Report, data: bytes, policy: Policy | None) -> Half:
    """Check one of a pair: its checkpoint, the earlier one it holds, and its leaf."""
    if not data.startswith(PROOF_HEADER):
        checkpoint = read_checkpoint(data)
        judge_signer(report, checkpoint, policy)
        return checkpoint, None, None
    receipt, own = read_receipt(data), Report("one")
    try:
        check_receipt(own, receipt, policy)
    finally:
        report.right += own.right
        report.notes += own.notes
    report.signer_checked = own.signer_checked
    earlier = check_previous(Report("again"), receipt, policy)
    return receipt.checkpoint, earlier, (receipt.index, str(receipt.extra["leaf"]))


def compare_halves(report: Report, earlier: Half, later: Half) -> None:
    """Raise Wrong where the two contradict each other, or where nothing in them ties them together."""
    (old, old_base, old_leaf), (new, new_base, new_leaf) = earlier, later
    if old.origin != new.origin:
        raise Wrong("The two are of different logs.")
    roots: dict[int, bytes] = {}
    for checkpoint in (old, old_base, new, new_base):
        if checkpoint and roots.setdefault(checkpoint.size, checkpoint.root) != checkpoint.root:
            raise Wrong(f"The two show different histories of the same {checkpoint.size} leaves: keep both as proof.")
    if old_leaf and new_leaf and old_leaf[0] == new_leaf[0] and old_leaf[1] != new_leaf[1]:
        raise Wrong("The two show different leaves at the same place: keep both as proof.")
    if old.size != new.size and (new_base is None or new_base.size != old.size):
        raise Wrong(
            f"Nothing in the two shows that the log of {new.size} leaves begins with that of {old.size}: "
            f"ask for the later receipt again with a proof since {old.size}."
        )
    report.right.append("Both are of one history of the log.")


# -------------------------------------------------------------------------------------------------------- a whole log


class Tree:
    """Adds leaves one by one and knows the root, in memory of a few hashes."""

    def __init__(self) -> None:
        self.size = 0
        self.parts: list[tuple[int, bytes]] = []  # (leaves, root), largest first

    def add(self, digest: bytes) -> None:
        """Add a leaf's hash."""
        part = (1, digest)
        while self.parts and self.parts[-1][0] == part[0]:
            count, left = self.parts.pop()
            part = (2 * count, node_hash(left, part[1]))
        self.parts.append(part)
        self.size += 1

    def root(self) -> bytes:
        """The root of the leaves so far."""
        if not self.parts:
            return hashlib.sha256(b"").digest()
        digest = self.parts[-1][1]
        for _, left in reversed(self.parts[:-1]):
            digest = node_hash(left, digest)
        return digest


def verify_log(folder: Path, policy: Policy | None, progress: Callable[[int, int], object] | None = None) -> Report:
    """Check an exported log: every leaf, every checkpoint, every detail that the export holds.

    `progress` is told after each file of leaves how many were checked, and how many the checkpoint names.
    """
    report = Report(f"log in {folder.name}")
    return gather(report, lambda: check_log(report, folder, policy, progress or (lambda _done, _all: None)))


def check_log(report: Report, folder: Path, policy: Policy | None, progress: Callable[[int, int], object]) -> None:
    """Walk along the leaves and compare each checkpoint on the way."""
    newest = read_checkpoint(read_file(folder / "checkpoint"))
    tree, entries = Tree(), Entries(read_details(folder / "details"))
    counted = Counted(folder / "cosignatures.jsonl", policy, newest.origin)
    checkpoints = read_checkpoints(folder / "checkpoints.jsonl")
    due = next(checkpoints, None)
    last, count = due, 0
    for path in sorted((folder / "entries").glob("*.jsonl")):
        for body in read_bodies(path):
            leaf = entries.check(body, tree.size)
            if leaf["event"] == "restored":
                counted.restored = tree.size
            tree.add(leaf_hash(body))
            if due is not None and due.size == tree.size:
                check_root(due, tree, newest.origin, policy)
                counted.check(due)
                last, due, count = due, next(checkpoints, None), count + 1
        progress(tree.size, newest.size)
    if due is not None or newest.size != tree.size:
        raise Wrong(
            f"A checkpoint speaks of other leaves than the {tree.size} here: leaves are missing from the export."
        )
    check_root(newest, tree, newest.origin, None)
    if last is None or last.text != newest.text:
        raise Wrong("The newest checkpoint is not the last of the export's checkpoints: one is missing.")
    report.right.append(f"All {tree.size} leaves and {count} checkpoints of {newest.origin} fit together.")
    unsigned = 0
    for body in read_bodies(folder / "unsigned.jsonl"):
        if entries.check(body, tree.size + unsigned)["event"] == "restored":
            counted.restored = tree.size + unsigned
        unsigned += 1
    judge_log(report, newest, policy, counted.finish())
    if unsigned:
        report.notes.append(f"{leaves(unsigned)} newer than the newest checkpoint and under no signature yet.")
    entries.finish(report, has_details=(folder / "details").is_dir())


def check_root(checkpoint: Checkpoint, tree: Tree, origin: str, policy: Policy | None) -> None:
    """Raise Wrong unless the checkpoint is of the leaves so far."""
    if checkpoint.origin != origin or checkpoint.root != tree.root():
        raise Wrong(f"The first {tree.size} leaves are not those that were signed: one was altered, or added, or lost.")
    if policy is not None:
        check_signed(checkpoint, Policy(policy.logs, quorum="none"))


class Marks:
    """A set of leaves, by one bit each: millions of erased details must not need gigabytes."""

    def __init__(self) -> None:
        self.bits = bytearray()
        self.count = 0

    def add(self, index: int) -> None:
        """Mark a leaf."""
        if index // 8 >= len(self.bits):
            self.bits.extend(bytes(index // 8 - len(self.bits) + 1))
        self.count += index not in self
        self.bits[index // 8] |= 1 << index % 8

    def __contains__(self, index: int) -> bool:
        """Tell whether a leaf is marked."""
        return index // 8 < len(self.bits) and bool(self.bits[index // 8] >> index % 8 & 1)

    def first_not_in(self, other: Marks) -> int | None:
        """The first leaf that is marked here and not there."""
        for place, bits in enumerate(self.bits):
            left = bits & ~(other.bits[place] if place < len(other.bits) else 0)
            if left:
                return 8 * place + (left & -left).bit_length() - 1
        return None


class Entries:
    """What is remembered while walking along the leaves of an export and the details beside them."""

    def __init__(self, details: Iterator[tuple[int, str]]) -> None:
        self.details = details
        self.next = next(details, None)
        self.last_at = ""
        self.absent = Marks()
        self.erased = Marks()

    def check(self, body: bytes, index: int) -> dict[str, Any]:
        """Check one leaf and what stands beside it, and return the leaf; raises Wrong."""
        leaf = read_leaf(body, index)
        if leaf["at"] < self.last_at:
            raise Wrong(f"Leaf {index} is older than the leaf before it.")
        self.last_at = leaf["at"]
        found = None
        if self.next is not None and self.next[0] == index:
            found, self.next = self.next[1], next(self.details, None)
        if "commit" not in leaf:
            if found is not None:
                raise Wrong(f"Something stands beside leaf {index}, which commits to nothing.")
        elif found is None:
            self.absent.add(index)
        elif found != leaf["commit"]:
            raise Wrong(f"What stands beside leaf {index} is not what the leaf commits to.")
        if "erases" in leaf:
            if leaf["erases"] >= index or leaf["erases"] not in self.absent:
                raise Wrong(
                    f"Leaf {index} says that what stood beside leaf {leaf['erases']} was erased, and that is not so."
                )
            self.erased.add(leaf["erases"])
        return leaf

    def finish(self, report: Report, *, has_details: bool) -> None:
        """Tell what was erased from what is missing; raises Wrong."""
        if self.next is not None:
            raise Wrong(f"Something stands beside leaf {self.next[0]}, which is not in the export.")
        if not has_details:
            report.notes.append(f"What stands beside {self.absent.count} of the leaves is not in this export.")
            return
        lost = self.absent.first_not_in(self.erased)
        if lost is not None:
            raise Wrong(f"What stood beside leaf {lost} is missing, and no leaf says that it was erased.")
        report.right.append(
            f"What stands beside the leaves is what they commit to; {self.absent.count} were erased by a leaf."
        )


NUMBERED, KEPT = b"ptx/checkpoint/1", b"ptx/cosignature/1"
NUMBERED_LENGTH = 3 * 8 + 32


@dataclass(frozen=True)
class Cosignature:
    """One kept signature of a witness; `number` counts them in the order in which they came."""

    number: int
    size: int
    witness: str
    hint: bytes
    signature: bytes
    micros: int

    def chained(self, chain: bytes) -> bytes:
        """The hash over all that were kept, this one included."""
        name = self.witness.encode("utf-8", "surrogatepass")
        numbers = [value.to_bytes(8, "big") for value in (self.number, self.size, len(name), self.micros)]
        parts = (KEPT, chain, *numbers[:3], name, self.hint, numbers[3], self.signature)
        return hashlib.sha256(b"".join(parts)).digest()


class Counted:
    """Compares what the signer counted under each checkpoint with the checkpoints and cosignatures that are there.

    The signer's own line under a checkpoint holds its number, its time, and how many signatures of witnesses were kept
    until then with a hash over all of them: what was taken away shows. It can be checked only with a policy.
    """

    def __init__(self, path: Path, policy: Policy | None, origin: str) -> None:
        self.path, self.policy = path, policy or Policy()
        self.keys = {own_hint(key): key for key in self.policy.logs if key.name == origin}
        self.rows = read_cosignatures(path)
        self.row = next(self.rows, None)
        self.cosigned = {row.size: None for row in read_cosignatures(path)}
        self.seen: dict[int, Checkpoint] = {}
        self.count = self.number = self.kept = self.size = 0
        self.chain = bytes(32)
        self.restored = -1
        self.doubt = ""

    def check(self, checkpoint: Checkpoint) -> None:
        """Check the line under the next checkpoint; raises Wrong."""
        # What came after a backup is lost where that was put back, and the leaf `restored` says so.
        before, self.size, self.count = self.size, checkpoint.size, self.count + 1
        was_restored = self.restored >= before
        if self.doubt and not was_restored:
            raise Wrong(self.doubt)
        self.doubt = ""
        if checkpoint.size in self.cosigned:
            self.seen[checkpoint.size] = checkpoint
        said = self.read(checkpoint) if self.keys else None
        if said is None:
            if self.number:
                raise Wrong(f"The checkpoint of {checkpoint.size} leaves has lost the line with its number.")
            return
        if said[0] != (self.number + 1 if self.number else self.count) and not was_restored:
            raise Wrong(
                f"Of the checkpoints before that of {checkpoint.size} leaves one is missing, or was put in later."
            )
        while self.row is not None and self.row.number <= said[1]:
            self.kept, self.chain = self.kept + 1, self.row.chained(self.chain)
            self.row = next(self.rows, None)
        if (self.kept, self.chain) != said[1:] and not was_restored:
            self.doubt = (
                f"Of the witnesses' signatures kept before the checkpoint of {checkpoint.size} leaves one is missing, "
                "altered or put in later."
            )
        self.number, self.kept, self.chain = said

    def read(self, checkpoint: Checkpoint) -> tuple[int, int, bytes] | None:
        """The number, and how many cosignatures were kept with their hash; None without such a line."""
        if len(checkpoint.signatures) == 1:
            return None
        _, hint, value = checkpoint.signatures[1]
        said, signature = value[:NUMBERED_LENGTH], value[NUMBERED_LENGTH:]
        key = self.keys.get(hint)
        if key is None or len(checkpoint.signatures) != 2:
            raise Wrong(f"Under the checkpoint of {checkpoint.size} leaves stands a line that is not the signer's.")
        message = NUMBERED + b"\n" + said + checkpoint.text
        check_ed25519(key.public, signature, message, f"The number of the checkpoint {checkpoint.size} was altered.")
        return int.from_bytes(said[:8], "big"), int.from_bytes(said[16:24], "big"), said[24:]

    def finish(self) -> dict[int, set[str]]:
        """Check every cosignature; returns which of the policy's witnesses saw which size. Raises Wrong."""
        if self.doubt and self.restored < self.size:
            raise Wrong(self.doubt)
        if not self.keys:
            return {}
        last, witnessed = self.kept, dict[int, set[str]]()
        for row in read_cosignatures(self.path):
            if row.number > self.kept:
                if row.number != last + 1:
                    raise Wrong("Of the newest witnesses' signatures one is missing.")
                last = row.number
            if row.size not in self.seen:
                raise Wrong(f"A witness's signature is for {row.size} leaves, of which there is no checkpoint.")
            for name, key in self.policy.witnesses.items():
                if (key.name, key.hint) == (row.witness, row.hint):
                    check_cosignature(key, row.signature, self.seen[row.size])
                    witnessed.setdefault(row.size, set()).add(name)
        return witnessed


def own_hint(key: Key) -> bytes:
    """The four bytes that name the log's key in the line with the number."""
    return hashlib.sha256(key.name.encode() + b"\n\xff" + NUMBERED + key.public).digest()[:4]


def judge_log(report: Report, newest: Checkpoint, policy: Policy | None, witnessed: dict[int, set[str]]) -> None:
    """Check the signatures under the newest checkpoint, or say up to where enough witnesses have seen the log."""
    if policy is None or policy.quorum == "none":
        judge_signer(report, newest, policy)
        return
    try:
        judge_signer(report, newest, policy)
    except TooFew:
        enough = [size for size, names in witnessed.items() if policy.is_witnessed(str(policy.quorum), names)]
        if not enough:
            raise
        signers = ", ".join(check_signed(newest, Policy(policy.logs, quorum="none")))
        size = max(enough)
        names = ", ".join(sorted(witnessed[size]))
        report.right.append(f"The checkpoint of {newest.size} leaves is signed by {signers}.")
        report.right.append(f"The first {size} leaves were seen by {names}.")
        report.notes.append(f"{leaves(newest.size - size)} newer than what enough witnesses have seen.")
        report.signer_checked = True


def read_bodies(path: Path) -> Iterator[bytes]:
    """Read the leaf bytes of one file of entries; none where the file is absent."""
    if not path.exists():
        return
    with path.open("rb") as file:
        while line := file.readline(LARGEST_LEAF + 2):
            if not line.endswith(b"\n"):
                raise Wrong(f"The file {path.name} is cut short, or a leaf in it is too long.")
            yield line[:-1]


def read_details(folder: Path) -> Iterator[tuple[int, str]]:
    """Read the commitment of each detail of an export, in the order of the leaves."""
    last = -1
    for path in sorted(folder.glob("*.jsonl")):
        for value in read_lines(path):
            salt, detail = unbase64(value.get("salt", ""), 32), unbase64(value.get("detail", ""))
            index = whole(value.get("idx"), path)
            if index <= last:
                raise Wrong(f"The details in {path.name} are not in the order of the leaves, or one is there twice.")
            last = index
            yield index, hashlib.sha256(b"ptx/detail/1" + salt + detail).hexdigest()


def read_checkpoints(path: Path) -> Iterator[Checkpoint]:
    """Read every checkpoint of an export, by size."""
    last = 0
    for value in read_lines(path):
        checkpoint = read_checkpoint(unbase64(value.get("note", "")))
        if checkpoint.size <= last or value.get("size") != checkpoint.size:
            raise Wrong("The checkpoints of the export are not in order.")
        last = checkpoint.size
        yield checkpoint


def read_cosignatures(path: Path) -> Iterator[Cosignature]:
    """Read every kept cosignature of an export, in the order in which they came; none where the file is absent."""
    last = 0
    for value in read_lines(path) if path.exists() else ():
        number, size = whole(value.get("number"), path), whole(value.get("size"), path)
        witness, came = value.get("witness"), value.get("received_at")
        if number <= last or not isinstance(witness, str) or not isinstance(came, str):
            raise Wrong(f"A line of {path.name} is not what it should be.")
        last = number
        hint, signature = unbase64(value.get("key_id", ""), 4), unbase64(value.get("signature", ""))
        yield Cosignature(number, size, witness, hint, signature, micros_of(came, path))


def micros_of(text: str, path: Path) -> int:
    """Microseconds since 1970 of a time with its zone."""
    try:
        moment = datetime.fromisoformat(text)
        micros = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    except (ValueError, TypeError, OverflowError) as error:
        raise Wrong(f"A line of {path.name} names no time.") from error
    if moment.isoformat() != text:
        raise Wrong(f"A line of {path.name} names a time in another form.")
    return whole(micros, path)


def whole(value: object, path: Path) -> int:
    """A whole number from 0 that a log can hold."""
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise Wrong(f"A line of {path.name} does not hold the number that it should.")
    return value


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read a file of JSON objects, one a line."""
    with path.open("rb") as file:
        while line := file.readline(LARGEST_LINE):
            if not line.endswith(b"\n"):
                raise Wrong(f"The file {path.name} is cut short, or a line in it is too long.")
            yield read_object(line, f"A line of {path.name}")


# ---------------------------------------------------------------------------------------------------- the command line


def read_file(path: Path) -> bytes:
    """Read a file of at most a receipt's length, or say that it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise Usage(f"The file {path.name} cannot be read: {error.strerror}.") from error


def read_trust(arguments: argparse.Namespace) -> Policy | None:
    """Return whom to believe, or None where nothing was given."""
    if arguments.key:
        return Policy([read_key(arguments.key, NOTE_KEY)], quorum="none")
    return read_policy(read_file(arguments.policy)) if arguments.policy else None


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="verifier.py", description="Checks receipts and logs offline.")
    verify = parser.add_subparsers(dest="command", required=True).add_parser("verify", help="check something")
    kinds = verify.add_subparsers(dest="kind", required=True)
    for kind, names, text in (
        ("receipt", ("file",), "one receipt (.tlog-proof)"),
        ("pair", ("first", "second"), "two receipts or checkpoints: are they of one history?"),
        ("log", ("directory",), "an exported log"),
    ):
        command = kinds.add_parser(kind, help=text)
        for name in names:
            command.add_argument(name, type=Path)
        trust = command.add_mutually_exclusive_group()
        trust.add_argument("--policy", type=Path, help="the policy file: whose signatures to believe")
        trust.add_argument("--key", help="a single verifier key instead of a policy")
        command.add_argument("--json", action="store_true", help="print the report for programs")
    return parser


def run(arguments: argparse.Namespace) -> Report:
    """Do what the command line asks."""
    policy = read_trust(arguments)
    if arguments.kind == "receipt":
        return verify_receipt(read_file(arguments.file), policy, arguments.file.name)
    if arguments.kind == "pair":
        return verify_pair(read_file(arguments.first), read_file(arguments.second), policy)
    if not (arguments.directory / "entries").is_dir() or not (arguments.directory / "checkpoints.jsonl").is_file():
        raise Usage(f"{arguments.directory.name} is not an exported log, or one without a checkpoint.")
    return verify_log(arguments.directory, policy, show_progress if sys.stderr.isatty() else None)


def show_progress(done: int, of: int) -> None:
    """Draw how far a long check has come, on one line of the terminal that the next one replaces."""
    bar = "#" * (30 * done // max(of, done, 1))
    print(f"\r[{bar:30}] {done:,} of {of:,} leaves", end="\n" if done >= of else "", file=sys.stderr, flush=True)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = build_parser().parse_args(words)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a letter shows its number; the answer must not fail for it.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        report = run(arguments)
    except (Usage, OSError) as error:
        print(printable(str(error)), file=sys.stderr)
        return 2
    if arguments.json:
        print(report.as_json())
    else:
        for line in report.lines():
            print(line)
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())
