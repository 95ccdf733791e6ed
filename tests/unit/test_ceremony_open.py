from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.ceremony_cast import (
    LOG,
    PERSON,
    PERSON_ID,
    REQUEST_ID,
    SCHOOL,
    Demo,
    approval,
    bundle_file,
    changed,
    escrowed,
    made_demo,
    path_to,
    receipt_file,
    receipt_text,
    root_of,
)
from transfer_service import ceremony
from transfer_service.crypto import formats
from transfer_service.crypto.formats import GranteeKind
from transfer_service.crypto.recovery_files import bundle_sha256, read_recovered_grants
from transfer_service.crypto.signing import ED25519_COSIGNATURE, LogSigningKey, VerifierKey
from transfer_service.crypto.values import Seed

SEEDS = [Seed(b"\x11" * 32), Seed(b"\x12" * 32)]


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    return made_demo(tmp_path)


@pytest.fixture
def confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda _question: " Yes ")


def opened(demo: Demo, bundle: Path, receipt: str, *, log_key: str = LOG.vkey) -> int:
    arguments = ["recovery", "open", str(bundle), "--receipt", str(receipt_file(demo.folder, receipt))]
    arguments += ["--log-key", log_key, "--out", str(demo.folder / "grants.json")]
    return ceremony.main([*arguments, "--shares-from", str(demo.shares)])


def opening(demo: Demo) -> Path:
    grants = [escrowed(demo.public, seed, epoch) for epoch, seed in enumerate(SEEDS, 1)]
    return bundle_file(demo, grants, opening=True)


@pytest.mark.usefixtures("confirmed")
def test_the_new_person_opens_the_schools_epochs(demo: Demo, capsys: pytest.CaptureFixture[str]):
    bundle = opening(demo)
    assert opened(demo, bundle, receipt_text(approval())) == 0
    result = read_recovered_grants((demo.folder / "grants.json").read_text())
    assert (result.deployment, result.request, result.person, result.key_version) == (
        "demo", REQUEST_ID, PERSON_ID, 3
    )  # fmt: skip
    assert result.person_fingerprint == PERSON.fingerprint
    assert result.bundle_sha256 == bundle_sha256(bundle.read_text())
    for grant, seed in zip(result.grants, SEEDS, strict=True):
        info = formats.key_grant_info(
            suite=grant.suite,
            deployment="demo",
            org=SCHOOL,
            epoch=grant.epoch,
            epoch_fingerprint=grant.fingerprint,
            grantee_kind=GranteeKind.PERSON,
            grantee=PERSON_ID,
            grantee_version=3,
            grantee_fingerprint=PERSON.fingerprint,
        )
        assert PERSON.open_seed(grant.sealed, info=info) == seed
    printed = capsys.readouterr().out
    assert [word for word in printed.split() if word in PERSON.fingerprint.words()] == list(PERSON.fingerprint.words())
    assert all(seed.reveal().hex() not in printed for seed in SEEDS)


@pytest.mark.usefixtures("confirmed")
@pytest.mark.parametrize(
    "change",
    [
        {"event": "recovery.requested"},
        {"subject": str(PERSON_ID)},
        {"key": "00" * 32},
        {"org": str(PERSON_ID)},
        {"org": None},
    ],
)
def test_an_approval_of_something_else_is_refused(
    demo: Demo, change: dict[str, object], capsys: pytest.CaptureFixture[str]
):
    assert opened(demo, opening(demo), receipt_text(approval(**change))) == 3
    assert "approves another request" in capsys.readouterr().err
    assert not (demo.folder / "grants.json").exists()


def other_leaf(text: str) -> str:
    genuine, forged = receipt_text(approval(event="session.started")), receipt_text(approval())
    return genuine.replace(genuine.split("\n")[1], forged.split("\n")[1])


@pytest.mark.usefixtures("confirmed")
@pytest.mark.parametrize(
    "forge",
    [
        other_leaf,
        lambda text: text.replace("index 2", "index 3"),
        lambda text: text.replace("index 2", "index 9"),
        lambda text: text.replace("index 2", "index -1"),
        lambda text: text.replace("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2"),
        lambda text: text.replace(text.split("\n")[3] + "\n", "", 1),
        lambda text: text.replace(text.split("\n")[3], text.split("\n")[3] + "\n" + text.split("\n")[3], 1),
    ],
)
def test_a_receipt_that_proves_nothing_is_refused(
    demo: Demo, forge: Callable[[str], str], capsys: pytest.CaptureFixture[str]
):
    assert opened(demo, opening(demo), forge(receipt_text(approval()))) == 3
    assert "does not prove" in capsys.readouterr().err


@pytest.mark.usefixtures("confirmed")
@pytest.mark.parametrize(
    "text", [receipt_text(b"[]"), receipt_text(b"{}"), "", "x", "c2sp.org/tlog-proof@v1\nindex 0\n\nx", "a\n\nb"]
)
def test_a_receipt_that_cannot_be_read_is_refused(demo: Demo, text: str, capsys: pytest.CaptureFixture[str]):
    assert opened(demo, opening(demo), text) == 3
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.usefixtures("confirmed")
def test_a_receipt_signed_by_another_log_or_not_at_all_is_refused(demo: Demo, capsys: pytest.CaptureFixture[str]):
    stranger = LogSigningKey(name=LOG.name, seed=b"\x07" * 32)
    elsewhere = LogSigningKey(name="other.example", seed=b"\x06" * 32)
    genuine = receipt_text(approval())
    for text, log_key in (
        (receipt_text(approval(), signer=stranger), LOG.vkey),
        (genuine, stranger.vkey),
        (genuine, elsewhere.vkey),
        (genuine, VerifierKey(LOG.name, LOG.public_key, ED25519_COSIGNATURE).text),
        (genuine.split("\u2014")[0], LOG.vkey),
        (genuine.replace("\n5\n", "\n6\n"), LOG.vkey),
    ):
        assert opened(demo, opening(demo), text, log_key=log_key) == 3
        assert "not signed by the log key" in capsys.readouterr().err


@pytest.mark.usefixtures("confirmed")
@pytest.mark.parametrize("log_key", ["", "log.example/pupils", LOG.vkey[:-1], "a+b+****"])
def test_a_log_key_that_is_none_is_refused(demo: Demo, log_key: str, capsys: pytest.CaptureFixture[str]):
    assert opened(demo, opening(demo), receipt_text(approval()), log_key=log_key) == 3
    assert "--log-key" in capsys.readouterr().err


def test_words_that_were_not_confirmed_open_nothing(
    demo: Demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("builtins.input", lambda _question: "y")
    assert opened(demo, opening(demo), receipt_text(approval())) == 3
    assert "not confirmed" in capsys.readouterr().err
    assert not (demo.folder / "grants.json").exists()


@pytest.mark.usefixtures("confirmed")
def test_one_grant_that_does_not_open_stops_everything(demo: Demo, capsys: pytest.CaptureFixture[str]):
    bundle = changed(opening(demo), lambda content: content["grants"][1].update(epoch=9))
    assert opened(demo, bundle, receipt_text(approval())) == 3
    assert "Nothing was written" in capsys.readouterr().err
    assert not (demo.folder / "grants.json").exists()


@pytest.mark.usefixtures("confirmed")
def test_a_drills_bundle_opens_nothing(demo: Demo, capsys: pytest.CaptureFixture[str]):
    assert opened(demo, bundle_file(demo, [escrowed(demo.public, SEEDS[0])]), receipt_text(approval())) == 3
    assert "holds no request" in capsys.readouterr().err


@pytest.mark.usefixtures("confirmed")
@pytest.mark.parametrize(
    "change", [{"id": "x"}, {"person": "x"}, {"kem_public": "AAAA"}, {"kem_public": None}, {"key_version": "x"}]
)
def test_a_request_that_cannot_be_read_is_refused(
    demo: Demo, change: dict[str, object], capsys: pytest.CaptureFixture[str]
):
    bundle = changed(opening(demo), lambda content: content["request"].update(change))
    assert opened(demo, bundle, receipt_text(approval())) == 3
    assert "cannot be read" in capsys.readouterr().err


def test_audit_paths_are_followed_as_the_rfc_defines_them():
    for size in range(1, 34):
        leaves = [b"leaf %d" % number for number in range(size)]
        root = root_of(leaves)
        for index in range(size):
            path = path_to(leaves, index)
            assert ceremony.included(leaves[index], index, size, path, root)
            assert not ceremony.included(leaves[index] + b"x", index, size, path, root)
            assert not ceremony.included(leaves[index], index, size, [*path, bytes(32)], root)
            assert not ceremony.included(leaves[index], index, size, path[:-1], root) or not path
