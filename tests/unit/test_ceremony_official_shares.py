"""The published SLIP-39 vectors, through what the ceremony combines shares with and through its own `take_shares`.

From the npm package `slip39`, which carries the vectors of the specification; npm has checked it against its lock.
"""

import hashlib
import hmac
import json
from pathlib import Path
from typing import NamedTuple

import pytest

from transfer_service import ceremony

VECTORS = Path(__file__).parents[2] / "node_modules" / "slip39" / "test" / "vectors.json"
PASSPHRASE = b"TREZOR"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Vector(NamedTuple):
    description: str
    shares: list[str]
    secret: str
    xprv: str


EVERY = [Vector(*entry) for entry in json.loads(VECTORS.read_text())]
GOOD = [vector for vector in EVERY if vector.secret]
BAD = [vector for vector in EVERY if not vector.secret]


def named(vector: Vector) -> str:
    return vector.description


def extended_private_key(seed: bytes) -> str:
    """The root key of BIP-32 in base 58, by which the vectors name the secret a second time."""
    derived = hmac.digest(b"Bitcoin seed", seed, "sha512")
    body = bytes.fromhex("0488ade4") + bytes(9) + derived[32:] + b"\x00" + derived[:32]
    checked = body + hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4]
    number, text = int.from_bytes(checked, "big"), ""
    while number:
        number, place = divmod(number, 58)
        text = BASE58[place] + text
    return text


def bundle_of(recovery_fingerprint: bytes) -> ceremony.Bundle:
    return ceremony.Bundle(
        sha256="",
        deployment="demo",
        recovery_fingerprint=recovery_fingerprint,
        grantee=ceremony.UUID(int=1),
        grantee_version=1,
        demo=True,
        grants=(),
        request=None,
    )


def in_files(folder: Path, shares: list[str]) -> Path:
    """Shares as a demo keeps them; those of custodians are typed on a terminal, a word of which may be corrected."""
    for number, share in enumerate(shares, 1):
        (folder / f"share-{number}.txt").write_text(share + "\n")
    return folder


def test_all_published_vectors_are_here():
    assert len(EVERY) == 45
    assert (len(GOOD), len(BAD)) == (15, 30)
    assert len({vector.description for vector in EVERY}) == 45


@pytest.mark.parametrize("vector", GOOD, ids=named)
def test_good_shares_lead_to_the_secret(vector: Vector):
    secret = ceremony.combine_mnemonics(vector.shares, PASSPHRASE)
    assert secret.hex() == vector.secret
    assert extended_private_key(secret) == vector.xprv


@pytest.mark.parametrize("vector", BAD, ids=named)
def test_bad_shares_lead_to_nothing(vector: Vector):
    with pytest.raises(ceremony.MnemonicError):
        ceremony.combine_mnemonics(vector.shares, PASSPHRASE)


@pytest.mark.parametrize("vector", BAD, ids=named)
def test_the_ceremony_refuses_bad_shares_and_quotes_no_word_of_them(
    vector: Vector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ceremony, "THRESHOLD", len(vector.shares))
    with pytest.raises(ceremony.Refused) as refused:
        ceremony.take_shares(bundle_of(bytes(32)), in_files(tmp_path, vector.shares))
    assert str(refused.value) == "The shares do not fit together, or a word is wrong. Start again."
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("vector", GOOD, ids=named)
def test_the_ceremony_takes_good_shares_of_the_right_key_alone(
    vector: Vector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    secret = ceremony.combine_mnemonics(vector.shares)  # the ceremony's shares have no passphrase
    public = ceremony.hybrid_key(secret)[1]
    right, wrong = bundle_of(ceremony.fingerprint_of(public)), bundle_of(bytes(32))
    monkeypatch.setattr(ceremony, "THRESHOLD", len(vector.shares))
    folder = in_files(tmp_path, [share.upper() for share in vector.shares])
    assert ceremony.take_shares(right, folder)[1] == public
    with pytest.raises(ceremony.Refused, match="another recovery key than the bundle names"):
        ceremony.take_shares(wrong, folder)


def test_the_words_for_fingerprints_are_the_list_of_the_specification():
    assert len(ceremony.WORDLIST) == 1024
    assert sorted(ceremony.WORDLIST) == ceremony.WORDLIST
    assert len({word[:4] for word in ceremony.WORDLIST}) == 1024  # four letters tell each word
    used = {word for vector in GOOD for share in vector.shares for word in share.split()}
    assert used - set(ceremony.WORDLIST) == set()


def test_ten_bits_make_a_word_of_a_fingerprint():
    first, second = GOOD[0].shares[0].split()[:2]
    assert (first, second) == ("duckling", "enlarge")
    # Their numbers in the specification's list.
    assert ceremony.words_of((248 << 70 | 288 << 60).to_bytes(10, "big"))[:2] == ["duckling", "enlarge"]
