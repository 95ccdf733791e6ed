"""Every refusal is one plain sentence that says what to do, without personal data."""

import pytest

from transfer_service.domain import errors
from transfer_service.domain.errors import (
    HELPER_SENTENCES,
    OPENING_FAILURE_SENTENCES,
    WHO_CAN_HELP,
    AlreadyDone,
    CannotOpen,
    Conflict,
    FileRefused,
    Helper,
    Invalid,
    KeyMissing,
    LogFrozen,
    NeedsPassword,
    NeedsSecondFactor,
    NotFound,
    OpeningFailure,
    PermissionRefused,
    RuleForbids,
    ServiceError,
    SessionEnded,
    SignInRefused,
    StateForbids,
    TooLarge,
    TooManyAttempts,
    Unavailable,
)

EXAMPLES = [
    NotFound("transfer"),
    PermissionRefused("notes_open"),
    StateForbids("sent", "acknowledge"),
    RuleForbids("a_rule", "This is not possible. Ask a colleague."),
    Invalid({"surname": ["Enter the pupil’s surname"]}),
    AlreadyDone("send"),
    Conflict(),
    Unavailable(5),
    TooManyAttempts(60),
    TooLarge(25 * 1024 * 1024),
    FileRefused("The file has no header. Choose another one."),
    SignInRefused(),
    NeedsPassword(),
    NeedsSecondFactor(),
    SessionEnded(),
    KeyMissing(),
    LogFrozen(),
    CannotOpen(OpeningFailure.COMMITMENT),
]


def test_every_class_of_the_family_is_among_the_examples():
    family = {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, ServiceError)}
    assert family - {ServiceError} == {type(example) for example in EXAMPLES}


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_a_refusal_says_a_whole_sentence(error):
    assert error.sentence == str(error)
    assert error.sentence[0].isupper()
    assert error.sentence.endswith(".")
    assert "_" not in error.sentence


def test_what_is_not_visible_looks_like_what_does_not_exist():
    assert NotFound("transfer").sentence == (
        "We cannot find that transfer. Check the address or reference, or go back to your list."
    )


def test_a_state_that_forbids_names_the_act_and_the_state():
    assert "(send back) because the dispatch is now draft" in StateForbids("draft", "send_back").sentence


def test_what_is_invalid_is_listed_by_field_and_cannot_be_changed_later():
    given = {"surname": ["Enter the pupil’s surname"]}
    invalid = Invalid(given)
    given["surname"].append("x")
    assert dict(invalid.fields) == {"surname": ("Enter the pupil’s surname",)}


@pytest.mark.parametrize(
    "seconds, words",
    [(1, "1 second."), (59, "59 seconds."), (60, "1 minute."), (61, "2 minutes."), (600, "10 minutes.")],
)
def test_a_wait_is_said_in_words_and_rounded_up(seconds, words):
    assert Unavailable(seconds).sentence.endswith(f"Try again in {words}")
    assert TooManyAttempts(seconds).retry_after == seconds


def test_a_limit_is_said_in_megabytes():
    assert "larger than 25 MB" in TooLarge(26_214_400).sentence


@pytest.mark.parametrize("reason", list(OpeningFailure))
def test_what_cannot_be_opened_says_why_and_who_can_help(reason):
    error = CannotOpen(reason)
    assert error.sentence.startswith(f"This cannot be opened: {OPENING_FAILURE_SENTENCES[reason]}. ")
    assert error.sentence.endswith(HELPER_SENTENCES[WHO_CAN_HELP[reason]])


def test_another_helper_can_be_named():
    error = CannotOpen(OpeningFailure.NO_GRANT, Helper.COLLEAGUE)
    assert error.who_can_help is Helper.COLLEAGUE
    assert error.sentence.endswith("Ask a safeguarding lead of your school who can open it to grant you the key.")


def test_every_helper_has_a_sentence():
    assert set(HELPER_SENTENCES) == set(Helper)
