"""What the doctor of the keys can find: each ailment in words, and how bad it is. It alerts; it never deletes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID


class Severity(StrEnum):
    """Red: something may already be unreadable. Amber: one more mishap would make it so."""

    RED = "red"
    AMBER = "amber"


class Ailment(StrEnum):
    """What can be wrong with keys, grants, sealed items, the clock, and the files beside the database."""

    SENDER_HAS_NO_GRANT = "sender_has_no_grant"
    RECEIVER_HAS_NO_GRANT = "receiver_has_no_grant"
    GRANT_TO_DESTROYED_EPOCH = "grant_to_destroyed_epoch"
    EPOCH_WITHOUT_ESCROW = "epoch_without_escrow"
    EPOCH_WITHOUT_HOLDER = "epoch_without_holder"
    EPOCH_WITH_ONE_HOLDER = "epoch_with_one_holder"
    PERSON_WITHOUT_RECOVERY_CODE = "person_without_recovery_code"
    PERSON_WITHOUT_UNLOCK = "person_without_unlock"
    KEY_NOT_AUTHENTIC = "key_not_authentic"
    KEY_NOT_AS_LOGGED = "key_not_as_logged"
    SEALED_BYTES_MISSING = "sealed_bytes_missing"
    SEALED_BYTES_CHANGED = "sealed_bytes_changed"
    SEALED_BYTES_WITHOUT_ROW = "sealed_bytes_without_row"
    ITEM_OF_AN_EARLIER_REVISION = "item_of_an_earlier_revision"
    CLOCK_MOVED = "clock_moved"
    SECRET_FILE_MISSING = "secret_file_missing"  # noqa: S105 -- a kind of ailment
    SECRET_FILE_READABLE = "secret_file_readable"  # noqa: S105 -- a kind of ailment


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How bad an ailment is, and what it means and wants, as one sentence."""

    severity: Severity
    sentence: str


DIAGNOSES: Mapping[Ailment, Diagnosis] = MappingProxyType(
    {
        Ailment.SENDER_HAS_NO_GRANT: Diagnosis(
            Severity.RED,
            "A sealed item has no grant to a live key of the school that sent it. If the receiving school cannot open "
            "it either, the custodians can.",
        ),
        Ailment.RECEIVER_HAS_NO_GRANT: Diagnosis(
            Severity.RED,
            "A sent item has no grant to a live key of the receiving school. The sending school delivers it again.",
        ),
        Ailment.GRANT_TO_DESTROYED_EPOCH: Diagnosis(
            Severity.AMBER,
            "A grant is to a key that was destroyed. It opens nothing; another grant serves.",
        ),
        Ailment.EPOCH_WITHOUT_ESCROW: Diagnosis(
            Severity.RED,
            "A school’s key has no escrow grant to the authority’s recovery key. It is made when a DSL of the school "
            "signs in next; if it is not, compare the recovery key with the setting RECOVERY_KEYS.",
        ),
        Ailment.EPOCH_WITHOUT_HOLDER: Diagnosis(
            Severity.RED, "Nobody at the school can open its files. The authority approves a first DSL."
        ),
        Ailment.EPOCH_WITH_ONE_HOLDER: Diagnosis(
            Severity.AMBER, "Only one person at the school can open its files. She grants the key to a second one."
        ),
        Ailment.PERSON_WITHOUT_RECOVERY_CODE: Diagnosis(
            Severity.AMBER, "A key holder has no confirmed recovery code. The account page makes a new one."
        ),
        Ailment.PERSON_WITHOUT_UNLOCK: Diagnosis(
            Severity.RED, "A key holder’s key is wrapped under no password. A colleague grants the school’s key anew."
        ),
        Ailment.KEY_NOT_AUTHENTIC: Diagnosis(
            Severity.RED,
            "A public key in the database is not as the service wrote it. Somebody may have changed the database: "
            "keep a copy of it, and find out who.",
        ),
        Ailment.KEY_NOT_AS_LOGGED: Diagnosis(
            Severity.RED,
            "A school’s key stands otherwise than the log says, such as an earlier one that was put back in use. "
            "Nothing is sealed to it. Somebody may have changed the database: keep a copy of it; the school puts its "
            "key out of use and makes another one.",
        ),
        Ailment.SEALED_BYTES_MISSING: Diagnosis(
            Severity.RED, "The sealed bytes of an item are missing from the store. Restore the store from its backup."
        ),
        Ailment.SEALED_BYTES_CHANGED: Diagnosis(
            Severity.RED,
            "The sealed bytes of an item were changed. Restore the store from its backup.",
        ),
        Ailment.SEALED_BYTES_WITHOUT_ROW: Diagnosis(
            Severity.AMBER, "The store holds sealed bytes that no row names. The worker sweeps them after a day."
        ),
        Ailment.ITEM_OF_AN_EARLIER_REVISION: Diagnosis(
            Severity.RED,
            "An item stands as it was before a school encrypted it again, so that it does not open. Somebody may have "
            "changed the database: keep a copy of it, and restore the item from a backup.",
        ),
        Ailment.CLOCK_MOVED: Diagnosis(
            Severity.RED,
            "The machine’s clock moved by more than a week at once, or the service stood still for so long. Nothing is "
            "shredded for a week. Compare the clock with another one; if it is right, nothing need be done.",
        ),
        Ailment.SECRET_FILE_MISSING: Diagnosis(
            Severity.RED,
            "A file of secrets is not where the settings say. Restore it from its copy.",
        ),
        Ailment.SECRET_FILE_READABLE: Diagnosis(
            Severity.RED, "A file of secrets can be read by other users. Set its mode to 600."
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found wrong; `subject` is the id of the item, epoch, key or person, `school_id` the school's."""

    ailment: Ailment
    subject: UUID | None = None
    school_id: UUID | None = None
    setting: str | None = None

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return DIAGNOSES[self.ailment].severity

    @property
    def sentence(self) -> str:
        """What it means and what to do."""
        return DIAGNOSES[self.ailment].sentence
