"""Damages a log in every way that is quick to think of, and asks whether a named check finds it.

`python -m tests.properties.log_mutations 5000` does so many and prints what found what; the suite does a few hundred.
Not among the damages: the newest witnesses' signatures, which no checkpoint fixes yet, taken away from the end.
"""

import base64
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.properties.test_log_receipts import RECEIPT, SAYS, TRUST
from transfer_service import verifier
from transfer_service.audit.cosignature import cosign, record_cosignatures
from transfer_service.audit.detail import encode_detail, tell
from transfer_service.audit.errors import LogNotPrepared
from transfer_service.audit.export import export_log
from transfer_service.audit.leaf import LeafFields
from transfer_service.audit.log import Entry, append_all, erase_details
from transfer_service.audit.policy import write_policy
from transfer_service.audit.receipts import find_newest_checkpoint
from transfer_service.audit.signer import sign_committed
from transfer_service.audit.signer_state import SignerState, read_state
from transfer_service.audit.verify import verify_log
from transfer_service.crypto.signing import ED25519_COSIGNATURE, LogSigningKey, VerifierKey, public_key_of
from transfer_service.db.migrate import upgrade
from transfer_service.db.session import Database

KEY = LogSigningKey(name="transfer.example/log", seed=b"\x07" * 32)
START = datetime(2026, 9, 3, 8, 0, tzinfo=UTC)
SIZE = 37
STATE_FILE = "state.json"
SEEDS = {"north.example": b"\x21" * 32, "east.example": b"\x22" * 32}
WITNESSES = tuple(VerifierKey(name, public_key_of(seed), ED25519_COSIGNATURE) for name, seed in SEEDS.items())
WITNESSED = verifier.read_policy(write_policy([KEY.verifier], witnesses={key.name: key for key in WITNESSES}).encode())
EXPORTED = (
    "entries/000000000.jsonl",
    "details/000000000.jsonl",
    "checkpoints.jsonl",
    "cosignatures.jsonl",
)
Damage = Callable[[Session, random.Random], str]
"""Damages the database and says in which way."""


@dataclass
class Findings:
    """How many damages of each kind were found by which check, and those that nothing found."""

    by_check: Counter[tuple[str, str]] = field(default_factory=Counter)
    unfound: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(self.by_check.values()) + len(self.unfound)

    def table(self) -> str:
        lines = [f"{count:6,}  {way:34} {check}" for (way, check), count in sorted(self.by_check.items())]
        lines += [f"{count:6,}  {way:34} NOT FOUND" for way, count in sorted(Counter(self.unfound).items())]
        return "\n".join([*lines, f"{self.count:6,}  damages, of which {len(self.unfound)} were not found"])


def _seal(idx: int, opened: bytes) -> bytes:
    return idx.to_bytes(8, "big") + opened


def open_sealed_detail(idx: int, sealed: bytes) -> bytes:
    """Open what `_seal` sealed; this is no cipher."""
    if sealed[:8] != idx.to_bytes(8, "big"):
        raise ValueError("sealed for another leaf")
    return sealed[8:]


def _cosign(database: Database, now: datetime) -> None:
    """Let both witnesses cosign the newest checkpoint."""
    with database.writing() as session:
        newest = find_newest_checkpoint(session)
        signatures = [cosign(newest.note, name=name, seed=seed, now=now) for name, seed in SEEDS.items()]
        record_cosignatures(session, newest.size, signatures=signatures, witnesses=WITNESSES, now=now)


@contextmanager
def made_log(folder: Path) -> Iterator[Database]:
    """A log of 37 leaves, a third with details of which two are erased, signed at five sizes; its guards are off.

    Two witnesses cosigned four of its checkpoints. The signer's state file lies beside it.
    """
    url = f"sqlite:///{folder / 'log.db'}"
    upgrade(url)
    database = Database(url)
    now = START
    for number in range(SIZE - 2):
        now += timedelta(seconds=1)
        said = LeafFields(
            event="dispatch.sent", actor=UUID(int=1 + number % 3), org=UUID(int=9), transfer=UUID(int=20 + number),
            subject=UUID(int=50 + number), digest=bytes([number]) * 32, basis="role", role="deputy_dsl",
        )  # fmt: skip
        detail = encode_detail(tell(f"Act {number}.")) if number % 3 == 0 else None
        salt = bytes([number]) * 32 if detail else None
        with database.writing() as session:
            append_all(session, entries=[Entry(leaf=said, detail=detail, salt=salt)], now=now, seal_detail=_seal)
        if number in (4, 11, 12, 28):
            sign_committed(database, key=KEY, state_file=folder / STATE_FILE, now=now)
            _cosign(database, now)
    for erased in (3, 21):
        with database.writing() as session:
            erase_details(session, [erased], leaf=LeafFields(event="detail.erased", basis="retention"), now=now)
    sign_committed(database, key=KEY, state_file=folder / STATE_FILE, now=now)
    with database.writing() as session:
        for name in session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            session.execute(text(f"DROP TRIGGER {name}"))
    try:
        yield database
    finally:
        database.dispose()


def changed(value: bytes, chance: random.Random) -> bytes:
    """The bytes with one flipped, some put in or taken out, or cut short: never the same."""
    way, place = chance.randrange(4), chance.randrange(len(value))
    piece = chance.randbytes(chance.randint(1, 6))
    if way == 0:
        return value[:place] + bytes([value[place] ^ chance.randint(1, 255)]) + value[place + 1 :]
    if way == 1:
        return value + piece
    return value[:place] + piece + value[place:] if way == 2 else value[:place]


def change_bytes(table: str, column: str, key: str) -> Damage:
    """Change one value of bytes."""

    def damage(session: Session, chance: random.Random) -> str:
        rows = session.execute(text(f"SELECT rowid, {column} FROM {table} WHERE {key}")).all()
        row, value = chance.choice(rows)
        new = changed(bytes(value), chance)
        session.execute(text(f"UPDATE {table} SET {column} = :new WHERE rowid = :row"), {"new": new, "row": row})
        return f"{table}.{column} changed"

    return damage


def swap(table: str, column: str) -> Damage:
    """Exchange one column of two rows."""

    def damage(session: Session, chance: random.Random) -> str:
        rows = session.execute(text(f"SELECT rowid, {column} FROM {table}")).all()
        (one, first), (other, second) = chance.sample(rows, 2)
        while bytes(first) == bytes(second):
            (one, first), (other, second) = chance.sample(rows, 2)
        for row, value in ((one, second), (other, first)):
            session.execute(text(f"UPDATE {table} SET {column} = :v WHERE rowid = :row"), {"v": value, "row": row})
        return f"{table}.{column} swapped"

    return damage


def drop(table: str) -> Damage:
    """Take one row away."""

    def damage(session: Session, chance: random.Random) -> str:
        row = chance.choice(session.scalars(text(f"SELECT rowid FROM {table}")).all())
        session.execute(text(f"DELETE FROM {table} WHERE rowid = :row"), {"row": row})
        return f"{table} row dropped"

    return damage


def add(table: str, columns: str, values: str) -> Damage:
    """Put one row more in; `values` may name a random row's values and random numbers."""

    def damage(session: Session, chance: random.Random) -> str:
        row = chance.choice(session.scalars(text(f"SELECT rowid FROM {table}")).all())
        found = {"row": row, "far": SIZE + chance.randrange(40), "bytes": chance.randbytes(32)}
        session.execute(text(f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table} WHERE rowid = :row"), found)
        return f"{table} row added"

    return damage


def set_value(table: str, column: str, choose: Callable[[random.Random], object], key: str = "1") -> Damage:
    """Set one value of one row to another one."""

    def damage(session: Session, chance: random.Random) -> str:
        rows = session.execute(text(f"SELECT rowid, {column} FROM {table} WHERE {key}")).all()
        row, value = chance.choice(rows)
        new = choose(chance)
        while new == value:
            new = choose(chance)
        session.execute(text(f"UPDATE {table} SET {column} = :new WHERE rowid = :row"), {"new": new, "row": row})
        return f"{table}.{column} set"

    return damage


def _number(chance: random.Random) -> object:
    return chance.choice([chance.randrange(1, 2**40), -chance.randrange(1, 2**40), 2**62])


def _id(chance: random.Random) -> object:
    return chance.choice([chance.randbytes(16), chance.randbytes(5), None])


_COSIGNATURE = "size, witness, key_id, signature, received_at, number"
_LEAF = "idx, body, hash, at, event, org, actor, transfer, subject, erases"
DAMAGES: dict[str, list[Damage]] = {
    "leaves": [
        change_bytes("log_leaf", "body", "1"),
        change_bytes("log_leaf", "hash", "1"),
        swap("log_leaf", "body"),
        swap("log_leaf", "hash"),
        drop("log_leaf"),
        add("log_leaf", _LEAF, _LEAF.replace("idx,", ":far,", 1)),
        set_value("log_leaf", "idx", lambda chance: SIZE + chance.randrange(1, 60)),
        set_value("log_leaf", "at", _number),
        set_value("log_leaf", "event", lambda chance: chance.choice(["notes.read", "epoch.created", ""])),
        *(set_value("log_leaf", column, _id) for column in ("org", "actor", "transfer", "subject")),
        set_value("log_leaf", "erases", lambda chance: chance.choice([None, chance.randrange(SIZE)])),
    ],
    "nodes": [
        change_bytes("log_node", "hash", "1"),
        swap("log_node", "hash"),
        drop("log_node"),
        add("log_node", "level, idx, hash", "level, :far, :bytes"),
        set_value("log_node", "idx", lambda chance: SIZE + chance.randrange(9)),
    ],
    "head": [
        change_bytes("log_head", "frontier", "1"),
        set_value("log_head", "size", lambda chance: chance.randrange(2 * SIZE)),
        set_value("log_head", "last_at", _number),
        set_value("log_head", "frozen", lambda _chance: 1),
        drop("log_head"),
    ],
    "checkpoints": [
        change_bytes("log_checkpoint", "note", "1"),
        swap("log_checkpoint", "note"),
        set_value("log_checkpoint", "size", lambda chance: chance.randrange(200)),
        add("log_checkpoint", "size, note, signed_at", ":far, note, signed_at"),
        drop("log_checkpoint"),
        set_value("log_checkpoint", "signed_at", _number),
    ],
    "cosignatures": [
        change_bytes("log_cosignature", "signature", "1"),
        change_bytes("log_cosignature", "key_id", "1"),
        swap("log_cosignature", "signature"),
        drop("log_cosignature"),
        set_value("log_cosignature", "size", lambda chance: chance.choice([5, 12, 13, 29, 35, 37, 90])),
        set_value("log_cosignature", "witness", lambda chance: chance.choice([*SEEDS, "west.example", ""])),
        set_value("log_cosignature", "received_at", _number),
        set_value("log_cosignature", "number", lambda chance: chance.randrange(-3, 40)),
        add("log_cosignature", _COSIGNATURE, "size, 'west.example', key_id, signature, received_at, :far"),
    ],
    "details": [
        change_bytes("log_detail", "sealed", "1"),
        swap("log_detail", "sealed"),
        drop("log_detail"),
        add("log_detail", "idx, sealed", ":far, sealed"),
        set_value("log_detail", "idx", lambda chance: chance.choice([1, 2, 3, 21, 35, 36, 50])),
    ],
}


def damage_database(database: Database, part: str, count: int, *, seed: int) -> Findings:
    """Damage one part so many times, each time from the whole log, and see which check finds it first."""
    findings, chance = Findings(), random.Random(seed)
    state = read_state(Path(database.engine.url.database or "").with_name(STATE_FILE))
    for number in range(count):
        damage = DAMAGES[part][number % len(DAMAGES[part])]
        with database.engine.connect() as connection, Session(connection) as session:
            try:
                way = damage(session, chance)
                _note(findings, way, _codes(session, state))
            except Exception as error:
                if "constraint failed" not in str(error):
                    raise
                findings.by_check["refused by the table itself", "constraint"] += 1
            finally:
                session.rollback()
    return findings


def _codes(session: Session, state: SignerState | None) -> list[str]:
    try:
        report = verify_log(
            session, keys=[KEY.verifier], witnesses=WITNESSES, state=state, open_sealed=open_sealed_detail, batch=10
        )
    except LogNotPrepared as error:
        return [type(error).__name__]
    return [problem.code for problem in report.problems if problem.code != "guard.missing"]


def _note(findings: Findings, way: str, codes: list[str]) -> None:
    if codes:
        findings.by_check[way, codes[0]] += 1
    else:
        findings.unfound.append(way)


def damage_receipts(count: int, *, seed: int) -> Findings:
    """Damage a receipt so many times; what the verifier still accepts must say nothing else than before."""
    findings, chance = Findings(), random.Random(seed)
    for _ in range(count):
        way, data = _damaged_receipt(chance)
        report = verifier.verify_receipt(data, TRUST)
        if report.failed is not None:
            findings.by_check[way, _short(report.failed)] += 1
        elif report.says in (SAYS, SAYS[:1]):
            findings.by_check[way, "(says the same, or less)"] += 1
        else:
            findings.unfound.append(way)
    return findings


def _damaged_receipt(chance: random.Random) -> tuple[str, bytes]:
    way = chance.choice(["bytes changed", "line dropped", "line doubled", "lines swapped", "extra changed"])
    if way == "bytes changed":
        return f"receipt: {way}", changed(RECEIPT, chance)
    lines = RECEIPT.split(b"\n")
    place = chance.randrange(len(lines) - 1)
    if way == "line dropped":
        lines.pop(place)
    elif way == "line doubled":
        lines.insert(place, lines[place] or b"-")
    elif way == "lines swapped":
        other = chance.choice([number for number, line in enumerate(lines) if line != lines[place]])
        lines[place], lines[other] = lines[other], lines[place]
    else:
        extra = base64.b64decode(lines[1].removeprefix(b"extra "))
        lines[1] = b"extra " + base64.b64encode(changed(extra, chance))
    return f"receipt: {way}", b"\n".join(lines)


def damage_export(database: Database, folder: Path, count: int, *, seed: int) -> Findings:
    """Damage the exported leaves, details, checkpoints and cosignatures, and let the stand-alone verifier look."""
    findings, chance = Findings(), random.Random(seed)
    whole = folder / "whole"
    with database.reading() as session:
        export_log(session, whole, open_sealed=open_sealed_detail)
    assert verifier.verify_log(whole, WITNESSED).holds
    for number in range(count):
        damaged = folder / f"damaged-{number}"
        shutil.copytree(whole, damaged)
        way = _damage_folder(damaged, chance)
        report = verifier.verify_log(damaged, WITNESSED)
        if report.failed is None:
            findings.unfound.append(way)
        else:
            findings.by_check[way, _short(report.failed)] += 1
        shutil.rmtree(damaged)
    return findings


def _damage_folder(folder: Path, chance: random.Random) -> str:
    if chance.randrange(5) == 0:
        # The lines under the log's signature are optional, and readers of signed notes pass over those they do not know
        # (C2SP signed-note): the live check alone misses one of them, and is tried with that above.
        note = folder / "checkpoint"
        lines = note.read_bytes().split(b"\n")
        relied_on = lines.index(b"") + 2
        kept = changed(b"\n".join(lines[:relied_on]), chance)
        note.write_bytes(b"\n".join([kept, *lines[relied_on:]]))
        return "export: checkpoint changed"
    path = chance.choice([folder / name for name in EXPORTED])
    lines = path.read_bytes().splitlines()
    place = chance.randrange(len(lines))
    way = chance.choice(["changed", "dropped", "swapped", "doubled"])
    if way == "changed":
        line = lines[place]
        while _says_the_same(lines[place], line):
            line = changed(lines[place], chance).replace(b"\n", b"")
        lines[place] = line
    elif way == "dropped":
        lines.pop(place)
    elif way == "doubled":
        lines.insert(place, lines[place])
    else:
        other = (place + chance.randrange(1, len(lines))) % len(lines)
        lines[place], lines[other] = lines[other], lines[place]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return f"export: {path.name.removesuffix('.jsonl') if path.parent == folder else path.parent.name} {way}"


def _says_the_same(line: bytes, other: bytes) -> bool:
    """Whether two lines hold the same values: a space more between them, or a name unknown to all, is no damage.

    Leaves are another matter: their bytes are what is hashed.
    """
    if line.startswith(b'{"actor"'):
        return line == other
    try:
        known, found = json.loads(line), json.loads(other)
        return all(known[name] == found[name] for name in known)
    except (ValueError, KeyError, TypeError):
        return False


def _short(sentence: str) -> str:
    return "".join("#" if letter.isdigit() else letter for letter in sentence)[:70]


def main(words: list[str]) -> int:
    """Do as many damages as asked for and print what found them."""
    count = int(words[0]) if words else 5_000
    findings = Findings()
    with tempfile.TemporaryDirectory() as name, made_log(Path(name)) as database:
        each = count // (len(DAMAGES) + 2)
        parts = [damage_database(database, part, each, seed=number) for number, part in enumerate(DAMAGES)]
        parts += [damage_receipts(each, seed=11), damage_export(database, Path(name), each, seed=12)]
        for part in parts:
            findings.by_check.update(part.by_check)
            findings.unfound.extend(part.unfound)
    print(findings.table())
    return 1 if findings.unfound else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
