"""Sealing items and grants, and the key derivation of a sign-in, each beside the primitive alone."""

import hashlib
import os

from cryptography.cobblestone import Cobblestone256Encryptor
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from tests.benchmarks.measuring import Bench, Figure, benchmark, calls_per_second, microseconds_each, seconds_once
from transfer_service.crypto import items, unlock
from transfer_service.crypto.peppers import PepperSet
from transfer_service.crypto.suites import EpochKey
from transfer_service.crypto.values import DataKey, Seed
from transfer_service.use_cases.people.passwords import PasswordWork

CONTEXT = b"ptx/item/1" + bytes(90)
PHOTOGRAPH = os.urandom(4 * 1024 * 1024)
INFO = b"ptx/item-grant/1" + bytes(160)
MLKEM_PUBLIC_LENGTH = 1184


def per_second(each: Figure) -> Figure:
    return Figure(len(PHOTOGRAPH) / each.value, "MB/s")


@benchmark("sealing a photograph of 4 MiB", floor="Cobblestone and SHA-256 over the same bytes")
def photograph(bench: Bench) -> tuple[Figure, Figure]:
    def ours() -> None:
        items.seal_item(context=CONTEXT, name="photo.jpg", media_type="image/jpeg", body=PHOTOGRAPH)

    def bare() -> None:
        sealer = Cobblestone256Encryptor(bytes(range(32)), CONTEXT)
        hashlib.sha256(sealer.update(PHOTOGRAPH) + sealer.finalize()).digest()
        hashlib.sha256(PHOTOGRAPH).digest()

    each = {"rounds": 3, "calls": 5}
    return per_second(microseconds_each(ours, **each)), per_second(microseconds_each(bare, **each))


@benchmark("granting an item to a school", floor="one hybrid HPKE seal")
def grant(bench: Bench) -> tuple[Figure, Figure]:
    public = EpochKey.from_seed(Seed.generate()).public
    data_key = DataKey.generate()
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    half, other = public.kem_public[:MLKEM_PUBLIC_LENGTH], public.kem_public[MLKEM_PUBLIC_LENGTH:]
    bare = MLKEM768X25519PublicKey(MLKEM768PublicKey.from_public_bytes(half), X25519PublicKey.from_public_bytes(other))
    return (
        microseconds_each(lambda: items.grant_item(data_key, public, info=INFO)),
        microseconds_each(lambda: suite.encrypt(data_key.reveal(), bare, INFO)),
    )


@benchmark("the key derivation of one sign-in", floor="Argon2id, 64 MiB, three passes")
def sign_in(bench: Bench) -> tuple[Figure, Figure]:
    peppers = PepperSet({1: bytes(range(32))})
    parameters = unlock.KdfParameters.generate(peppers)

    def bare() -> None:
        made = Argon2id(
            salt=bytes(16), length=64, iterations=3, lanes=1, memory_cost=64 * 1024, secret=bytes(range(32))
        )
        made.derive(b"seven quiet otters keep")

    return (
        seconds_once(lambda: unlock.derive_from_password("seven quiet otters keep", parameters, peppers)),
        seconds_once(bare),
    )


@benchmark("passwords checked, 4 threads", floor="Argon2id with the same parameters, two at a time")
def passwords(bench: Bench) -> tuple[Figure, Figure]:
    del bench
    peppers = PepperSet({1: bytes(range(32))})
    work = PasswordWork(peppers)
    parameters = unlock.KdfParameters.generate(peppers)
    password = "nine copper lanterns drift"
    return (
        calls_per_second(lambda: work.derive(password, parameters), threads=4),
        calls_per_second(lambda: unlock.derive_from_password(password, parameters, peppers), threads=2),
    )
