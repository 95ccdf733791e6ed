"""Being a witness from another computer, over HTTP; and giving the log a new key."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.settings import NEEDS_WEB, Settings
from tests.integration.cli.conftest import Answer, Installation, single_sentence
from tests.integration.register import extract, row
from tests.shell import served
from tests.unit.audit.test_witness import KEY as OTHER_KEY
from tests.unit.audit.test_witness import TREE
from transfer_service import verifier
from transfer_service.app import build_services, create_app
from transfer_service.audit.asking import WebRefused, fetch, post
from transfer_service.audit.checkpoint import parse_checkpoint
from transfer_service.audit.policy import parse_policy, write_policy
from transfer_service.audit.witness import Request, Witness, write_request
from transfer_service.cli.witness_serving import make_server
from transfer_service.crypto.witness_keys import WitnessKey, read_witness_key

Command = Callable[..., Answer]


def import_school(installation: Installation, folder: Path, number: int) -> None:
    file = folder / f"{number}.csv"
    file.write_bytes(extract(row(f"10000{number}")).getvalue())
    assert installation.run("schools", "import", str(file)).code == 0


@contextmanager
def public_pages(installation: Installation, policy: Path) -> Iterator[str]:
    """The installation's pages, served on this machine."""
    environ = {**installation.environ, "TRANSFER_SERVICE_LOG_POLICY_FILE": str(policy)}
    settings = Settings.from_mapping(environ, NEEDS_WEB)
    services = build_services(settings)
    try:
        with served(create_app(settings, services)) as base:
            yield f"{base}/log"
    finally:
        services.database.dispose()


@pytest.fixture
def own(command: Command, tmp_path: Path) -> WitnessKey:
    """A witness's key, made by the command."""
    answer = command("witness", "new", str(tmp_path / "witness-key"), "--name", "north.example")
    assert answer.code == 0
    assert (tmp_path / "witness-key").stat().st_mode & 0o777 == 0o600
    key = read_witness_key((tmp_path / "witness-key").read_text())
    assert answer.out.splitlines()[-1] == f"witness north.example {key.verifier.text}"
    return key


@pytest.fixture
def policy(installation: Installation, own: WitnessKey, tmp_path: Path) -> Path:
    """The installation's policy, with the witness in it."""
    logs = parse_policy(installation.policy.read_text()).logs
    path = tmp_path / "policy.txt"
    path.write_text(write_policy(logs, witnesses={"north": own.verifier}, needed=1))
    return path


def pull(command: Command, base: str, policy: Path, tmp_path: Path, *more: str) -> Answer:
    files = ("--key", str(tmp_path / "witness-key"), "--policy", str(policy), "--memory", str(tmp_path / "memory"))
    return command("witness", "pull", base, *files, "--json", *more)


def test_a_witness_pulls_checks_the_growth_and_hands_its_cosignature_in(
    installation: Installation, command: Command, own: WitnessKey, policy: Path, tmp_path: Path
):
    import_school(installation, tmp_path, 1)
    installation.run("audit", "checkpoint")
    with public_pages(installation, policy) as base:
        first = pull(command, base, policy, tmp_path)
        assert (first.code, first.json["first_seen"], first.json["size"]) == (0, True, 1)
        assert first.json["answer"] == "size 1, new cosignatures 1"
        for number in range(2, 5):
            import_school(installation, tmp_path, number)
        installation.run("audit", "checkpoint")
        second = pull(command, base, policy, tmp_path)
        assert (second.code, second.json["first_seen"], second.json["size"]) == (0, False, 4)
        again = pull(command, base, policy, tmp_path)
        assert (again.code, again.json["answer"]) == (0, "size 4, new cosignatures 0")
        note = fetch(f"{base}/checkpoint")
    names = [signature.name for signature in parse_checkpoint(note).signatures]
    # Twice the log: the second line holds the number of the checkpoint (docs/log.md).
    assert names == ["test-cli/log", "test-cli/log", "north.example"]
    # The policy asks for the witness: without its cosignature the same checkpoint would not do.
    assert verifier.check_signed(verifier.read_checkpoint(note), verifier.read_policy(policy.read_bytes())) == [
        "test-cli/log",
        "north",
    ]


def test_a_log_that_was_replaced_is_not_cosigned(
    installation: Installation, command: Command, policy: Path, tmp_path: Path
):
    import_school(installation, tmp_path, 1)
    installation.run("audit", "checkpoint")
    with public_pages(installation, policy) as base:
        assert pull(command, base, policy, tmp_path, "--no-post").code == 0
        memory = tmp_path / "memory"
        text = memory.read_text()
        root = parse_checkpoint(fetch(f"{base}/checkpoint")).checkpoint.root.hex()
        memory.write_text(text.replace(root, "05" * 32))
        other = pull(command, base, policy, tmp_path)
        assert other.code == 3
        assert "Nothing was signed" in other.err
        memory.write_text(text.replace('"size": 1', '"size": 7'))
        back = pull(command, base, policy, tmp_path)
        assert back.code == 3
        assert "it went back" in back.err


def test_an_address_that_does_not_answer_is_said_in_one_sentence(
    installation: Installation, command: Command, policy: Path, tmp_path: Path
):
    for address in ("http://127.0.0.1:9/log", "ftp://example.org", "nonsense"):
        answer = pull(command, address, policy, tmp_path)
        assert (answer.code, answer.out) == (3, "")
        assert single_sentence(answer)


@contextmanager
def serving(witness: Witness) -> Iterator[str]:
    server = make_server(witness, host="127.0.0.1", port=0, now=lambda: datetime(2026, 9, 3, 8, 15, tzinfo=UTC))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def refused_with(address: str, body: bytes) -> tuple[int, bytes]:
    with pytest.raises(WebRefused) as refusal:
        post(address, body)
    return refusal.value.status, refusal.value.body


def test_a_served_witness_answers_as_the_specification_says(tmp_path: Path):
    witness = Witness(name="north.example", seed=b"\x21" * 32, logs=(OTHER_KEY.verifier,), memory=tmp_path / "memory")
    with serving(witness) as base:
        address = f"{base}/add-checkpoint"
        assert refused_with(address, b"hello")[0] == 400
        line = post(address, write_request(Request(0, (), TREE.note(5))))
        assert line.startswith("— north.example ".encode())
        assert line.endswith(b"\n")
        assert post(address, write_request(Request(5, TREE.proof(5, 9), TREE.note(9))))
        assert refused_with(address, write_request(Request(5, TREE.proof(5, 12), TREE.note(12)))) == (409, b"9\n")
        wrong = (b"\0" * 32,) * len(TREE.proof(9, 12))
        assert refused_with(address, write_request(Request(9, wrong, TREE.note(12))))[0] == 422
        assert refused_with(address, write_request(Request(12, (), TREE.note(9))))[0] == 400
        assert refused_with(f"{base}/elsewhere", b"x")[0] == 404
        assert refused_with(address, b"x" * 200_000)[0] == 413
        assert fetch(base + "/") == b"north.example\n"


def test_the_served_witness_stops_when_it_is_told_to(own: WitnessKey, tmp_path: Path):
    (tmp_path / "policy").write_text(write_policy([OTHER_KEY.verifier]))
    files = ["--key", str(tmp_path / "witness-key"), "--policy", str(tmp_path / "policy")]
    words = [sys.executable, "-m", "transfer_service", "witness", "serve", *files, "--memory", str(tmp_path / "m")]
    with subprocess.Popen([*words, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        assert post(f"{address}/add-checkpoint", write_request(Request(0, (), TREE.note(5))))
        process.terminate()
        assert process.wait(timeout=30) == 0
    assert (tmp_path / "m").exists()


def test_unknown_and_unsigned_logs_are_told_apart(tmp_path: Path):
    follows_another = Witness(
        name="north.example",
        seed=b"\x21" * 32,
        logs=(WitnessKey("a", b"\x01" * 32).verifier,),
        memory=tmp_path / "memory",
    )
    with serving(follows_another) as base:
        assert refused_with(f"{base}/add-checkpoint", write_request(Request(0, (), TREE.note(5))))[0] == 404
    altered = TREE.note(5).replace(b"\n5\n", b"\n6\n", 1)
    follows = Witness(name="n", seed=b"\x21" * 32, logs=(OTHER_KEY.verifier,), memory=tmp_path / "memory")
    with serving(follows) as base:
        assert refused_with(f"{base}/add-checkpoint", write_request(Request(0, (), altered)))[0] == 403


def test_a_witness_key_is_never_overwritten(command: Command, own: WitnessKey, tmp_path: Path):
    answer = command("witness", "new", str(tmp_path / "witness-key"), "--name", "south.example")
    assert answer.code == 3
    assert read_witness_key((tmp_path / "witness-key").read_text()) == own


def test_the_logs_new_key_is_announced_under_the_old_one(any_installation: Installation, tmp_path: Path):
    installation = any_installation
    import_school(installation, tmp_path, 1)
    folder = tmp_path / "next"
    answer = installation.run("audit", "rotate-key", str(folder), "--json")
    assert (answer.code, answer.json["leaf"]) == (0, 1)
    assert (folder / "log-signing-key").stat().st_mode & 0o777 == 0o600
    old = parse_policy(installation.policy.read_text()).logs
    both = parse_policy((folder / "policy.txt").read_text()).logs
    assert both[:1] == old
    assert both[1].text == answer.json["key"]
    # The old key signed over the leaf; from here on the new one signs, and the state file stays.
    changed = {"LOG_SIGNING_KEY_FILE": str(folder / "log-signing-key"), "LOG_POLICY_FILE": str(folder / "policy.txt")}
    import_school(installation, tmp_path, 2)
    signed = installation.run("audit", "checkpoint", "--json", **changed)
    assert (signed.code, signed.json["size"]) == (0, 3)
    assert installation.run("audit", "verify", **changed).code == 0
    assert installation.run("audit", "verify").code == 1  # the old policy does not know who signed last
    again = installation.run("audit", "rotate-key", str(folder))
    assert again.code == 3
    export = tmp_path / "export"
    assert installation.run("audit", "export", str(export), **changed).code == 0
    assert verifier.main(["verify", "log", str(export), "--policy", str(folder / "policy.txt")]) == 0
    bodies = (export / "entries" / "000000000.jsonl").read_text()
    assert '"event":"log_key.rotated"' in bodies


def test_the_key_of_a_successor_has_another_name_and_its_policy_believes_both_logs(
    installation: Installation, tmp_path: Path
):
    folder = tmp_path / "successor"
    old = parse_policy(installation.policy.read_text()).logs
    answer = installation.run("audit", "successor-key", str(folder), "--name", "test-cli/log-2", "--json")
    assert answer.code == 0
    assert (folder / "log-signing-key").stat().st_mode & 0o777 == 0o600
    both = parse_policy((folder / "policy.txt").read_text()).logs
    assert both[:1] == old
    assert (both[1].name, both[1].text) == ("test-cli/log-2", answer.json["key"])
    for words in (("audit", "successor-key", str(folder), "--name", "test-cli/log-3"),):
        again = installation.run(*words)
        assert (again.code, "never overwritten" in again.err) == (3, True)
    same = installation.run("audit", "successor-key", str(tmp_path / "same"), "--name", old[0].name)
    assert (same.code, "needs another name" in same.err) == (3, True)
    unusable = installation.run("audit", "successor-key", str(tmp_path / "bad"), "--name", "a name")
    assert (unusable.code, (tmp_path / "bad").exists()) == (3, False)
