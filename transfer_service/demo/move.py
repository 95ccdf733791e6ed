"""What is told of one pupil's move in the demonstration, and when each thing happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from transfer_service.domain.identifiers import upn_check_letter
from transfer_service.domain.transfer import RejectionReason
from transfer_service.use_cases.transfers.pupils import Pupil


@dataclass(frozen=True, slots=True)
class Back:
    """A file that came back, so many days ago."""

    days_ago: int
    reason: RejectionReason
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One pupil's move. Days are counted back from today; None is what has not happened.

    `sender` and `receiver` are the schools as the keys of their people begin. `recorded_by` is the office where the
    lead has not begun the file. `redirected` gives the days and the school to which the same items went on.
    """

    forename: str
    surname: str
    born: str
    number: int
    sender: str
    to: str
    receiver: str = ""
    left: int
    starts_term: bool = False
    has_upn: bool = True
    urgent: bool = False
    has_papers: bool = False
    nil: bool = False
    recorded: int
    recorded_by: str = "dsl"
    written: int | None = None
    sent: int | None = None
    opened: int | None = None
    acknowledged: int | None = None
    withdrawn: int | None = None
    back: Back | None = None
    redirected: tuple[int, str] | None = None

    @property
    def pupil(self) -> Pupil:
        """Who moves, with a number of the right shape where the pupil has one."""
        digits = f"937{2000 + 17 * self.number:04}17{100 + self.number:03}"
        return Pupil(
            forename=self.forename,
            surname=self.surname,
            date_of_birth=date.fromisoformat(self.born),
            upn=upn_check_letter("A" + digits) + digits if self.has_upn else None,
        )


def whole_file(number: int, name: str, between: tuple[str, str], *, to: str, left: int, days: tuple[int, int]) -> Move:
    """A file that was sent, and opened and acknowledged on one later day: `days` ago; `between` which schools."""
    forename, surname = name.rsplit(" ", 1)
    sent, acknowledged = days
    return Move(
        forename=forename,
        surname=surname,
        born=f"2016-{number % 12 + 1:02}-{number % 28 + 1:02}",
        number=number,
        sender=between[0],
        receiver=between[1],
        to=to,
        left=left,
        recorded=max(sent, left),
        written=sent,
        sent=sent,
        opened=acknowledged,
        acknowledged=acknowledged,
    )
