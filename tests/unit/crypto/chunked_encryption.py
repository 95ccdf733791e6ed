"""The C2SP chunked encryption with AES-256-GCM written out plainly, with either hash, to compare the library with.

The published vectors use SHA-256, Cobblestone-256 uses SHA-512; nothing else differs between the two.
Source: https://c2sp.org/chunked-encryption.
"""

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

CHUNK = 16384


class NotAuthentic(Exception):
    """The ciphertext is not one that this key made in this context."""


def derived(key: bytes, salt: bytes, context: bytes, algorithm: HashAlgorithm) -> tuple[bytes, int, bytes]:
    if len(key) != 32:
        raise NotAuthentic
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + salt + context
    output = HKDFExpand(algorithm=algorithm, length=76, info=info).derive(key)
    return output[:32], int.from_bytes(output[32:44], "big"), output[44:]


def encrypted(key: bytes, plaintext: bytes, *, salt: bytes, context: bytes, algorithm: HashAlgorithm) -> bytes:
    aead_key, base, commitment = derived(key, salt, context, algorithm)
    chunks = [plaintext[at : at + CHUNK] for at in range(0, len(plaintext) + 1, CHUNK)]
    sealed = [
        AESGCM(aead_key).encrypt((base ^ number).to_bytes(12, "big"), chunk, None)
        for number, chunk in enumerate(chunks)
    ]
    return salt + commitment + b"".join(sealed)


def decrypted(key: bytes, ciphertext: bytes, *, context: bytes, algorithm: HashAlgorithm) -> bytes:
    salt, stated, body = ciphertext[:24], ciphertext[24:56], ciphertext[56:]
    aead_key, base, commitment = derived(key, salt, context, algorithm)
    if stated != commitment:
        raise NotAuthentic
    chunks = [body[at : at + CHUNK + 16] for at in range(0, len(body), CHUNK + 16)]
    if not chunks or len(chunks[-1]) == CHUNK + 16:
        chunks.append(b"")
    opened = [
        AESGCM(aead_key).decrypt((base ^ number).to_bytes(12, "big"), chunk, None)
        for number, chunk in enumerate(chunks)
    ]
    return b"".join(opened)
