"""The published test vectors of every primitive, through our functions where the parameters are ours.

From the package `cryptography-vectors`; HPKE and X-Wing, chunked encryption, Argon2id, HKDF, X25519, ML-KEM, Ed25519.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.unit.crypto.chunked_encryption import NotAuthentic, decrypted, encrypted
from transfer_service import ceremony
from transfer_service.crypto import signing
from transfer_service.crypto.sealing import commits_to, open_bytes, seal_bytes
from transfer_service.crypto.suites import PersonKey, RecoveryKey
from transfer_service.crypto.values import Seed

FOLDER = Path(cryptography_vectors.__file__).parent
X_WING = 0x647A
X25519 = 0x0020
BASE_MODE = 0


def loaded(name: str) -> list[dict[str, object]]:
    content = json.loads((FOLDER / name).read_text())
    return content["vectors"] if isinstance(content, dict) else content


def records(name: str) -> list[dict[str, str]]:
    """The blocks of `key = value` lines that each begin with a count."""
    found: list[dict[str, str]] = []
    for line in (FOLDER / name).read_text().splitlines():
        key, separator, value = line.partition("=")
        if not separator or line.startswith("#"):
            continue
        if key.strip().lower() == "count":
            found.append({})
        found[-1][key.strip().lower()] = value.strip()
    return found


CHUNKED = [vector for vector in loaded("chunked-encryption/vectors.json") if vector["aead"] == "AEAD_AES_256_GCM"]
XWING = [vector for vector in loaded("HPKE/hpke-pq-test-vectors.json") if vector["kem_id"] == X_WING]
RFC_9180 = [
    vector
    for vector in loaded("HPKE/test-vectors.json")
    if (vector["mode"], vector["kem_id"], vector["kdf_id"], vector["aead_id"]) == (BASE_MODE, X25519, 1, 2)
]


@pytest.mark.parametrize("vector", CHUNKED, ids=lambda vector: vector["name"])
def test_chunked_encryption_written_out_plainly(vector: dict[str, str]):
    key = bytes.fromhex(vector["key"])
    ciphertext = base64.b64decode(vector["ciphertext"] or "")
    if vector.get("compressed"):
        ciphertext = zlib.decompress(ciphertext)
    context = vector["context"].encode()
    if vector["expect"] == "success":
        payload = decrypted(key, ciphertext, context=context, algorithm=hashes.SHA256())
        assert len(payload) == vector["payload_length"]
        assert hashlib.sha256(payload).hexdigest() == vector["payload_sha256"]
        again = encrypted(key, payload, salt=ciphertext[:24], context=context, algorithm=hashes.SHA256())
        assert again == ciphertext
    else:
        with pytest.raises((NotAuthentic, InvalidTag)):
            decrypted(key, ciphertext, context=context, algorithm=hashes.SHA256())


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, 32768, 100_000])
def test_what_we_seal_is_that_encryption_with_sha_512(size: int):
    # The published vectors stop at SHA-256; the plain text of the specification that passes them all carries the
    # proof over to Cobblestone-256, in both directions.
    key, context, plaintext = bytes(range(32)), b"context", bytes(at % 251 for at in range(size))
    sealed = seal_bytes(key, plaintext, context=context)
    assert decrypted(key, sealed, context=context, algorithm=hashes.SHA512()) == plaintext
    by_hand = encrypted(key, plaintext, salt=b"\x07" * 24, context=context, algorithm=hashes.SHA512())
    assert open_bytes(key, by_hand, context=context) == plaintext
    assert commits_to(key, by_hand[:56], context=context)


def test_there_are_vectors_of_each_kind():
    assert len([vector for vector in CHUNKED if vector["expect"] == "success"]) == 9
    assert len(CHUNKED) == 34
    assert len(XWING) == 2
    assert len(RFC_9180) == 1


@pytest.mark.parametrize("vector", XWING, ids=lambda vector: f"kdf {vector['kdf_id']}")
def test_a_seed_grows_into_the_hybrid_key_of_x_wing(vector: dict[str, str]):
    seed = Seed(bytes.fromhex(vector["skRm"]))
    assert PersonKey.from_seed(seed).public.kem_public.hex() == vector["pkRm"]
    assert RecoveryKey.from_seed(seed).public.kem_public.hex() == vector["pkRm"]
    assert ceremony.hybrid_key(seed.reveal())[1].hex() == vector["pkRm"]


@pytest.mark.parametrize("vector", XWING, ids=lambda vector: f"kdf {vector['kdf_id']}")
def test_hybrid_hpke(vector: dict[str, object]):
    kdf = {1: KDF.HKDF_SHA256, 17: KDF.SHAKE256}[vector["kdf_id"]]
    suite = Suite(KEM.MLKEM768_X25519, kdf, AEAD.CHACHA20_POLY1305)
    private, _public = ceremony.hybrid_key(bytes.fromhex(vector["skRm"]))
    first = vector["encryptions"][0]
    opened = openssl.hpke._decrypt_with_aad(
        suite,
        bytes.fromhex(vector["enc"] + first["ct"]),
        private,
        bytes.fromhex(vector["info"]),
        bytes.fromhex(first["aad"]),
    )
    assert opened.hex() == first["pt"]


@pytest.mark.parametrize("vector", RFC_9180, ids=["RFC 9180"])
def test_hpke_of_rfc_9180(vector: dict[str, object]):
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    private = X25519PrivateKey.from_private_bytes(bytes.fromhex(vector["skRm"]))
    first = vector["encryptions"][0]
    opened = openssl.hpke._decrypt_with_aad(
        suite,
        bytes.fromhex(vector["enc"] + first["ct"]),
        private,
        bytes.fromhex(vector["info"]),
        bytes.fromhex(first["aad"]),
    )
    assert opened.hex() == first["pt"]


@pytest.mark.parametrize("vector", records("KDF/argon2id.txt"), ids=lambda vector: f"count {vector['count']}")
def test_argon2id(vector: dict[str, str]):
    kdf = Argon2id(
        salt=bytes.fromhex(vector["salt"]),
        length=int(vector["length"]),
        iterations=int(vector["iter"]),
        lanes=int(vector["lanes"]),
        memory_cost=int(vector["memcost"]),
        ad=bytes.fromhex(vector["ad"]) if vector.get("ad") else None,
        secret=bytes.fromhex(vector["secret"]) if vector.get("secret") else None,
    )
    assert kdf.derive(bytes.fromhex(vector["pass"])).hex() == vector["output"]


@pytest.mark.parametrize(
    "vector", records("KDF/rfc-5869-HKDF-SHA256.txt"), ids=lambda vector: f"count {vector['count']}"
)
def test_hkdf(vector: dict[str, str]):
    kdf = HKDF(
        algorithm=hashes.SHA256(),
        length=int(vector["l"]),
        salt=bytes.fromhex(vector.get("salt", "")),
        info=bytes.fromhex(vector.get("info", "")),
    )
    assert kdf.derive(bytes.fromhex(vector["ikm"])).hex() == vector["okm"]


@pytest.mark.parametrize(
    "vector",
    [vector for vector in records("asymmetric/X25519/rfc7748.txt") if "output_u" in vector],
    ids=lambda vector: f"count {vector['count']}",
)
def test_x25519(vector: dict[str, str]):
    private = X25519PrivateKey.from_private_bytes(bytes.fromhex(vector["input_scalar"]))
    public = X25519PublicKey.from_public_bytes(bytes.fromhex(vector["input_u"]))
    assert private.exchange(public).hex() == vector["output_u"]


def mlkem_vectors() -> Iterator[dict[str, str]]:
    vector: dict[str, str] = {}
    for line in (FOLDER / "asymmetric/MLKEM/kat_MLKEM_768.rsp").read_text().splitlines():
        key, separator, value = line.partition(" = ")
        if separator:
            vector[key] = value
        if key == "ss":
            yield vector
            vector = {}


def test_ml_kem_768():
    vectors = list(mlkem_vectors())
    assert len(vectors) >= 100
    for vector in vectors:
        private = MLKEM768PrivateKey.from_seed_bytes(bytes.fromhex(vector["d"] + vector["z"]))
        assert private.public_key().public_bytes_raw().hex() == vector["pk"]
        assert private.decapsulate(bytes.fromhex(vector["ct"])).hex() == vector["ss"]


def test_ed25519():
    lines = (FOLDER / "asymmetric/Ed25519/sign.input").read_text().splitlines()
    assert len(lines) >= 1000
    for line in lines:
        seed, public, message, signed = (bytes.fromhex(part) for part in line.split(":")[:4])
        assert signing.public_key_of(seed[:32]) == public
        assert signing.sign(seed[:32], message) == signed[:64]
        assert signing.verify(public, signed[:64], message)
        assert not signing.verify(public, signed[:64], message + b"x")
