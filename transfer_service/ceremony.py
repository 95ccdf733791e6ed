"""The custodians' tool, for a computer that is offline: makes the recovery key, tests it, and uses it.

Stand-alone on purpose: one file, the standard library, `cryptography` and `shamir_mnemonic`, nothing of the service
and nothing of the network. It is a second implementation of the key formats, and a test compares it with the first.
How a ceremony is held, and every file that is read and written: docs/ceremony.md.
Exit codes: 0 done, 1 a check failed, 2 wrong usage, 3 refused.
"""

import argparse
import base64
import difflib
import hashlib
import hmac
import json
import os
import select
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn
from uuid import UUID

try:
    from cryptography.exceptions import InvalidSignature, InvalidTag
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.hpke import (
        AEAD,
        KDF,
        KEM,
        MLKEM768X25519PrivateKey,
        MLKEM768X25519PublicKey,
        Suite,
    )
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    from shamir_mnemonic import MnemonicError, combine_mnemonics, generate_mnemonics
    from shamir_mnemonic.share import Share
    from shamir_mnemonic.wordlist import WORDLIST
except ImportError as missing:
    sys.exit(
        f"ceremony.py cannot start: {missing}. It needs the packages cryptography (50 or newer) and shamir-mnemonic. "
        "Install them as docs/ceremony.md says under “Preparing the computer”, and start it again."
    )

SUITE: Final = 2
SHARES: Final = 5
THRESHOLD: Final = 3
PERSON: Final = 1
RECOVERY: Final = 3
TRIES: Final = 3
WORDS: Final = 33
"""Words of a share."""
ROW: Final = 3
"""Words that are shown and typed together."""
ENOUGH: Final = 4
"""Letters that tell a word of the list from every other one."""
HPKE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
LOOKING_UP: Final = 0.25
"""Seconds after which a signal that came too early is noticed."""
CLEAR: Final = "\x1b[2J\x1b[3J\x1b[H"
OWN_SCREEN: Final = "\x1b[?1049h"
FORMER_SCREEN: Final = "\x1b[?1049l"
WELCOME: Final = """
This makes a recovery key and gives each of five custodians a share of it on
paper, one after the other. It takes about an hour.

Have ready a sheet of paper and a pen for each custodian. Put telephones and
cameras away. This computer must be on no network.

Nobody but its custodian sees a share. To stop at any time, hold Ctrl and
press C: then nothing is kept.
"""
MADE: Final = """
The recovery key is made. Its fingerprint in eight words:

{words}

Read them aloud and write them into the minutes. The operator takes this file:
    {file}
and puts this fingerprint into the setting RECOVERY_KEYS:
    {fingerprint}

The shares are on paper alone. Each custodian seals one in an envelope and
keeps it apart from the others. Switch this computer off now.
"""


class Refused(Exception):
    """The ceremony must not go on; the text says why and what to do."""


@dataclass(frozen=True)
class Grant:
    """One school epoch's seed, sealed to the recovery key, with the public halves it must lead to."""

    organisation: UUID
    epoch: int
    kem_public: bytes
    signing_public: bytes
    sealed: bytes

    @property
    def fingerprint(self) -> bytes:
        return fingerprint_of(self.kem_public, self.signing_public)


@dataclass(frozen=True)
class Grantee:
    """Whom an epoch's seed is sealed to."""

    kind: int
    identity: UUID
    version: int
    fingerprint: bytes


@dataclass(frozen=True)
class Bundle:
    """What the service exported for a drill or an opening."""

    sha256: str
    deployment: str
    recovery_fingerprint: bytes
    grantee: UUID
    grantee_version: int
    demo: bool
    grants: tuple[Grant, ...]
    request: dict[str, Any] | None

    def info(self, grant: Grant, grantee: Grantee | None = None) -> bytes:
        """Return what a grant is bound to: the escrow grant, or one to somebody else."""
        to = grantee or Grantee(RECOVERY, self.grantee, self.grantee_version, self.recovery_fingerprint)
        return b"".join(
            (
                lp(b"ptx/key-grant/1"),
                SUITE.to_bytes(2, "big"),
                lp(self.deployment.encode()),
                grant.organisation.bytes,
                grant.epoch.to_bytes(4, "big"),
                grant.fingerprint,
                to.kind.to_bytes(1, "big"),
                to.identity.bytes,
                to.version.to_bytes(4, "big"),
                to.fingerprint,
            )
        )


# --- keys and formats -------------------------------------------------------------------------------------------


def lp(value: bytes) -> bytes:
    """Return the bytes behind their length in two bytes."""
    return len(value).to_bytes(2, "big") + value


def hybrid_key(seed: bytes) -> tuple[MLKEM768X25519PrivateKey, bytes]:
    """Grow the private key and its 1,216 public bytes from 32 bytes, as X-Wing does."""
    expanded = hashlib.shake_256(seed).digest(96)
    mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    x25519 = X25519PrivateKey.from_private_bytes(expanded[64:])
    public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
    return MLKEM768X25519PrivateKey(mlkem, x25519), public


def epoch_publics(seed: bytes) -> tuple[bytes, bytes]:
    """Return the sealing and the signing public half of a school epoch."""

    def part(label: bytes) -> bytes:
        info = lp(b"ptx/epoch-seed/1") + lp(label)
        return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(seed)

    signing = Ed25519PrivateKey.from_private_bytes(part(b"sign")).public_key().public_bytes_raw()
    return hybrid_key(part(b"kem"))[1], signing


def fingerprint_of(kem_public: bytes, signing_public: bytes = b"") -> bytes:
    """Return SHA-256 over suite and public halves."""
    encoded = SUITE.to_bytes(2, "big") + lp(kem_public) + lp(signing_public)
    return hashlib.sha256(b"ptx/key/1" + encoded).digest()


def words_of(fingerprint: bytes) -> list[str]:
    """Return the eight words that people compare."""
    number = int.from_bytes(fingerprint[:10], "big")
    return [WORDLIST[number >> shift & 1023] for shift in range(70, -1, -10)]


def words_in_rows(fingerprint: bytes) -> str:
    """Return the eight words in two rows, to be read aloud."""
    words = words_of(fingerprint)
    return "\n".join("    " + "  ".join(words[start : start + 4]) for start in (0, 4))


def open_grant(private: MLKEM768X25519PrivateKey, bundle: Bundle, grant: Grant) -> bytes:
    """Open one escrow grant and check that the seed leads to the school's public halves; raises Refused."""
    try:
        seed = HPKE.decrypt(grant.sealed, private, bundle.info(grant))
    except (InvalidTag, ValueError):
        raise Refused("does not open with this recovery key") from None
    if len(seed) != 32 or epoch_publics(seed) != (grant.kem_public, grant.signing_public):
        raise Refused("opens, but does not lead to the school's public key")
    return seed


# --- files ------------------------------------------------------------------------------------------------------


def read_bundle(path: Path) -> Bundle:
    """Read what the service exported; raises Refused where it is not written as docs/ceremony.md says."""
    raw = path.read_bytes()
    try:
        content = json.loads(raw)
        key = content["recovery_key"]
        if content["format"] != 1 or any(entry["suite"] != SUITE for entry in [key, *content["grants"]]):
            raise Refused("The bundle is of a format or suite that this tool does not know. Use the newest tool.")
        grants = tuple(
            Grant(
                organisation=UUID(entry["organisation"]),
                epoch=int(entry["epoch"]),
                kem_public=base64.b64decode(entry["kem_public"], validate=True),
                signing_public=base64.b64decode(entry["signing_public"], validate=True),
                sealed=base64.b64decode(entry["sealed"], validate=True),
            )
            for entry in content["grants"]
        )
        return Bundle(
            sha256=hashlib.sha256(raw).hexdigest(),
            deployment=str(content["deployment"]),
            recovery_fingerprint=bytes.fromhex(key["fingerprint"]),
            grantee=UUID(key["id"]),
            grantee_version=int(key["version"]),
            demo=key["demo"] is True,
            grants=grants,
            request=content.get("request"),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused("The bundle cannot be read. Export it again with `transfer-service recovery export`.") from None


def check_can_write(path: Path) -> None:
    """Insist, before anybody types a share, that a result can be written where it is to go; raises Refused."""
    if path.exists():
        raise Refused(f"{path.name} exists already. Choose another name or folder; nothing is overwritten.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise Refused(f"Nothing can be written into {path.parent}. Choose a folder that is there and is yours.")


def write_new(path: Path, content: str, *, secret: bool = False) -> None:
    """Write a file that must not exist yet, whole and flushed to the disk."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644)
    except FileExistsError:
        raise Refused(f"{path.name} exists already. Choose another folder; nothing is overwritten.") from None
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a result for the service to import."""
    write_new(path, json.dumps(content, indent=2, sort_keys=True) + "\n")


# --- the receipt of the approved request ------------------------------------------------------------------------


def check_receipt(path: Path, log_key: str, bundle: Bundle, request: UUID, person_fingerprint: bytes) -> None:
    """Insist that the log holds the approval of exactly this request for exactly this key; raises Refused."""
    try:
        head, checkpoint = path.read_text("utf-8").split("\n\n", 1)
        magic, extra, index, *proof = head.split("\n")
        fields = json.loads(base64.b64decode(extra.removeprefix("extra "), validate=True))
        leaf_bytes = base64.b64decode(fields["leaf"], validate=True)
        leaf = json.loads(leaf_bytes)
        said = (leaf["event"], leaf["subject"], leaf["key"], {leaf["org"]})
        size, root = checked_checkpoint(checkpoint, log_key)
        path_hashes = [base64.b64decode(line, validate=True) for line in proof]
        number = int(index.removeprefix("index "))
    except (ValueError, KeyError, TypeError):
        raise Refused("The receipt cannot be read. Download it again from the page of the request.") from None
    if magic != "c2sp.org/tlog-proof@v1" or not included(leaf_bytes, number, size, path_hashes, root):
        raise Refused("The receipt does not prove that the log holds the approval. Do not go on.")
    organisations = {str(grant.organisation) for grant in bundle.grants}
    if said != ("recovery.approved", str(request), person_fingerprint.hex(), organisations):
        raise Refused("The receipt approves another request, school or key than the bundle's. Do not go on.")


def checked_checkpoint(note: str, log_key: str) -> tuple[int, bytes]:
    """Return size and root of a checkpoint that the log's key signed; raises Refused or ValueError."""
    try:
        name, _key_id, encoded = log_key.strip().split("+", 2)
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise Refused("--log-key is not a verifier key. Copy all of it from the authority's letter.") from None
    text, _, signatures = note.partition("\n\n")
    origin, size, root = text.split("\n")[:3]
    signed_by = f"\u2014 {name} "
    for line in signatures.splitlines():
        if not line.startswith(signed_by) or origin != name or key[:1] != b"\x01":
            continue
        signature = base64.b64decode(line.removeprefix(signed_by), validate=True)
        expected_id = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
        try:
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], (text + "\n").encode())
        except InvalidSignature:
            continue
        if hmac.compare_digest(signature[:4], expected_id):
            return int(size), base64.b64decode(root, validate=True)
    raise Refused("The receipt is not signed by the log key that was given. Do not go on.")


def included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Tell whether the audit path leads from the leaf to the root (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last = index, size - 1
    computed = hashlib.sha256(b"\x00" + leaf).digest()
    for sibling in path:
        if last == 0:
            return False
        if position & 1 or position == last:
            computed = hashlib.sha256(b"\x01" + sibling + computed).digest()
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            computed = hashlib.sha256(b"\x01" + computed + sibling).digest()
        position, last = position >> 1, last >> 1
    return last == 0 and hmac.compare_digest(computed, root)


# --- talking with the custodians --------------------------------------------------------------------------------


def tidy(typed: str) -> str:
    """Return a share as it is compared: lower case, single spaces."""
    return " ".join(typed.lower().split())


def check_terminal() -> None:
    """Insist on a screen and a keyboard: what is shown must not end up in a file; raises Refused."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refused("Shares are shown and typed in a terminal alone. Start again without < or > or | in the line.")


@contextmanager
def private_screen() -> Iterator[None]:
    """Show what follows on a screen of its own, of which nothing is left on the former one or in its scroll-back."""
    print(OWN_SCREEN + CLEAR, end="", flush=True)
    try:
        yield
    finally:
        print(CLEAR + FORMER_SCREEN + CLEAR, end="", flush=True)


def ask(question: str) -> str:
    """Ask at the terminal; raises Refused where nobody answers."""
    print(question, end="", flush=True)
    wait_for_line()
    try:
        return input("")
    except EOFError:
        raise Refused("Nobody answered. Start again when the custodians are present.") from None


def wait_for_line() -> None:
    """Wait until something was typed, and look up now and then.

    Ctrl-C or a closed window in the moment before a plain read begins is noticed only after it: until somebody pressed
    Enter a share would stay on the screen.
    """
    if os.name == "posix" and sys.stdin.isatty():
        while not select.select([sys.stdin], [], [], LOOKING_UP)[0]:
            pass


def call_up(who: str) -> None:
    """Let the next custodian sit down before anything of the share is on the screen."""
    print(f"\n{who} sits down now. Everybody else looks away.", flush=True)
    ask("Press Enter to go on. ")


def table_of(words: Sequence[str]) -> str:
    """Return words with their numbers, three in a row, as they stand on paper."""
    rows = []
    for start in range(0, len(words), ROW):
        row = enumerate(words[start : start + ROW], start + 1)
        rows.append("".join(f"{number:>6}  {word:<12}" for number, word in row).rstrip())
    return "\n".join(rows)


def find_word(typed: str) -> str | None:
    """Return the word of the list that was typed, or whose first four letters or more were; None for no such word."""
    if typed in WORDLIST:
        return typed
    found = [word for word in WORDLIST if len(typed) >= ENOUGH and word.startswith(typed)]
    return found[0] if found else None


def type_row(start: int) -> list[str]:
    """Have the words from a place on typed, a row or more of them, until each is a word of the list."""
    end = min(start + ROW, WORDS)
    while True:
        typed = tidy(ask(f"Words {start + 1:>2} to {end:>2}: ")).split()
        found = [find_word(word) for word in typed]
        words = [word for word in found if word is not None]
        if len(typed) < end - start or len(typed) > WORDS - start:
            print(f"    That is {len(typed)} of them. Type the {end - start} words with spaces between.")
        elif len(words) == len(typed):
            return words
        else:
            wrong = typed[found.index(None)]
            near = difflib.get_close_matches(wrong, WORDLIST, n=1)
            hint = f" Is it “{near[0]}”?" if near else ""
            print(f"    “{wrong}” is not a word of the list.{hint} Type the row again.")


def hand_out(number: int, share: str) -> str:
    """Show one share, take it away, and have it retyped from paper; returns what was typed."""
    call_up(f"The custodian of share {number} of {SHARES}")
    words = share.split()
    with private_screen():
        while True:
            print(f"Share {number} of {SHARES}. Only its custodian looks at the screen.\n\n{table_of(words)}\n")
            print("Write all 33 words with their numbers on your paper, in clear letters.")
            ask("Press Enter when they are written down: they go from the screen. ")
            print(CLEAR + f"Share {number} of {SHARES}: type it back from your paper, three words at a time.")
            print("Capitals do not matter, and the first four letters of a word are enough.\n")
            typed = retype(words)
            if typed is not None:
                break
            print(CLEAR + "That was wrong three times. Here is the share once more: correct your paper.\n")
    print(f"Share {number} of {SHARES} is on paper and right. Take the paper with you.", flush=True)
    return " ".join(typed)


def retype(words: Sequence[str]) -> list[str] | None:
    """Have a share typed back from paper; None after three rows that were not right."""
    typed: list[str] = []
    slips = 0
    while len(typed) < len(words):
        row = type_row(len(typed))
        differing = [
            place for place, (one, shown) in enumerate(zip(row, words[len(typed) :], strict=False)) if one != shown
        ]
        if not differing:
            typed += row
            continue
        slips += 1
        if slips == TRIES:
            return None
        print(f"    Word {len(typed) + differing[0] + 1} is not the one that was shown. Look at your paper.")
    return typed


def type_share(number: int, before: Sequence[Share]) -> tuple[str, Share]:
    """Have one custodian type a share until it holds in itself and fits those before it; returns it."""
    while True:
        call_up(f"Custodian {number} of {THRESHOLD}")
        with private_screen():
            print(f"Custodian {number} of {THRESHOLD}: type your share from your paper, three words at a time.")
            print("Capitals do not matter, and the first four letters of a word are enough.\n")
            words: list[str] = []
            while len(words) < WORDS:
                words += type_row(len(words))
            text, share = correct(words)
        if any(one.index == share.index and one.identifier == share.identifier for one in before):
            print("This share was typed already. Another custodian's share is needed.", flush=True)
        elif any(one.group_parameters() != share.group_parameters() for one in before):
            print(
                "This share is of another recovery key than the one before it. Fetch the right\n"
                "paper. If the one before was wrong, hold Ctrl and press C, and begin again.",
                flush=True,
            )
        else:
            print(f"Share {number} of {THRESHOLD} is complete.", flush=True)
            return text, share


def correct(words: list[str]) -> tuple[str, Share]:
    """Have single words typed again until the share's own check holds."""
    while True:
        text = " ".join(words)
        try:
            return text, Share.from_mnemonic(text)
        except MnemonicError:
            # Its text quotes words of the share.
            print(CLEAR + f"One of these words is not the one on your paper.\n\n{table_of(words)}\n")
        answer = ask("Type the number of the word that is wrong, from 1 to 33: ").strip()
        if answer.isdigit() and 1 <= int(answer) <= WORDS:
            word = find_word(tidy(ask(f"Word {answer}: ")))
            words[int(answer) - 1] = word or words[int(answer) - 1]


def take_shares(bundle: Bundle, folder: Path | None) -> tuple[MLKEM768X25519PrivateKey, bytes]:
    """Take three shares, typed or in a demo from files, and return the recovery key they make."""
    if folder is not None and not bundle.demo:
        raise Refused("Shares are read from files for a demo's key only. Let the custodians type them.")
    if folder is not None:
        shares = [tidy(file.read_text("utf-8")) for file in sorted(folder.glob("share-*.txt"))[:THRESHOLD]]
    else:
        check_terminal()
        taken: list[tuple[str, Share]] = []
        for number in range(1, THRESHOLD + 1):
            taken.append(type_share(number, [share for _, share in taken]))
        shares = [text for text, _ in taken]
    try:
        private, public = hybrid_key(combine_mnemonics(shares))
    except MnemonicError:
        # Not chained: its text quotes words of the shares.
        raise Refused("The shares do not fit together, or a word is wrong. Start again.") from None
    if fingerprint_of(public) != bundle.recovery_fingerprint:
        raise Refused("The shares make another recovery key than the bundle names. Fetch the right shares.")
    return private, public


# --- the three acts ---------------------------------------------------------------------------------------------


def recovery_new(options: argparse.Namespace) -> int:
    """Make a recovery key, hand out five shares, write the public half."""
    if bool(options.shares_to) != options.demo or (options.assume_retyped and not options.demo):
        raise Refused("--demo and --shares-to go together, and --assume-retyped only with them: for a demo's key.")
    options.out.mkdir(parents=True, exist_ok=True)
    result_file = options.out / "recovery-public.json"
    check_can_write(result_file)
    if not options.demo:
        check_terminal()
        print(WELCOME, flush=True)
        ask("Press Enter when everybody is ready. ")
    seed = os.urandom(32)
    public = hybrid_key(seed)[1]
    shares = [tidy(share) for share in generate_mnemonics(1, [(THRESHOLD, SHARES)], seed)[0]]
    if options.demo:
        options.shares_to.mkdir(parents=True, exist_ok=True, mode=0o700)
        for number, share in enumerate(shares, 1):
            write_new(options.shares_to / f"share-{number}.txt", share + "\n", secret=True)
    else:
        shares = [hand_out(number, share) for number, share in enumerate(shares, 1)]
    for first in range(THRESHOLD):
        if combine_mnemonics(shares[first : first + THRESHOLD]) != seed:
            raise Refused("The shares do not lead back to the key. Throw them away and start again.")
    fingerprint = fingerprint_of(public)
    result = {
        "format": 1,
        "suite": SUITE,
        "kem_public": base64.b64encode(public).decode(),
        "fingerprint": fingerprint.hex(),
        "words": words_of(fingerprint),
        "shares": SHARES,
        "threshold": THRESHOLD,
        "authority": options.authority,
        "demo": options.demo,
    }
    write_json(result_file, result)
    print(MADE.format(words=words_in_rows(fingerprint), file=result_file, fingerprint=fingerprint.hex()))
    return 0


def recovery_drill(options: argparse.Namespace) -> int:
    """Open every escrow grant, compare the keys, write a verdict."""
    bundle = read_bundle(options.bundle)
    check_can_write(options.out)
    private, _public = take_shares(bundle, options.shares_from)
    results = []
    for grant in bundle.grants:
        reason = None
        try:
            open_grant(private, bundle, grant)
        except Refused as refusal:
            reason = str(refusal)
        row = {"organisation": str(grant.organisation), "epoch": grant.epoch, "fingerprint": grant.fingerprint.hex()}
        results.append({**row, "ok": reason is None, "reason": reason})
        print(f"{grant.fingerprint.hex()} {reason or 'opens'}")
    good = bool(results) and all(result["ok"] for result in results)
    verdict = {
        "format": 1,
        "deployment": bundle.deployment,
        "bundle_sha256": bundle.sha256,
        "recovery_fingerprint": bundle.recovery_fingerprint.hex(),
        "ok": good,
        "results": results,
    }
    write_json(options.out, verdict)
    opened = sum(bool(result["ok"]) for result in results)
    print(f"{opened} of {len(results)} escrow grants open. The verdict is in {options.out.name}.")
    return 0 if good else 1


def recovery_open(options: argparse.Namespace) -> int:
    """Seal a school's epochs to the new person whose request was approved."""
    bundle = read_bundle(options.bundle)
    request = bundle.request
    if request is None:
        raise Refused("The bundle holds no request. Export it for an opening, not for a drill.")
    try:
        kem_public = base64.b64decode(request["kem_public"], validate=True)
        number, person, version = UUID(request["id"]), UUID(request["person"]), int(request["key_version"])
        mlkem = MLKEM768PublicKey.from_public_bytes(kem_public[:1184])
        public = MLKEM768X25519PublicKey(mlkem, X25519PublicKey.from_public_bytes(kem_public[1184:]))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused("The request in the bundle cannot be read. Export the bundle again.") from None
    theirs = fingerprint_of(kem_public)
    check_can_write(options.out)
    check_receipt(options.receipt, options.log_key, bundle, number, theirs)
    print(f"The school's files will open for one person, whose key has these eight words:\n\n{words_in_rows(theirs)}\n")
    print(
        "Ring the person on a number that you know. The person reads out the eight words\nthat the service shows there."
    )
    if tidy(ask("Type yes if all eight are the same: ")) != "yes":
        raise Refused("The words were not confirmed. Nothing was opened.")
    private, _public = take_shares(bundle, options.shares_from)
    to = Grantee(PERSON, person, version, theirs)
    grants = [regrant(private, bundle, grant, to, public) for grant in bundle.grants]
    result = {
        "format": 1,
        "deployment": bundle.deployment,
        "bundle_sha256": bundle.sha256,
        "request": str(number),
        "person": str(person),
        "key_version": version,
        "person_fingerprint": theirs.hex(),
        "grants": grants,
    }
    write_json(options.out, result)
    print(f"Keys of the school, sealed to this person: {len(grants)}. Bring this file back to the service:")
    print(f"    {options.out}")
    return 0


def regrant(
    private: MLKEM768X25519PrivateKey, bundle: Bundle, grant: Grant, to: Grantee, public: MLKEM768X25519PublicKey
) -> dict[str, Any]:
    """Open one escrow grant and seal its seed to somebody else; raises Refused."""
    try:
        seed = open_grant(private, bundle, grant)
    except Refused as refusal:
        raise Refused(f"The grant of {grant.fingerprint.hex()} {refusal}. Nothing was written.") from None
    sealed = base64.b64encode(HPKE.encrypt(seed, public, bundle.info(grant, to))).decode()
    print(f"{grant.fingerprint.hex()} sealed anew")
    row = {"organisation": str(grant.organisation), "epoch": grant.epoch, "fingerprint": grant.fingerprint.hex()}
    return {**row, "suite": SUITE, "sealed": sealed}


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    top = argparse.ArgumentParser(prog="ceremony.py", description="The custodians' offline tool.")
    acts = top.add_subparsers(required=True).add_parser("recovery").add_subparsers(required=True)
    new = acts.add_parser("new", help="make the recovery key and its five shares")
    new.add_argument("--out", type=Path, required=True, help="folder for recovery-public.json")
    new.add_argument("--authority", default="", help="name of the authority, written beside the key")
    new.add_argument("--demo", action="store_true", help="a key that only a demo accepts")
    new.add_argument("--shares-to", type=Path, help="with --demo: folder for the shares")
    new.add_argument("--assume-retyped", action="store_true", help="with --demo: ask nothing")
    new.set_defaults(act=recovery_new)
    drill = acts.add_parser("drill", help="test that every escrow grant opens")
    drill.set_defaults(act=recovery_drill)
    opening = acts.add_parser("open", help="seal a school's keys to a new person")
    opening.add_argument("--receipt", type=Path, required=True, help="receipt (.tlog-proof) of the approved request")
    opening.add_argument("--log-key", required=True, help="verifier key of the log, from the authority's own letter")
    opening.set_defaults(act=recovery_open)
    for act, result in ((drill, "recovery-verdict.json"), (opening, "recovery-grants.json")):
        act.add_argument("bundle", type=Path)
        act.add_argument("--out", type=Path, default=Path(result))
        act.add_argument("--shares-from", type=Path, help="for a demo's key: folder of the shares")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one act and return its exit code."""
    options = parser().parse_args(arguments)
    try:
        code: int = options.act(options)
    except KeyboardInterrupt:
        print("\nStopped. Nothing was written, and no share is left on the screen.", file=sys.stderr)
        return 3
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 3
    except OSError as error:
        told = f"{error.filename or 'A file'}: {error.strerror}. Look at the name and the folder, and start again."
        print(told, file=sys.stderr)
        return 3
    return code


def stop(_number: int, _frame: object) -> NoReturn:
    """End so that no share stays on the screen, also when the window is closed or the process ended.

    Ctrl-C is taken too: whoever starts a program in the background may have had it ignored.
    """
    raise KeyboardInterrupt


if __name__ == "__main__":
    for ending in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, ending):
            signal.signal(getattr(signal, ending), stop)
    if hasattr(signal, "SIGTSTP"):
        # Ctrl-Z would leave a share on the screen.
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    sys.exit(main())
