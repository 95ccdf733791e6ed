"""Who is in the demonstration: real schools, made-up people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from transfer_service.domain.roles import Role

PASSWORD: Final = "three brass kettles by the canal"  # noqa: S105 - printed beside every sign-in, guards nothing real
"""One password for everybody: a demonstration is tried out by one person in many parts."""

WARWICKSHIRE: Final = "937"
COVENTRY: Final = "331"

NURSERY_HILL: Final = "125500"
PARK_LANE: Final = "140004"
RACE_LEYS: Final = "138431"
ETONE: Final = "137771"
NICHOLAS_CHAMBERLAINE: Final = "139936"
HIGHAM_LANE: Final = "137767"
CAMPION: Final = "137766"
STOKE: Final = "103679"
FOXFORD: Final = "146436"

DSL, DEPUTY = Role.DESIGNATED_SAFEGUARDING_LEAD, Role.DEPUTY_DSL
OFFICE, HEAD = Role.SCHOOL_OFFICE, Role.HEAD_TEACHER


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One person of the demonstration: `urn` names the school or `la_code` the authority, neither the installation.

    `waits` is somebody who has signed up and whom nobody has approved yet.
    """

    key: str
    name: str
    role: Role
    urn: str | None = None
    la_code: str | None = None
    waits: bool = False

    @property
    def email(self) -> str:
        """The address to sign in with; `.example` belongs to nobody."""
        place = f"school-{self.urn}" if self.urn else f"authority-{self.la_code}" if self.la_code else "service"
        return f"{self.name.lower().replace(' ', '.').replace('’', '')}@{place}.example"


PARTS: Final = (
    Part(key="admin", name="Morgan Tilley", role=Role.ADMINISTRATOR),
    Part(key="warwickshire.head", name="Philippa Garnett", role=Role.HEAD_OF_SERVICE, la_code=WARWICKSHIRE),
    Part(key="warwickshire.officer", name="Dominic Achebe", role=Role.AUTHORITY_OFFICER, la_code=WARWICKSHIRE),
    Part(key="coventry.head", name="Rosalind Mistry", role=Role.HEAD_OF_SERVICE, la_code=COVENTRY),
    Part(key="coventry.officer", name="Callum Fairbairn", role=Role.AUTHORITY_OFFICER, la_code=COVENTRY),
    Part(key="nursery.dsl", name="Harriet Osborne", role=DSL, urn=NURSERY_HILL),
    Part(key="nursery.deputy", name="Sanjay Dhillon", role=DEPUTY, urn=NURSERY_HILL),
    Part(key="nursery.office", name="Beth Lowry", role=OFFICE, urn=NURSERY_HILL),
    Part(key="nursery.head", name="Gareth Pugh", role=HEAD, urn=NURSERY_HILL),
    Part(key="etone.dsl", name="Naomi Fletcher", role=DSL, urn=ETONE),
    Part(key="etone.deputy", name="Tomasz Zielinski", role=DEPUTY, urn=ETONE),
    Part(key="etone.office", name="Carol Westwood", role=OFFICE, urn=ETONE),
    Part(key="etone.head", name="Adaeze Nwosu", role=HEAD, urn=ETONE),
    Part(key="park.dsl", name="Joanne Tranter", role=DSL, urn=PARK_LANE),
    Part(key="park.deputy", name="Imran Sadiq", role=DEPUTY, urn=PARK_LANE),
    Part(key="park.office", name="Wendy Cope", role=OFFICE, urn=PARK_LANE),
    Part(key="race.dsl", name="Fiona Kettle", role=DSL, urn=RACE_LEYS),
    Part(key="race.deputy", name="Luke Ambrose", role=DEPUTY, urn=RACE_LEYS),
    Part(key="chamberlaine.dsl", name="Marcus Bell", role=DSL, urn=NICHOLAS_CHAMBERLAINE),
    Part(key="chamberlaine.deputy", name="Yasmin Farouk", role=DEPUTY, urn=NICHOLAS_CHAMBERLAINE, waits=True),
    Part(key="higham.dsl", name="Eleanor Voss", role=DSL, urn=HIGHAM_LANE, waits=True),
    Part(key="stoke.dsl", name="Patrick Doyle", role=DSL, urn=STOKE),
    Part(key="stoke.deputy", name="Grace Mensah", role=DEPUTY, urn=STOKE),
    Part(key="foxford.dsl", name="Anita Rao", role=DSL, urn=FOXFORD),
    Part(key="foxford.deputy", name="Stephen Hartigan", role=DEPUTY, urn=FOXFORD),
)
"""Campion School has nobody; at Higham Lane the lead waits for an officer, so that the school has no key yet."""

AUTHORITY_OF: Final = {
    **dict.fromkeys(
        (NURSERY_HILL, PARK_LANE, RACE_LEYS, ETONE, NICHOLAS_CHAMBERLAINE, HIGHAM_LANE, CAMPION), WARWICKSHIRE
    ),
    **dict.fromkeys((STOKE, FOXFORD), COVENTRY),
}
"""From a school's URN to its authority's code."""

OFFICERS: Final = {WARWICKSHIRE: "warwickshire.officer", COVENTRY: "coventry.officer"}
