"""The pupil of a transfer: encrypted columns, blind indexes, and what was decided about the UPN."""

from dataclasses import dataclass
from datetime import date

from transfer_service.crypto.cover import Cover
from transfer_service.crypto.errors import CryptoError
from transfer_service.db.models import Transfer
from transfer_service.domain.errors import Invalid
from transfer_service.domain.identifiers import (
    UPN_PROBLEM_SENTENCES,
    UPN_WARNING_SENTENCES,
    UpnVerdict,
    UpnWarning,
    judge_upn,
)
from transfer_service.use_cases.installation import Installation

NO_UPN = "none"
VALID_UPN = "valid"
CONFIRMED_UPN = "confirmed"

NAME_LIMIT = 100

# A temporary UPN is nothing to doubt: many pupils new to England have one.
_DOUBTS = frozenset({UpnWarning.CHECK_LETTER, UpnWarning.UNKNOWN_AUTHORITY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pupil:
    """Who the transfer is about. `upn` is tidied; None where the pupil has none or it was left out."""

    forename: str
    surname: str
    date_of_birth: date
    upn: str | None = None

    def __repr__(self) -> str:
        """Show nothing: this names a child."""
        return "Pupil(redacted)"

    @property
    def initials(self) -> str:
        """First letters of forename and surname, as the authority and receipts may show them."""
        return f"{self.forename[:1]}{self.surname[:1]}"


def judge_pupil(pupil: Pupil, *, upn_confirmed: bool) -> tuple[Pupil, str]:
    """Return the pupil with a tidied UPN, and what was decided about it: none, valid or confirmed.

    A broken shape is refused; a wrong letter or unknown authority only where nobody confirmed it (domain.md,
    "Identifiers"). Raises Invalid, which never repeats what was entered.
    """
    problems: dict[str, list[str]] = {}
    for name, words in (("forename", "forename"), ("surname", "surname")):
        value = getattr(pupil, name).strip()
        if not 1 <= len(value) <= NAME_LIMIT or not value.isprintable():
            problems[name] = [f"Enter the pupil’s {words}, in at most {NAME_LIMIT} characters"]
    verdict = judge_upn(pupil.upn) if pupil.upn and pupil.upn.strip() else None
    if verdict is not None:
        upn_problems = _upn_problems(verdict, confirmed=upn_confirmed)
        if upn_problems:
            problems["upn"] = upn_problems
    if problems:
        raise Invalid(problems)
    choice = NO_UPN if verdict is None else CONFIRMED_UPN if _is_doubtful(verdict) else VALID_UPN
    tidied = Pupil(
        forename=pupil.forename.strip(),
        surname=pupil.surname.strip(),
        date_of_birth=pupil.date_of_birth,
        upn=verdict.text if verdict else None,
    )
    return tidied, choice


def _upn_problems(verdict: UpnVerdict, *, confirmed: bool) -> list[str]:
    if not verdict.is_usable:
        return [UPN_PROBLEM_SENTENCES[problem] for problem in verdict.problems]
    if _is_doubtful(verdict) and not confirmed:
        doubts = [UPN_WARNING_SENTENCES[warning] for warning in verdict.warnings if warning in _DOUBTS]
        return [*doubts, "Correct it, confirm that it is right, or leave it out"]
    return []


def _is_doubtful(verdict: UpnVerdict) -> bool:
    return any(warning in _DOUBTS for warning in verdict.warnings)


def seal_pupil(at: Installation, transfer: Transfer, pupil: Pupil, upn_choice: str) -> None:
    """Write the pupil into the transfer's encrypted columns and blind indexes; `transfer.id` is set before."""
    keys = at.field_keys
    for column, value in (
        ("forename", pupil.forename),
        ("surname", pupil.surname),
        ("date_of_birth", pupil.date_of_birth.isoformat()),
    ):
        setattr(transfer, column, keys.seal_field(value, table="transfer", column=column, row=transfer.id))
    transfer.name_index = keys.index_name_and_birth(pupil.surname, pupil.date_of_birth)
    transfer.upn_choice = upn_choice
    if pupil.upn is None:
        transfer.upn, transfer.upn_index = None, None
    else:
        transfer.upn = keys.seal_field(pupil.upn, table="transfer", column="upn", row=transfer.id)
        transfer.upn_index = keys.index_upn(pupil.upn)


def open_pupil(at: Installation, transfer: Transfer) -> Pupil:
    """Open the pupil's columns; raises crypto's CannotOpen where they were changed or moved from another row."""

    def text(column: str, sealed: bytes) -> str:
        return at.field_keys.open_text(sealed, table="transfer", column=column, row=transfer.id)

    return Pupil(
        forename=text("forename", transfer.forename),
        surname=text("surname", transfer.surname),
        date_of_birth=date.fromisoformat(text("date_of_birth", transfer.date_of_birth)),
        upn=None if transfer.upn is None else text("upn", transfer.upn),
    )


def find_pupil(at: Installation, transfer: Transfer) -> Pupil | None:
    """Open the pupil's columns for a list or page that one damaged row must not break; None where they do not open."""
    try:
        return open_pupil(at, transfer)
    except (CryptoError, ValueError):
        return None


def make_cover(at: Installation, transfer: Transfer) -> Cover:
    """Return the cover that the transfer's columns call for: what is sealed at sending and compared at opening."""
    pupil = open_pupil(at, transfer)
    return Cover(
        forename=pupil.forename,
        surname=pupil.surname,
        date_of_birth=pupil.date_of_birth,
        upn=pupil.upn,
        kind=transfer.kind.value,
        leaving_on=transfer.leaving_on,
        starts_on=transfer.starts_on,
        destination_confirmed_on=transfer.destination_confirmed_on,
    )
