import pytest

from transfer_service.domain.passwords import (
    PASSWORD_PROBLEM_SENTENCES,
    PasswordProblem,
    judge_password,
    normalise_password,
)


def never(password):
    return False


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "twelve chars",
        "x7!qP2#vLm9&",
        "пароль из трёх слов",
        "a" + "bcdefghijk" * 25 + "12345",
        "warwick plus five other words",
    ],
)
def test_a_long_unusual_password_is_accepted_without_rules_about_signs(password):
    assert judge_password(password, is_common=never, context_words=["Ann Warwick"]) is None


@pytest.mark.parametrize(
    "password, problem",
    [
        ("", "too_short"),
        ("eleven char", "too_short"),
        ("abcdefghij" * 25 + "1234567", "too_long"),
        ("aaaaaaaaaaaaaaa", "repeated"),
        ("abcabcabcabcabca", "repeated"),
        ("1234123412341234", "repeated"),
        ("safeguarding1", "context"),
        ("PupilTransfer!9", "context"),
        ("annabel.finch1", "context"),
        ("Finch-Finch-2026", "context"),
        ("oakfieldschool", "context"),
        ("AnnabelOakfield26", "context"),
        ("Finch+Oakfield 2026", "context"),
        ("0akf1e1d $chool!!!!!!", "context"),
        ("20annabel26finch", "context"),
        ("f1nch-s@feguard1ng", "context"),
        ("Ännabel.Fïnch.1987", "context"),
        ("oakfield oakfield finch 7", "context"),
    ],
)
def test_a_bad_password_is_refused_with_the_reason(password, problem):
    words = ["Annabel Finch", "annabel.finch@oakfield.example", "Oakfield School"]
    assert judge_password(password, is_common=never, context_words=words).value == problem


@pytest.mark.parametrize("password", ["new@example.org", "NEW.example@org!", "n3w@example.org"])
def test_an_address_of_short_parts_is_a_reason_as_a_whole(password):
    assert judge_password(password, is_common=never, context_words=["new@example.org"]) is PasswordProblem.CONTEXT


@pytest.mark.parametrize(
    "password",
    ["annabel counts otters", "finch 1x7q2vm9", "oakfield-zigzag", "20262027 20282029", "transfer of seven owls"],
)
def test_a_word_of_ones_own_among_others_is_no_reason(password):
    words = ["Annabel Finch", "annabel.finch@oakfield.example", "Oakfield School"]
    assert judge_password(password, is_common=never, context_words=words) is None


def test_length_is_counted_after_normalising():
    ligatures = "\ufb03" * 4  # each becomes three letters
    assert len(ligatures) == 4
    assert judge_password(ligatures + "xyz", is_common=never) is None


def test_the_limits_are_twelve_and_two_hundred_and_fifty_six():
    assert judge_password("abcdefghijkl", is_common=never) is None
    assert judge_password("abcdefghijk", is_common=never) is PasswordProblem.TOO_SHORT
    assert judge_password(("abcdefghij" * 26)[:256], is_common=never) is None
    assert judge_password(("abcdefghij" * 26)[:257], is_common=never) is PasswordProblem.TOO_LONG


def test_whether_it_is_common_is_asked_last_and_about_the_normalised_form():
    asked = []

    def common(password):
        asked.append(password)
        return True

    assert judge_password("short", is_common=common) is PasswordProblem.TOO_SHORT
    assert asked == []
    assert judge_password("\uff50assword-password1", is_common=common) is PasswordProblem.COMMON
    assert asked == ["password-password1"]


def test_short_parts_of_names_do_not_count():
    assert judge_password("tea for two at six", is_common=never, context_words=["Tea Two", "a@b.uk"]) is None


def test_two_keyboards_give_one_password():
    assert normalise_password("cafe\u0301") == normalise_password("caf\u00e9")


def test_every_problem_has_a_sentence_without_the_password():
    assert set(PASSWORD_PROBLEM_SENTENCES) == set(PasswordProblem)
    assert PASSWORD_PROBLEM_SENTENCES[PasswordProblem.TOO_SHORT] == "Password must have 12 characters or more"
