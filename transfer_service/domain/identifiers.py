"""Identifiers of pupils and schools: UPN, URN, LAEstab. Tidying, shape, and what is only worth a warning.

Source of the UPN's make-up: the Department for Education's guide to unique pupil numbers.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"  # no I, O or S; a letter's value is its place, 0 to 22

_UPN_SHAPE = re.compile(r"[A-HJ-NP-RT-Z][0-9]{11}[0-9A-HJ-NP-RT-Z]")
_SPACES = re.compile(r"[\s\u200b\u00ad\ufeff]+")

# Every authority of England that UPNs carry, those since merged or split included, because a UPN keeps its first code;
# the 66x, 67x and 68x are Wales, 702 and 704 schools of the armed services, 000 was never issued.
_LA_CODES = (
    "201-213 301-320 330-336 340-344 350-359 370-373 380-384 390-394 420 660-681 702 704 800-803 805-808 810-813 815 "
    "816 820-823 825 826 830 831 835-841 845 846 850-852 855-857 860 861 865-896 908 909 916 919 921 925 926 928 929 "
    "931 933 935-938 940-943"
)


def _expand(text: str) -> frozenset[str]:
    """Read a list of codes and ranges of codes."""
    codes: set[str] = set()
    for part in text.split():
        first, _, last = part.partition("-")
        codes.update(f"{code:03d}" for code in range(int(first), int(last or first) + 1))
    return frozenset(codes)


LA_CODES = _expand(_LA_CODES)


class UpnProblem(StrEnum):
    """What is wrong with a UPN's shape: such a value is not a UPN and cannot be used."""

    EMPTY = "empty"
    LENGTH = "length"
    FIRST_LETTER = "first_letter"
    MIDDLE_DIGITS = "middle_digits"
    LAST_CHARACTER = "last_character"


class UpnWarning(StrEnum):
    """What is odd about a well-shaped UPN: shown to a person, who may keep it."""

    CHECK_LETTER = "check_letter"
    UNKNOWN_AUTHORITY = "unknown_authority"
    TEMPORARY = "temporary"


UPN_PROBLEM_SENTENCES = {
    UpnProblem.EMPTY: "Enter a UPN, or say that the pupil has none",
    UpnProblem.LENGTH: "A UPN has 13 characters. Check that none is missing or doubled",
    UpnProblem.FIRST_LETTER: "A UPN starts with a letter that is not I, O or S",
    UpnProblem.MIDDLE_DIGITS: "Characters 2 to 12 of a UPN are numbers. Check for a letter O in place of a zero",
    UpnProblem.LAST_CHARACTER: "A UPN ends in a number, or for a temporary UPN in a letter that is not I, O or S",
}

UPN_WARNING_SENTENCES = {
    UpnWarning.CHECK_LETTER: "The first letter of this UPN does not fit its numbers, so it may be mistyped",
    UpnWarning.UNKNOWN_AUTHORITY: "This UPN names a local authority that we do not know",
    UpnWarning.TEMPORARY: "This is a temporary UPN",
}


@dataclass(frozen=True, slots=True)
class UpnVerdict:
    """A UPN tidied, and what is to be said of it. `text` holds personal data: it goes into no message or log."""

    text: str
    problems: tuple[UpnProblem, ...]
    warnings: tuple[UpnWarning, ...]

    def __repr__(self) -> str:
        """Leave the UPN out."""
        return f"UpnVerdict(problems={self.problems!r}, warnings={self.warnings!r})"

    @property
    def is_usable(self) -> bool:
        """Whether the shape is a UPN's, so that a person may keep it in spite of warnings."""
        return not self.problems


def tidy_upn(text: str) -> str:
    """Return a UPN in capitals without spaces, as it is compared and indexed."""
    return _SPACES.sub("", text).upper()


def upn_check_letter(upn: str) -> str:
    """Return the letter that the characters 2 to 13 of a well-shaped UPN call for.

    The sum of position × value over positions 2 to 13, modulo 23; the last letter of a temporary UPN counts its value.
    """
    total = sum(
        position * (int(character) if character in "0123456789" else UPN_LETTERS.index(character))
        for position, character in enumerate(upn[1:], start=2)
    )
    return UPN_LETTERS[total % 23]


def judge_upn(text: str) -> UpnVerdict:
    """Tidy a UPN and say what is wrong with its shape, or what is odd about it."""
    upn = tidy_upn(text)
    if _UPN_SHAPE.fullmatch(upn) is None:
        return UpnVerdict(upn, _upn_problems(upn), ())
    warnings = []
    if upn[0] != upn_check_letter(upn):
        warnings.append(UpnWarning.CHECK_LETTER)
    if upn[1:4] not in LA_CODES:
        warnings.append(UpnWarning.UNKNOWN_AUTHORITY)
    if upn[12] in UPN_LETTERS:
        warnings.append(UpnWarning.TEMPORARY)
    return UpnVerdict(upn, (), tuple(warnings))


def _upn_problems(upn: str) -> tuple[UpnProblem, ...]:
    """Name every rule of the shape that a tidied text breaks."""
    if not upn:
        return (UpnProblem.EMPTY,)
    problems = []
    if len(upn) != 13:
        problems.append(UpnProblem.LENGTH)
    if upn[0] not in UPN_LETTERS:
        problems.append(UpnProblem.FIRST_LETTER)
    if not re.fullmatch(r"[0-9]{11}", upn[1:12]):
        problems.append(UpnProblem.MIDDLE_DIGITS)
    if not re.fullmatch(r"[0-9A-HJ-NP-RT-Z]", upn[12:13]):
        problems.append(UpnProblem.LAST_CHARACTER)
    return tuple(problems)


@dataclass(frozen=True, slots=True)
class LaEstab:
    """A DfE number: the authority's three digits and the establishment's four."""

    la_code: str
    establishment_number: str

    def __str__(self) -> str:
        """Write it as schools do, 937/2001."""
        return f"{self.la_code}/{self.establishment_number}"


def parse_urn(text: str) -> str | None:
    """Return a URN's six digits, or None. A URN changes when a school becomes an academy: never use it as a key."""
    tidy = _SPACES.sub("", text)
    return tidy if re.fullmatch(r"[1-9][0-9]{5}", tidy) else None


def parse_laestab(text: str) -> LaEstab | None:
    """Read 937/2001, 937-2001, 937 2001 or 9372001, or return None."""
    match = re.fullmatch(r"([0-9]{3})[/\-]?([0-9]{4})", _SPACES.sub("", text))
    return LaEstab(match[1], match[2]) if match else None


def parse_la_code(text: str) -> str | None:
    """Return an authority's three digits, or None."""
    tidy = _SPACES.sub("", text)
    return tidy if re.fullmatch(r"[0-9]{3}", tidy) else None
