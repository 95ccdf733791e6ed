"""Public keys, wrapped seeds and grants. No row here opens anything by itself."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from transfer_service.db.models.base import Model, partial_index
from transfer_service.db.types import Bytes, Id, UtcDateTime, Word
from transfer_service.domain.keys import GranteeKind, KeyState, UnlockKind


class RecoveryKey(Model):
    """The public half of an authority's recovery key R; its seed exists only as custodians' shares."""

    __tablename__ = "recovery_key"
    __table_args__ = (
        UniqueConstraint("authority_id", "number"),
        partial_index("ix_recovery_key_active", "authority_id", where="state = 'active'", unique=True),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    authority_id: Mapped[UUID] = mapped_column(Id, ForeignKey("authority.id"))
    number: Mapped[int]
    suite: Mapped[int]
    kem_public: Mapped[bytes] = mapped_column(Bytes)
    fingerprint: Mapped[bytes] = mapped_column(Bytes)
    state: Mapped[KeyState] = mapped_column(Word(KeyState))
    mac: Mapped[bytes] = mapped_column(Bytes)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SchoolEpoch(Model):
    """The public halves of one epoch S.n of a school's key; the seed exists only inside grants."""

    __tablename__ = "school_epoch"
    __table_args__ = (
        UniqueConstraint("school_id", "number"),
        partial_index("ix_school_epoch_active", "school_id", where="state = 'active'", unique=True),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    school_id: Mapped[UUID] = mapped_column(Id, ForeignKey("school.id"))
    number: Mapped[int]
    suite: Mapped[int]
    kem_public: Mapped[bytes] = mapped_column(Bytes)
    signing_public: Mapped[bytes] = mapped_column(Bytes)
    fingerprint: Mapped[bytes] = mapped_column(Bytes)
    state: Mapped[KeyState] = mapped_column(Word(KeyState))
    mac: Mapped[bytes] = mapped_column(Bytes)
    previous_signature: Mapped[bytes | None] = mapped_column(Bytes)
    """S.n's signature over S.n+1; None for the first epoch and after a suspected exposure."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[UUID] = mapped_column(Id)
    approved_by: Mapped[UUID | None] = mapped_column(Id)
    origin_mac: Mapped[bytes | None] = mapped_column(Bytes)
    """Authenticates since when the epoch is there, who made it and who approved it; None for those made before."""
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    destroyed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PersonKey(Model):
    """The public half of a person's key P.n."""

    __tablename__ = "person_key"
    __table_args__ = (
        UniqueConstraint("person_id", "version"),
        partial_index("ix_person_key_active", "person_id", where="state = 'active'", unique=True),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    person_id: Mapped[UUID] = mapped_column(Id, ForeignKey("person.id"))
    version: Mapped[int]
    suite: Mapped[int]
    kem_public: Mapped[bytes] = mapped_column(Bytes)
    fingerprint: Mapped[bytes] = mapped_column(Bytes)
    state: Mapped[KeyState] = mapped_column(Word(KeyState))
    mac: Mapped[bytes] = mapped_column(Bytes)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Unlock(Model):
    """A person key's seed, wrapped under one thing that the person has or knows."""

    __tablename__ = "unlock"

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    person_id: Mapped[UUID] = mapped_column(Id, ForeignKey("person.id"), index=True)
    key_version: Mapped[int]
    kind: Mapped[UnlockKind] = mapped_column(Word(UnlockKind))
    parameters: Mapped[str] = mapped_column(Text)
    """KDF parameters as a PHC string, pepper id included; bound into the wrap's context."""
    wrapped_seed: Mapped[bytes] = mapped_column(Bytes)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """For a recovery code: when two of its groups were retyped."""
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class KeyGrant(Model):
    """The seed of a school epoch, sealed to one grantee."""

    __tablename__ = "key_grant"
    __table_args__ = (
        UniqueConstraint("school_epoch_id", "grantee_kind", "grantee_id", "grantee_version"),
        Index("ix_key_grant_grantee", "grantee_id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    school_epoch_id: Mapped[UUID] = mapped_column(Id, ForeignKey("school_epoch.id"))
    grantee_kind: Mapped[GranteeKind] = mapped_column(Word(GranteeKind))
    grantee_id: Mapped[UUID] = mapped_column(Id)
    grantee_version: Mapped[int]
    grantee_fingerprint: Mapped[bytes] = mapped_column(Bytes)
    suite: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(Bytes)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[UUID] = mapped_column(Id)
