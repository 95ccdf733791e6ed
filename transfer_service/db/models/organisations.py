"""Authorities, schools, and the calendars that their deadlines are counted by."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from transfer_service.db.models.base import Model
from transfer_service.db.types import Day, Flag, Id, Json, UtcDateTime


class Authority(Model):
    """A local authority: it oversees its schools and can read no note."""

    __tablename__ = "authority"

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    la_code: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    enrolled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it joined the service with a recovery key; None while only its schools are known from GIAS."""
    clock_rules: Mapped[Any | None] = mapped_column(Json)
    """Its own clock rules by kind of transfer; None means the defaults of `domain.deadlines`."""


class School(Model):
    """A school, known from GIAS; its id stays when its URN changes at academy conversion."""

    __tablename__ = "school"
    __table_args__ = (
        Index("ix_school_laestab", "la_code", "establishment_number"),
        Index("ix_school_search_name", "search_name"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    authority_id: Mapped[UUID] = mapped_column(Id, ForeignKey("authority.id"), index=True)
    urn: Mapped[str] = mapped_column(Text, unique=True)
    la_code: Mapped[str] = mapped_column(Text)
    establishment_number: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    search_name: Mapped[str] = mapped_column(Text)
    """Name, town and postcode folded to lower-case ASCII, for the search box."""
    type_name: Mapped[str] = mapped_column(Text, default="")
    phase: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[str] = mapped_column(Text)
    """As GIAS words it: Open; Closed; Open, but proposed to close; Proposed to open."""
    town: Mapped[str] = mapped_column(Text, default="")
    postcode: Mapped[str] = mapped_column(Text, default="")
    telephone: Mapped[str] = mapped_column(Text, default="")
    low_age: Mapped[int | None]
    high_age: Mapped[int | None]
    opened_on: Mapped[date | None] = mapped_column(Day)
    closed_on: Mapped[date | None] = mapped_column(Day)
    safeguarding_mailbox: Mapped[str | None] = mapped_column(Text)

    @hybrid_property
    def is_closed(self) -> bool:
        """Whether the register has it as closed; also a condition of a query."""
        return self.status == "Closed"


class FormerUrn(Model):
    """A URN that a school had before its conversion; a look-up by it finds the school of today."""

    __tablename__ = "former_urn"

    urn: Mapped[str] = mapped_column(Text, primary_key=True)
    school_id: Mapped[UUID] = mapped_column(Id, ForeignKey("school.id"), index=True)
    ended_on: Mapped[date | None] = mapped_column(Day)


class SchoolLink(Model):
    """A link of the GIAS links extract between two URNs, for instance to a closed school's successor."""

    __tablename__ = "school_link"
    __table_args__ = (UniqueConstraint("urn", "link_urn", "kind"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    urn: Mapped[str] = mapped_column(Text)
    link_urn: Mapped[str] = mapped_column(Text, index=True)
    kind: Mapped[str] = mapped_column(Text)
    established_on: Mapped[date | None] = mapped_column(Day)


class Term(Model):
    """One stretch of school days between two holidays, of an authority."""

    __tablename__ = "term"
    __table_args__ = (UniqueConstraint("authority_id", "starts_on"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    authority_id: Mapped[UUID] = mapped_column(Id, ForeignKey("authority.id"))
    starts_on: Mapped[date] = mapped_column(Day)
    ends_on: Mapped[date] = mapped_column(Day)
    begins_new_term: Mapped[bool] = mapped_column(Flag, default=True)
    """False for the stretch that follows a half-term holiday."""


class Closure(Model):
    """A day on which one school (INSET, snow) or all schools of an authority were closed."""

    __tablename__ = "closure"
    __table_args__ = (UniqueConstraint("authority_id", "school_id", "closed_on"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    authority_id: Mapped[UUID] = mapped_column(Id, ForeignKey("authority.id"))
    school_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("school.id"), index=True)
    closed_on: Mapped[date] = mapped_column(Day)
    kind: Mapped[str] = mapped_column(Text)
