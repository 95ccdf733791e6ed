"""Every refusal of the rules has its status and its title."""

import pytest

from transfer_service.domain import errors
from transfer_service.domain.errors import ServiceError
from transfer_service.web.errors import HTTP_ANSWERS, REFUSALS, answer_of

ALL = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, ServiceError)]


@pytest.mark.parametrize("kind", ALL)
def test_each_kind_of_refusal_is_in_the_table(kind: type[ServiceError]) -> None:
    assert kind in REFUSALS


def test_a_refusal_is_told_in_its_own_words() -> None:
    answer = answer_of(errors.TooManyAttempts(90))

    assert (answer.status, answer.title, answer.retry_after) == (429, "Too many attempts", 90)
    assert answer.sentence == "There were too many attempts. Try again in 2 minutes."


def test_a_refusal_made_later_is_answered_as_the_nearest_kind() -> None:
    class StoreFull(errors.Unavailable):
        pass

    assert answer_of(StoreFull(30)).status == 503


def test_the_interfaces_statuses_hold() -> None:
    statuses = {kind.__name__: int(status) for kind, (status, _) in REFUSALS.items()}

    assert statuses["NotFound"] == 404
    assert statuses["PermissionRefused"] == 403
    assert statuses["StateForbids"] == 409
    assert statuses["Invalid"] == 422
    assert statuses["TooManyAttempts"] == 429
    assert statuses["TooLarge"] == 413


def test_every_http_answer_says_what_to_do() -> None:
    for title, sentence in HTTP_ANSWERS.values():
        assert title
        assert sentence.endswith(".")
