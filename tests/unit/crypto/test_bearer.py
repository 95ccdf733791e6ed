import pickle

import pytest

from transfer_service.crypto.bearer import LinkToken, SessionToken
from transfer_service.crypto.errors import MalformedText

BYTES = bytes(range(32))
TEXT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
KINDS = [SessionToken, LinkToken]


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_is_read_back_from_its_text(kind: type[SessionToken]):
    token = kind.generate()
    assert kind.from_text(token.text) == token


def test_the_texts_of_tokens():
    assert SessionToken(BYTES).text == LinkToken(BYTES).text == TEXT


def test_the_same_bytes_find_and_open_different_things_for_different_purposes():
    session, link = SessionToken(BYTES), LinkToken(BYTES)
    assert session.lookup != link.lookup
    assert session.lookup != session.wrapping_key().reveal()
    assert session != link


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text", ["", TEXT[:-1], TEXT + "=", TEXT + "A", TEXT[:-1] + "9", TEXT[:-1] + "é", TEXT[:-1] + "+"]
)
def test_what_is_no_token_is_refused_without_quoting_it(kind: type[SessionToken], text: str):
    with pytest.raises(MalformedText) as refusal:
        kind.from_text(text)
    assert "AAECAwQF" not in str(refusal.value)
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_is_not_shown_or_pickled_by_accident(kind: type[SessionToken]):
    token = kind(BYTES)
    assert repr(token) == f"{kind.__name__}(redacted)"
    assert TEXT not in f"{token}"
    with pytest.raises(TypeError):
        pickle.dumps(token)
