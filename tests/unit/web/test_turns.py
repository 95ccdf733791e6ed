"""Answers that hold much memory: so many at a time, each until it was sent."""

import pytest
from werkzeug.wrappers import Response

from transfer_service.domain.errors import NotFound, Unavailable
from transfer_service.web.turns import Turns


def page() -> Response:
    return Response("x")


def missing() -> Response:
    raise NotFound("file")


def test_who_finds_no_turn_in_time_is_told_when_to_come_back() -> None:
    turns = Turns(at_once=2, wait_seconds=0.01)
    under_way = [turns.answer(page), turns.answer(page)]

    with pytest.raises(Unavailable) as refused:
        turns.answer(page)

    assert refused.value.retry_after == 30
    assert len(under_way) == 2


def test_a_turn_ends_when_the_answer_was_sent() -> None:
    turns = Turns(at_once=1, wait_seconds=0.01)
    turns.answer(page).close()

    assert turns.answer(page).status_code == 200


def test_a_turn_that_fails_leaves_its_place_to_the_next() -> None:
    turns = Turns(at_once=1, wait_seconds=0.01)
    with pytest.raises(NotFound):
        turns.answer(missing)

    assert turns.answer(page).status_code == 200
