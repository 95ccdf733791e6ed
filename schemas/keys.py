"""What is posted about a school's key, and about the school that it goes on as."""

from dataclasses import dataclass

from schemas.base import ValueSchema
from schemas.fields import Ticked
from schemas.identifiers import Urn


@dataclass(frozen=True, slots=True)
class Exposure:
    """That somebody may know the school's key."""

    confirmed: bool


class ExposureSchema(ValueSchema[Exposure]):
    """The school puts its key out of use."""

    makes = Exposure
    confirmed = Ticked("Confirm that somebody may know your school’s key, or go back")


@dataclass(frozen=True, slots=True)
class Successor:
    """The school that a closed one became, by URN."""

    successor: str


class SuccessorSchema(ValueSchema[Successor]):
    """An officer says which school a closed one became."""

    makes = Successor
    successor = Urn("Choose the school that it became")
