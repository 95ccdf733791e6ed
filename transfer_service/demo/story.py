"""The last weeks, as they went: every act of every move, in the order of time, with the worker working in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from uuid import UUID

from transfer_service.demo import acts
from transfer_service.demo.cast import PARTS
from transfer_service.demo.enrolling import Member, Places, Stage
from transfer_service.demo.move import Move
from transfer_service.demo.moves import MOVES
from transfer_service.demo.notes import NOTES
from transfer_service.demo.papers import make_pdf, make_picture

_RECORD, _WRITE, _SEND, _WITHDRAW = "08:40", "10:05", "10:50", "12:10"
_OPEN, _ACKNOWLEDGE, _SEND_BACK, _REDIRECT = "11:25", "13:30", "14:15", "15:00"
_HOLDERS: Final = frozenset(part.key for part in PARTS if not part.waits)


@dataclass(order=True, slots=True)
class _Act:
    moment: datetime
    number: int
    do: Callable[[], None] = field(compare=False)


def play_story(stage: Stage, members: Mapping[str, Member], places: Places, *, term_starts: Sequence[date]) -> None:
    """Make every transfer through the use cases, in order. `term_starts` are the days on which new terms began."""
    tellings = [_Telling(stage, members, places, move, term_starts) for move in MOVES]
    for act in sorted(act for telling in tellings for act in telling.list_acts()):
        stage.clock.walk_to(act.moment)
        act.do()
        stage.clock.send_soon()


class _Telling:
    """One move as it is played."""

    def __init__(
        self,
        stage: Stage,
        members: Mapping[str, Member],
        places: Places,
        move: Move,
        term_starts: Sequence[date],
    ) -> None:
        self._stage = stage
        self._members = members
        self._places = places
        self._move = move
        self._term_starts = term_starts
        self._dispatch_id: UUID | None = None

    def list_acts(self) -> Iterator[_Act]:
        """List what happened with its time; moves are some minutes apart, as people are."""
        move = self._move
        steps = (
            (move.recorded, _RECORD, self._record),
            (move.written, _WRITE, self._write),
            (move.sent, _SEND, self._send),
            (move.opened, _OPEN, self._open),
            (move.acknowledged, _ACKNOWLEDGE, self._acknowledge),
            (move.withdrawn, _WITHDRAW, self._withdraw),
            (move.back.days_ago if move.back else None, _SEND_BACK, self._send_back),
            (move.redirected[0] if move.redirected else None, _REDIRECT, self._redirect),
        )
        for days_ago, clock, do in steps:
            if days_ago is not None:
                hour, minute = clock.split(":")
                shown = f"{hour}:{int(minute) + move.number % 10:02}"
                yield _Act(self._stage.clock.at(days_ago, shown), move.number, do)

    @property
    def _dispatch(self) -> UUID:
        if self._dispatch_id is None:
            raise LookupError("a move of the demonstration is played out of order")
        return self._dispatch_id

    def _at_school(self, school: str) -> Member:
        """Choose the lead or, for every second move, the deputy who holds the key."""
        deputy = f"{school}.deputy"
        return self._members[deputy if self._move.number % 2 and deputy in _HOLDERS else f"{school}.dsl"]

    @property
    def _sender(self) -> Member:
        return self._at_school(self._move.sender)

    @property
    def _receiver(self) -> Member:
        return self._at_school(self._move.receiver)

    def _record(self) -> None:
        move, clock = self._move, self._stage.clock
        leaving_on = clock.working_day(move.left)
        by = self._members[f"{move.sender}.{move.recorded_by}"]
        starts = [day for day in self._term_starts if leaving_on < day <= clock.today]
        self._dispatch_id = acts.record_move(
            self._stage,
            by,
            pupil=move.pupil,
            receiving_school_id=self._places.schools[move.to],
            leaving_on=leaving_on,
            starts_on=max(starts) if move.starts_term and starts else None,
            urgent=move.urgent,
        )

    def _write(self) -> None:
        number = self._move.number
        for category, text in (NOTES[number % len(NOTES)], NOTES[(number + 2) % len(NOTES)]):
            acts.write_note(self._stage, self._sender, self._dispatch, category=category, text=text)
        if self._move.has_papers:
            minutes = make_pdf("Notes of the review meeting", "Present: family, school, school nurse", "Made up.")
            acts.attach(self._stage, self._sender, self._dispatch, name="Review meeting.pdf", body=minutes)
            acts.attach(self._stage, self._sender, self._dispatch, name="Drawing.png", body=make_picture())

    def _send(self) -> None:
        act = acts.declare_nil if self._move.nil else acts.send
        act(self._stage, self._sender, self._dispatch)

    def _open(self) -> None:
        acts.open_file(self._stage, self._receiver, self._dispatch)

    def _acknowledge(self) -> None:
        if self._move.nil:
            acts.look_at_cover(self._stage, self._receiver, self._dispatch)
        acts.acknowledge(self._stage, self._receiver, self._dispatch, nil=self._move.nil)

    def _withdraw(self) -> None:
        acts.withdraw(self._stage, self._sender, self._dispatch)

    def _send_back(self) -> None:
        back = self._move.back
        if back is not None:
            acts.look_at_cover(self._stage, self._receiver, self._dispatch)
            acts.send_back(self._stage, self._receiver, self._dispatch, reason=back.reason, words=back.words)

    def _redirect(self) -> None:
        if self._move.redirected is not None:
            school_id = self._places.schools[self._move.redirected[1]]
            self._dispatch_id = acts.redirect(self._stage, self._sender, self._dispatch, receiving_school_id=school_id)
