"""Encrypted columns and blind indexes under the service's field keys.

Names, dates of birth, UPNs, TOTP seeds and log details are sealed one by one, each bound to its table, column and
row. What must be found by its value stands beside it as a keyed hash. Every output begins with the two bytes of the
key's number, so that nothing is opened by trial and `rewrap` can count what is left under an old key.
"""

import hmac
import unicodedata
from datetime import date
from typing import Final, Self
from uuid import UUID

from transfer_service.crypto import formats
from transfer_service.crypto.backup_codes import BackupCode
from transfer_service.crypto.derivation import derive
from transfer_service.crypto.errors import CannotOpen, UnknownKey
from transfer_service.crypto.formats import KeyKind
from transfer_service.crypto.key_texts import parse_keys
from transfer_service.crypto.layout import length_prefixed, unsigned
from transfer_service.crypto.sealing import open_bytes, seal_bytes
from transfer_service.crypto.suites import PublicKey

INDEX_LENGTH: Final = 18
"""Two bytes of key id, 16 of HMAC-SHA256."""
MAC_LENGTH: Final = 32
"""Two bytes of key id, 30 of HMAC-SHA256."""
_ID_LENGTH: Final = 2


class FieldKeyring:
    """The service's field keys by number: the first seals, all open."""

    __slots__ = ("_deployment", "_derived", "_keys", "primary_id")

    def __init__(self, keys: dict[int, bytes], *, deployment: str) -> None:
        """Take numbered 32-byte keys, the primary one first, and the name bound into every sealed byte."""
        self._keys = dict(keys)
        self._deployment = deployment
        self._derived: dict[tuple[int, str], bytes] = {}
        self.primary_id = next(iter(keys))

    @classmethod
    def from_text(cls, text: str, *, deployment: str) -> Self:
        """Read the setting `2:base64,1:base64`; raises MalformedText or WrongLength."""
        return cls(parse_keys(text, setting="FIELD_KEYS"), deployment=deployment)

    @property
    def ids(self) -> tuple[int, ...]:
        """Return the numbers of all live keys, the primary one first."""
        return tuple(self._keys)

    def seal_field(self, value: str | bytes, *, table: str, column: str, row: UUID) -> bytes:
        """Seal one value for one place under the primary key; 74 bytes longer than the value."""
        plaintext = value.encode() if isinstance(value, str) else value
        context = self._context(self.primary_id, table, column, row)
        sealed = seal_bytes(self._key(self.primary_id, "seal"), plaintext, context=context)
        return unsigned(self.primary_id, _ID_LENGTH) + sealed

    def open_field(self, sealed: bytes, *, table: str, column: str, row: UUID) -> bytes:
        """Open one value in its own place; raises UnknownKey, or CannotOpen where it was changed or moved."""
        key_id = key_id_of(sealed)
        context = self._context(key_id, table, column, row)
        return open_bytes(self._key(key_id, "seal"), sealed[_ID_LENGTH:], context=context)

    def open_text(self, sealed: bytes, *, table: str, column: str, row: UUID) -> str:
        """Open one value that was sealed as text."""
        return self.open_field(sealed, table=table, column=column, row=row).decode()

    def index_upn(self, upn: str) -> bytes:
        """Return the blind index of a tidied UPN under the primary key; 18 bytes."""
        return self._index("index-upn", _upn_bytes(upn), self.primary_id)

    def live_upn_indexes(self, upn: str) -> tuple[bytes, ...]:
        """Return the blind indexes of a UPN under every live key, for looking it up."""
        return tuple(self._index("index-upn", _upn_bytes(upn), key_id) for key_id in self._keys)

    def index_name_and_birth(self, surname: str, born_on: date) -> bytes:
        """Return the blind index of a folded surname and date of birth under the primary key; 18 bytes."""
        return self._index("index-name", _name_bytes(surname, born_on), self.primary_id)

    def live_name_and_birth_indexes(self, surname: str, born_on: date) -> tuple[bytes, ...]:
        """Return the blind indexes of a surname and date of birth under every live key."""
        return tuple(self._index("index-name", _name_bytes(surname, born_on), key_id) for key_id in self._keys)

    def authenticate_public_key(
        self, public: PublicKey, *, kind: KeyKind, owner: UUID, epoch: int, state: str
    ) -> bytes:
        """Return the 32 bytes that prove that the service itself wrote a public-key row in this state."""
        return self._public_key_mac(self.primary_id, public, kind=kind, owner=owner, epoch=epoch, state=state)

    def is_authentic_public_key(
        self, mac: bytes, public: PublicKey, *, kind: KeyKind, owner: UUID, epoch: int, state: str
    ) -> bool:
        """Tell whether a public-key row is as the service wrote it; False also where its key id is unknown."""
        if len(mac) != MAC_LENGTH or key_id_of(mac) not in self._keys:
            return False
        made = self._public_key_mac(key_id_of(mac), public, kind=kind, owner=owner, epoch=epoch, state=state)
        return hmac.compare_digest(made, mac)

    def hash_backup_code(self, person: UUID, code: BackupCode) -> bytes:
        """Return the keyed hash by which a person's backup code is stored, under the primary key; 32 bytes."""
        return self._backup_code_hash(self.primary_id, person, code)

    def is_backup_code(self, stored: bytes, person: UUID, code: BackupCode) -> bool:
        """Tell whether this hash is of this person's code; False also where its key is not in FIELD_KEYS any more."""
        if len(stored) != MAC_LENGTH or key_id_of(stored) not in self._keys:
            return False
        return hmac.compare_digest(self._backup_code_hash(key_id_of(stored), person, code), stored)

    def authenticate_origin(self, origin: bytes) -> bytes:
        """Return the 32 bytes that prove that the service itself wrote where a school's key comes from."""
        return self._origin_mac(self.primary_id, origin)

    def is_authentic_origin(self, mac: bytes, origin: bytes) -> bool:
        """Tell whether an origin (`origins.epoch_origin`) is as the service wrote it; False for an unknown key id."""
        if len(mac) != MAC_LENGTH or key_id_of(mac) not in self._keys:
            return False
        return hmac.compare_digest(self._origin_mac(key_id_of(mac), origin), mac)

    def hash_address(self, subject: str) -> bytes:
        """Return 32 bytes by which attempts from one account or address are counted; `account:…` or `address:…`."""
        return self.keyed_hash("attempt", subject.encode())

    def keyed_hash(self, purpose: str, value: bytes) -> bytes:
        """Return 32 bytes of HMAC-SHA256 for short-lived comparisons, such as repeated requests."""
        return hmac.digest(self._key(self.primary_id, f"hash-{purpose}"), value, "sha256")

    def _public_key_mac(
        self, key_id: int, public: PublicKey, *, kind: KeyKind, owner: UUID, epoch: int, state: str
    ) -> bytes:
        record = formats.public_key_record(
            kind=kind,
            owner=owner,
            epoch=epoch,
            suite=public.suite,
            kem_public=public.kem_public,
            signing_public=public.signing_public,
            state=state,
        )
        made = hmac.digest(self._key(key_id, "public-key"), record, "sha256")
        return unsigned(key_id, _ID_LENGTH) + made[: MAC_LENGTH - _ID_LENGTH]

    def _backup_code_hash(self, key_id: int, person: UUID, code: BackupCode) -> bytes:
        record = length_prefixed("ptx/backup-code/1") + person.bytes + code.reveal()
        made = hmac.digest(self._key(key_id, "backup-code"), record, "sha256")
        return unsigned(key_id, _ID_LENGTH) + made[: MAC_LENGTH - _ID_LENGTH]

    def _origin_mac(self, key_id: int, origin: bytes) -> bytes:
        made = hmac.digest(self._key(key_id, "epoch-origin"), origin, "sha256")
        return unsigned(key_id, _ID_LENGTH) + made[: MAC_LENGTH - _ID_LENGTH]

    def _index(self, purpose: str, value: bytes, key_id: int) -> bytes:
        made = hmac.digest(self._key(key_id, purpose), value, "sha256")
        return unsigned(key_id, _ID_LENGTH) + made[: INDEX_LENGTH - _ID_LENGTH]

    def _context(self, key_id: int, table: str, column: str, row: UUID) -> bytes:
        return formats.field_context(deployment=self._deployment, table=table, column=column, row=row, key_id=key_id)

    def _key(self, key_id: int, purpose: str) -> bytes:
        # Lists of pupils open hundreds of fields: each derived key is made once.
        known = self._derived.get((key_id, purpose))
        if known is None:
            if key_id not in self._keys:
                raise UnknownKey(f"Field key {key_id} is not in FIELD_KEYS. Put it back: retired keys still open.")
            known = derive(self._keys[key_id], "ptx/field-key/1", purpose, self._deployment)
            self._derived[key_id, purpose] = known
        return known

    def __repr__(self) -> str:
        """Show the numbers only."""
        return f"FieldKeyring(ids={list(self._keys)})"


def key_id_of(stored: bytes) -> int:
    """Return the number of the field key behind a sealed value, index or MAC; raises CannotOpen where cut off."""
    if len(stored) < _ID_LENGTH:
        raise CannotOpen("field", "An encrypted column is cut off before its key's number.")
    return int.from_bytes(stored[:_ID_LENGTH], "big")


def fold_surname(surname: str) -> str:
    """Return a surname without accents, case, hyphens and gaps, as the blind index compares it."""
    decomposed = unicodedata.normalize("NFKD", surname).casefold()
    return "".join(letter for letter in decomposed if letter.isalnum())


def _upn_bytes(upn: str) -> bytes:
    return upn.strip().upper().encode()


def _name_bytes(surname: str, born_on: date) -> bytes:
    return length_prefixed(fold_surname(surname)) + length_prefixed(born_on.isoformat())
