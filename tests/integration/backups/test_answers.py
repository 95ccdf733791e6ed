"""Every event of the log has its answer in a restore, and every answer that is written is given."""

import inspect

from transfer_service.domain.events import Event
from transfer_service.use_cases.backups import again_files, again_keys, again_people
from transfer_service.use_cases.backups.answers import ANSWERS, answer_to


def test_every_event_has_its_answer():
    assert set(ANSWERS) == set(Event), "say in backups/answers.py what a restore does about an event"


def test_every_taking_that_is_written_answers_an_event():
    written = {
        function
        for module in (again_files, again_keys, again_people)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_") and name != "set_epoch_state"
    }
    assert {answer.take for answer in ANSWERS.values()} - {None} == written


def test_what_deletes_or_revokes_is_never_passed_over():
    passed_over = {event.value for event, answer in ANSWERS.items() if answer.take is None}
    endings = (
        ".removed", ".withdrawn", ".discarded", ".rejected", ".shredded", ".ended", ".suspended", ".refused",
        ".revoked", ".destroyed", ".undelivered", ".abandoned",
    )  # fmt: skip
    assert {event for event in passed_over if event.endswith(endings)} == {"access.refused", "session.ended"}


def test_an_event_of_a_later_version_is_told_as_lost():
    answer = answer_to("dispatch.sung")
    assert (answer.take, answer.is_told) == (None, True)
