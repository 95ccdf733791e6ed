"""What more than one printed page tells: schools, people, and how their words are put."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SchoolFacts:
    """A school as it is always shown, since 2,585 English state schools share their name with another."""

    name: str
    town: str
    authority: str
    urn: str

    def line(self) -> str:
        """Say which school it is on one line."""
        return f"{self.name}, {self.town}, {self.authority}, URN {self.urn}"


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """A member of staff: the name and the role in words."""

    name: str
    role: str

    def line(self) -> str:
        """Say who it is on one line."""
        return f"{self.name}, {self.role}"
