import base64
import pickle

import pytest

from transfer_service.crypto.errors import MalformedText, WrongLength
from transfer_service.crypto.signing import (
    ED25519_COSIGNATURE,
    ED25519_NOTE,
    LogSigningKey,
    VerifierKey,
    is_key_name,
    key_id,
    public_key_of,
    sign,
    verify,
)

# RFC 8032, section 7.1, test 2.
SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
# The example of Go's golang.org/x/mod/sumdb/note, which reads and writes the same texts.
GO_SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def text_of(name: str, identifier: str, raw: bytes) -> str:
    return f"{name}+{identifier}+{base64.b64encode(raw).decode()}"


def test_the_example_of_the_rfc_is_signed_and_verified():
    assert public_key_of(SEED) == PUBLIC
    assert sign(SEED, b"\x72") == SIGNATURE
    assert verify(PUBLIC, SIGNATURE, b"\x72")


@pytest.mark.parametrize(
    "public, signature, message",
    [
        (PUBLIC, SIGNATURE, b"\x73"),
        (PUBLIC, bytes(64), b"\x72"),
        (PUBLIC, SIGNATURE[:-1], b"\x72"),
        (PUBLIC, SIGNATURE + b"\x00", b"\x72"),
        (PUBLIC[:-1], SIGNATURE, b"\x72"),
        (b"", SIGNATURE, b"\x72"),
        (b"\xff" * 32, SIGNATURE, b"\x72"),
    ],
)
def test_anything_else_is_not_a_signature(public: bytes, signature: bytes, message: bytes):
    assert not verify(public, signature, message)


@pytest.mark.parametrize("seed", [b"", SEED[:-1], SEED + b"\x00"])
def test_a_seed_of_another_length_is_refused(seed: bytes):
    with pytest.raises(WrongLength):
        sign(seed, b"")


def test_the_texts_of_gos_note_package_are_read_and_written():
    signer = LogSigningKey.from_text(f"  {GO_SIGNER}\n")
    assert signer.vkey == GO_VERIFIER
    assert signer.to_text() == GO_SIGNER
    assert signer.name == "PeterNeumann"
    assert signer.key_id == bytes.fromhex("c74f20a3")
    assert VerifierKey.from_text(GO_VERIFIER).text == GO_VERIFIER


def test_a_note_signed_by_go_is_verified():
    # The example note of the same package.
    text = b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    signature = base64.b64decode(
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    )
    verifier = VerifierKey.from_text(GO_VERIFIER)
    assert signature[:4] == verifier.key_id
    assert verifier.verifies(signature[4:], text)
    assert not verifier.verifies(signature[4:], text + b"\n")


def test_a_log_key_signs_what_its_verifier_key_checks():
    signer = LogSigningKey.generate("log.example/pupils")
    signature = signer.sign(b"checkpoint\n")
    assert VerifierKey.from_text(signer.vkey).verifies(signature, b"checkpoint\n")
    assert not VerifierKey.from_text(signer.vkey).verifies(signature, b"checkpoint")
    assert signer.public_key == VerifierKey.from_text(signer.vkey).public_key


def test_two_generated_log_keys_differ():
    assert LogSigningKey.generate("log").public_key != LogSigningKey.generate("log").public_key


def test_a_cosignature_key_has_its_own_key_id():
    note, cosignature = VerifierKey("w", PUBLIC), VerifierKey("w", PUBLIC, ED25519_COSIGNATURE)
    assert note.key_id == key_id("w", ED25519_NOTE, PUBLIC)
    assert note.key_id != cosignature.key_id
    assert VerifierKey.from_text(cosignature.text) == cosignature


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+c74f20a3",
        "name+c74f20a3+****",
        "name+c74f20a3+ARpc",
        GO_VERIFIER.replace("PeterNeumann", "Peter"),
        GO_VERIFIER.replace("c74f20a3", "c74f20a4"),
        GO_VERIFIER.replace("c74f20a3", "C74F20A3"),
        text_of("name", "00000000", b"\x02" + PUBLIC),
        text_of("na me", key_id("na me", 1, PUBLIC).hex(), b"\x01" + PUBLIC),
        text_of("", key_id("", 1, PUBLIC).hex(), b"\x01" + PUBLIC),
    ],
)
def test_a_verifier_key_that_does_not_hold_together_is_refused(text: str):
    with pytest.raises(MalformedText):
        VerifierKey.from_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        GO_VERIFIER,
        GO_SIGNER.replace("PeterNeumann", "Peter"),
        GO_SIGNER.replace("c74f20a3", "c74f20a4"),
        "PRIVATE+KEY+" + text_of("log", "00000000", b"\x04" + SEED),
        "PRIVATE+KEY+log+00000000+AQ==",
    ],
)
def test_a_signing_key_that_does_not_hold_together_is_refused_without_quoting_it(text: str):
    with pytest.raises(MalformedText) as refusal:
        LogSigningKey.from_text(text)
    assert "AYEKFALV" not in str(refusal.value)


def test_a_verifier_key_of_another_length_is_refused():
    with pytest.raises(WrongLength):
        VerifierKey("log", PUBLIC[:-1])


@pytest.mark.parametrize(
    "name, allowed", [("log.example/pupils", True), ("", False), ("a b", False), ("a+b", False), ("a\nb", False)]
)
def test_a_key_name_fits_into_one_word_of_a_signature_line(name: str, allowed: bool):
    assert is_key_name(name) is allowed


def test_a_log_key_shows_its_public_half_only_and_is_not_pickled():
    signer = LogSigningKey.from_text(GO_SIGNER)
    assert repr(signer) == f"LogSigningKey({GO_VERIFIER})"
    with pytest.raises(TypeError):
        pickle.dumps(signer)
