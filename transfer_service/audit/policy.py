"""The policy: which log keys and witnesses a school trusts. It reaches the school outside the receipts it judges.

The format is that of C2SP (https://c2sp.org/tlog-policy): `log <vkey>`, `witness <name> <vkey>`,
`group <name> <all|any|k> <name>…`, and one `quorum <name|none>`. The key's name is the log's origin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from transfer_service.audit.errors import NoteMalformed
from transfer_service.crypto.errors import CryptoError
from transfer_service.crypto.signing import ED25519_COSIGNATURE, ED25519_NOTE, VerifierKey

NO_QUORUM = "none"


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed policy; `groups` maps a group's name to how many of which members it needs.

    `addresses` holds those witnesses that can be asked for a cosignature (C2SP tlog-witness), by name.
    """

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, VerifierKey] = field(default_factory=dict)
    groups: Mapping[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    quorum: str = NO_QUORUM
    addresses: Mapping[str, str] = field(default_factory=dict)

    def is_met_by(self, cosigned: Iterable[str]) -> bool:
        """Tell whether the witnesses of these names make up the quorum."""
        names = set(cosigned)

        def holds(name: str) -> bool:
            if name in self.groups:
                needed, members = self.groups[name]
                return sum(holds(member) for member in members) >= needed
            return name in names

        return self.quorum == NO_QUORUM or holds(self.quorum)


def write_policy(
    keys: Sequence[VerifierKey], *, witnesses: Mapping[str, VerifierKey] | None = None, needed: int = 0
) -> str:
    """Write the policy of a log; `needed` of the witnesses must have cosigned a checkpoint.

    Several keys stand there after a rotation: receipts of either are good. Raises NoteMalformed where it would not
    be one that can be read back.
    """
    known = dict(witnesses or {})
    lines = [
        "# Policy of the log of the pupil transfer service: whose signatures on receipts are believed.",
        "# Keep it apart from the receipts. Format: https://c2sp.org/tlog-policy",
        *(f"log {key.text}" for key in keys),
        *(f"witness {name} {key.text}" for name, key in known.items()),
    ]
    if needed:
        lines.append(f"group witnesses {needed} {' '.join(known)}")
    lines.append(f"quorum {'witnesses' if needed else NO_QUORUM}")
    text = "\n".join(lines) + "\n"
    parse_policy(text)
    return text


def add_log_key(text: str, key: VerifierKey) -> str:
    """Add a key of the log to a policy, behind those that it names; receipts under either are good then.

    Raises NoteMalformed where the policy is none, or names the key already.
    """
    known = parse_policy(text).logs[-1].text
    lines = text.split("\n")
    place = next(number for number, line in enumerate(lines) if known in line.split())
    changed = "\n".join([*lines[: place + 1], f"log {key.text}", *lines[place + 1 :]])
    parse_policy(changed)
    return changed


def parse_policy(text: str) -> Policy:
    """Read a policy; raises NoteMalformed with the line's number where it is not one.

    It may have been saved by an editor of Windows, with a mark at its beginning and its own ends of lines: people copy
    the policy out of a mail.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if any((letter < " " and letter not in "\t\n") or letter == "\x7f" for letter in text):
        raise NoteMalformed("The policy holds control characters: it was damaged on its way.")
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            reader.read(words)
        except (ValueError, IndexError, CryptoError) as error:
            raise NoteMalformed(f"Line {number} of the policy cannot be used: {error}") from error
    if reader.quorum is None or not reader.logs:
        raise NoteMalformed("A policy needs a log and exactly one quorum. Ask the authority for the policy again.")
    return Policy(tuple(reader.logs), reader.witnesses, reader.groups, reader.quorum, reader.addresses)


class _Reader:
    """Collects the lines of a policy."""

    def __init__(self) -> None:
        self.logs: list[VerifierKey] = []
        self.witnesses: dict[str, VerifierKey] = {}
        self.addresses: dict[str, str] = {}
        self.groups: dict[str, tuple[int, tuple[str, ...]]] = {}
        self.quorum: str | None = None
        self._free: set[str] = set()

    def read(self, words: Sequence[str]) -> None:
        """Take one line; raises ValueError, IndexError or CryptoError where it is wrong."""
        kind = words[0]
        if kind == "log" and len(words) in {2, 3}:
            self.logs.append(self._key(words[1], ED25519_NOTE))
        elif kind == "witness" and len(words) in {3, 4}:
            key = self._key(words[2], ED25519_COSIGNATURE)
            self.witnesses[self._new_name(words[1])] = key
            if len(words) == 4:
                self.addresses[words[1]] = words[3].rstrip("/")
        elif kind == "group" and len(words) >= 4:
            self._read_group(words)
        elif kind == "quorum" and len(words) == 2:
            if self.quorum is not None or words[1] not in {NO_QUORUM, *self.witnesses, *self.groups}:
                raise ValueError("the quorum is one name that stands above it, once.")
            self.quorum = words[1]
        else:
            raise ValueError("it is no log, witness, group or quorum line.")

    def _read_group(self, words: Sequence[str]) -> None:
        members = tuple(words[3:])
        needed = {"all": len(members), "any": 1}.get(words[2])
        if needed is None:
            if not (words[2].isascii() and words[2].isdigit() and len(words[2]) < 10):
                raise ValueError("a group needs all, any or a number.")
            needed = int(words[2])
        if not 1 <= needed <= len(members) or len(set(members)) < len(members) or not set(members) <= self._free:
            raise ValueError("a group's members stand above it, in no other group, and are enough.")
        self.groups[self._new_name(words[1])] = (needed, members)
        self._free -= set(members)

    def _new_name(self, name: str) -> str:
        if name == NO_QUORUM or name in self.witnesses or name in self.groups:
            raise ValueError("the name is taken.")
        self._free.add(name)
        return name

    def _key(self, text: str, algorithm: int) -> VerifierKey:
        key = VerifierKey.from_text(text)
        if key.text != text:
            raise ValueError("something that cannot be seen stands before or behind the key.")
        if key.algorithm != algorithm:
            raise ValueError("the key is of another kind than the line.")
        if any(other.public_key == key.public_key for other in (*self.logs, *self.witnesses.values())):
            raise ValueError("the key stands there twice, or a log is to be its own witness.")
        return key
