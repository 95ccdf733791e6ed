"""`recovery export`, `import` and `replace`, as an operator types them; the custodians' own tool stands between."""

import base64
import json
from pathlib import Path

import pytest
from shamir_mnemonic import generate_mnemonics

from tests.integration.cli.conftest import RECOVERY, Installation, single_sentence, write_recovery_file
from transfer_service import ceremony
from transfer_service.crypto.suites import RecoveryKey
from transfer_service.crypto.values import Seed

SET = {"RECOVERY_KEYS": f"937:{RECOVERY.fingerprint.hex}"}
NEXT = RecoveryKey.from_seed(Seed(b"\x47" * 32))


@pytest.fixture
def joined(installation: Installation, tmp_path: Path) -> Installation:
    """Warwickshire has joined; no school of it has a key."""
    file = write_recovery_file(tmp_path / "recovery-public.json")
    words = ("authority", "create", "--recovery-key", str(file), "--name", "Warwickshire")
    assert installation.run(*words, **SET).code == 0
    return installation


def test_a_drill_without_any_escrow_grant_is_exported_and_its_verdict_recorded(joined: Installation, tmp_path: Path):
    bundle = tmp_path / "drill.json"
    answer = joined.run("recovery", "export", str(bundle), "--authority", "937", "--json", **SET)
    assert answer.code == 0, answer.err
    assert (bundle.stat().st_mode & 0o777, len(answer.json["sha256"])) == (0o600, 64)
    again = joined.run("recovery", "export", str(bundle), "--authority", "937", **SET)
    assert (again.code, "nothing is overwritten" in single_sentence(again)) == (3, True)
    content = json.loads(bundle.read_text())
    content["recovery_key"]["demo"] = True  # so that the tool takes the shares from a folder
    (tmp_path / "shares").mkdir()
    for number, share in enumerate(generate_mnemonics(1, [(3, 5)], b"\x37" * 32)[0], 1):
        (tmp_path / "shares" / f"share-{number}.txt").write_text(share)
    changed, verdict = tmp_path / "changed.json", tmp_path / "verdict.json"
    changed.write_text(json.dumps(content))
    ceremony.main(["recovery", "drill", str(changed), "--out", str(verdict), "--shares-from", str(tmp_path / "shares")])
    refused = joined.run("recovery", "import", str(verdict), **SET)
    assert (refused.code, "another bundle" in single_sentence(refused)) == (3, True)
    told = json.loads(verdict.read_text()) | {"bundle_sha256": answer.json["sha256"]}
    verdict.write_text(json.dumps(told))
    recorded = joined.run("recovery", "import", str(verdict), "--json", **SET)
    assert (recorded.code, recorded.json) == (0, {"opened": 0, "failed": 0, "former_grants_deleted": 0})


def test_a_bundle_is_for_a_drill_or_for_a_request(joined: Installation, tmp_path: Path):
    target = str(tmp_path / "bundle.json")
    assert joined.run("recovery", "export", target, **SET).code == 2
    unknown = joined.run("recovery", "export", target, "--authority", "999", **SET)
    assert (unknown.code, single_sentence(unknown)) == (3, "No authority has this code. Check the three digits.")
    nobody = joined.run("recovery", "export", target, "--request", "01990000-0000-7000-8000-000000000001", **SET)
    assert nobody.code == 3
    assert not Path(target).exists()


def test_the_key_of_a_new_ceremony_takes_the_place_of_the_last_once_the_setting_names_it(
    joined: Installation, tmp_path: Path
):
    file = tmp_path / "next.json"
    public = {
        "format": 1,
        "suite": NEXT.public.suite,
        "kem_public": base64.b64encode(NEXT.public.kem_public).decode(),
        "fingerprint": NEXT.fingerprint.hex,
        "authority": "937",
        "demo": False,
    }
    file.write_text(json.dumps(public))
    words = ("recovery", "replace", "--recovery-key", str(file))
    early = joined.run(*words, **SET)
    assert early.code == 3
    assert NEXT.fingerprint.hex in single_sentence(early)
    now = {"RECOVERY_KEYS": f"937:{NEXT.fingerprint.hex}"}
    answer = joined.run(*words, "--json", **now)
    assert (answer.code, answer.json["fingerprint"]) == (0, NEXT.fingerprint.hex)
    assert joined.run(*words, **now).code == 3
