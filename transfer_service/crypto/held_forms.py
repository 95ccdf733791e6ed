"""A form that came in after its session had expired: sealed to its author until the next sign-in."""

from transfer_service.crypto.sealing import open_bytes, seal_bytes
from transfer_service.crypto.suites import PersonKey, PublicKey, seal_to
from transfer_service.crypto.values import DataKey


def seal_form(public: PublicKey, body: bytes, *, info: bytes) -> tuple[bytes, bytes]:
    """Seal a form to a person; `info` is `formats.held_form_info`. Returns the sealed key and the ciphertext."""
    data_key = DataKey.generate()
    return seal_to(public, data_key, info=info), seal_bytes(data_key.reveal(), body, context=info)


def open_form(person_key: PersonKey, sealed_key: bytes, ciphertext: bytes, *, info: bytes) -> bytes:
    """Open a held form with its author's key; raises CannotOpen."""
    data_key = person_key.open_data_key(sealed_key, info=info)
    return open_bytes(data_key.reveal(), ciphertext, context=info)
