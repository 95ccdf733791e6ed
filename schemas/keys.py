"""What is posted about a school's key."""

from dataclasses import dataclass

from schemas.base import ValueSchema
from schemas.fields import Ticked


@dataclass(frozen=True, slots=True)
class Exposure:
    """That somebody may know the school's key."""

    confirmed: bool


class ExposureSchema(ValueSchema[Exposure]):
    """The school puts its key out of use."""

    makes = Exposure
    confirmed = Ticked("Confirm that somebody may know your school's key, or go back")
