"""People, the roles they hold, how they sign in, and their sessions."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from transfer_service.db.models.base import Model
from transfer_service.db.types import Bytes, Flag, Id, UtcDateTime, Whole, Word
from transfer_service.domain.roles import MembershipState, OrganisationKind, Role
from transfer_service.domain.sign_in import SessionStage


class Person(Model):
    """Somebody who signs in. Passwords guard a wrapped person key; only half of Argon2id's output is compared."""

    __tablename__ = "person"

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(Text, unique=True)
    """Tidied and lower-case."""
    name: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    password_parameters: Mapped[str | None] = mapped_column(Text)
    """KDF parameters and salt, with the pepper's id, as text; None until the invitation was accepted."""
    password_verifier: Mapped[bytes | None] = mapped_column(Bytes)
    """SHA-256 of the verifying half of the KDF's output."""
    password_changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    totp_seed: Mapped[bytes | None] = mapped_column(Bytes)
    """An encrypted column: field context (person, totp_seed, id)."""
    totp_last_step: Mapped[int | None] = mapped_column(Whole)
    """The newest time step whose code was used; a code serves once."""

    memberships: Mapped[list[Membership]] = relationship(back_populates="person", order_by="Membership.created_at")


class Membership(Model):
    """One role of one person at one school, one authority, or the installation."""

    __tablename__ = "membership"
    __table_args__ = (
        CheckConstraint("school_id IS NULL OR authority_id IS NULL", name="one_place"),
        Index("ix_membership_place", "school_id", "state"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    person_id: Mapped[UUID] = mapped_column(Id, ForeignKey("person.id"), index=True)
    school_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("school.id"))
    authority_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("authority.id"), index=True)
    role: Mapped[Role] = mapped_column(Word(Role))
    state: Mapped[MembershipState] = mapped_column(Word(MembershipState))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[UUID | None] = mapped_column(Id)
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    approved_by: Mapped[UUID | None] = mapped_column(Id)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[UUID | None] = mapped_column(Id)

    person: Mapped[Person] = relationship(back_populates="memberships")

    @property
    def organisation_id(self) -> UUID | None:
        """The school or the authority; None for the installation."""
        return self.school_id or self.authority_id

    @property
    def organisation_kind(self) -> OrganisationKind:
        """What the organisation is."""
        if self.school_id:
            return OrganisationKind.SCHOOL
        return OrganisationKind.AUTHORITY if self.authority_id else OrganisationKind.INSTALLATION


class Invitation(Model):
    """A link that lets one person take up one membership, once."""

    __tablename__ = "invitation"

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    membership_id: Mapped[UUID] = mapped_column(Id, ForeignKey("membership.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(Bytes, unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SignInSession(Model):
    """A signed-in browser: found by one output of the cookie's HKDF, its person key unwrapped by another."""

    __tablename__ = "sign_in_session"

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    lookup: Mapped[bytes] = mapped_column(Bytes, unique=True)
    person_id: Mapped[UUID] = mapped_column(Id, ForeignKey("person.id"), index=True)
    stage: Mapped[SessionStage] = mapped_column(Word(SessionStage))
    key_version: Mapped[int]
    wrapped_seed: Mapped[bytes] = mapped_column(Bytes)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    """The absolute end; idle sessions end earlier."""
    password_given_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """When the password was last given, for acts that ask for it again."""
    acting_kind: Mapped[OrganisationKind | None] = mapped_column(Word(OrganisationKind))
    acting_organisation_id: Mapped[UUID | None] = mapped_column(Id)
    device_label: Mapped[str] = mapped_column(Text, default="")
    """Browser and system in a few words, for the person's own list of sessions."""


class TrustedDevice(Model):
    """A browser on which an office person or head is not asked for a code for 30 days."""

    __tablename__ = "trusted_device"

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    person_id: Mapped[UUID] = mapped_column(Id, ForeignKey("person.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(Bytes, unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class BackupCodeHash(Model):
    """One of the ten codes of a person's sheet, each good once in place of a code of the authenticator app."""

    __tablename__ = "backup_code"
    __table_args__ = (CheckConstraint("(hash IS NULL) = (used_at IS NOT NULL)", name="used_has_no_hash"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    person_id: Mapped[UUID] = mapped_column(Id, ForeignKey("person.id"), index=True)
    number: Mapped[int]
    """Its place on the sheet, from 1."""
    hash: Mapped[bytes | None] = mapped_column(Bytes)
    """A keyed hash, with its key's number first; None once the code was used."""
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SignInAttempt(Model):
    """Failed sign-ins counted for one account or one address, both known by a keyed hash alone."""

    __tablename__ = "sign_in_attempt"

    subject: Mapped[bytes] = mapped_column(Bytes, primary_key=True)
    """HMAC of `account:…` or `address:…`; an account that does not exist counts like one that does."""
    failures: Mapped[int]
    window_started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class HeldForm(Model):
    """A form posted after the session had ended: sealed to the person's key for an hour, shown again after sign-in."""

    __tablename__ = "held_form"

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    person_id: Mapped[UUID] = mapped_column(Id, ForeignKey("person.id"), index=True)
    path: Mapped[str] = mapped_column(Text)
    key_version: Mapped[int]
    sealed_key: Mapped[bytes] = mapped_column(Bytes)
    ciphertext: Mapped[bytes] = mapped_column(Bytes)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    shown: Mapped[bool] = mapped_column(Flag, default=False)
