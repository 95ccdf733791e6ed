"""A secret shows itself only where someone asks for it by name."""

import pickle

import pytest

from config.secrets import Secret


def test_it_is_shown_by_reveal_alone() -> None:
    secret = Secret("hunter2")

    assert secret.reveal() == "hunter2"
    assert [str(secret), repr(secret), f"{secret}", "%s" % secret] == ["<secret>"] * 4  # noqa: UP031


def test_equal_texts_are_equal_secrets() -> None:
    assert Secret("one") == Secret("one")
    assert hash(Secret("one")) == hash(Secret("one"))
    assert Secret("one") != Secret("two")
    assert Secret("one") != "one"


def test_it_cannot_be_pickled() -> None:
    with pytest.raises(TypeError, match="a secret is not written out"):
        pickle.dumps(Secret("hunter2"))
