import pickle

import pytest

from transfer_service.crypto.bearer import ApiToken, LinkToken, SessionToken
from transfer_service.crypto.errors import MalformedText
from transfer_service.crypto.signing import verify

BYTES = bytes(range(32))
TEXT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
KINDS = [SessionToken, LinkToken, ApiToken]


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_is_read_back_from_its_text(kind: type[SessionToken]):
    token = kind.generate()
    assert kind.from_text(token.text) == token


def test_the_texts_of_tokens():
    assert SessionToken(BYTES).text == LinkToken(BYTES).text == TEXT
    assert ApiToken(BYTES).text == f"ptx_{TEXT}05fed2"


def test_the_same_bytes_find_and_open_different_things_for_different_purposes():
    session, link, api = SessionToken(BYTES), LinkToken(BYTES), ApiToken(BYTES)
    assert len({session.lookup, link.lookup, api.lookup}) == 3
    assert session.wrapping_key() != api.wrapping_key()
    assert session.lookup != session.wrapping_key().reveal()
    assert session != link


@pytest.mark.parametrize("kind", [SessionToken, LinkToken])
@pytest.mark.parametrize(
    "text", ["", TEXT[:-1], TEXT + "=", TEXT + "A", TEXT[:-1] + "9", TEXT[:-1] + "é", TEXT[:-1] + "+"]
)
def test_what_is_no_token_is_refused_without_quoting_it(kind: type[SessionToken], text: str):
    with pytest.raises(MalformedText) as refusal:
        kind.from_text(text)
    assert "AAECAwQF" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_a_machines_token_with_lost_or_changed_letters_is_told_from_a_revoked_one():
    text = ApiToken(BYTES).text
    for damaged in (text[:-1], text[4:], text.replace("AAEC", "AAED"), text[:-1] + "x", "ptx_", "", text + "0"):
        with pytest.raises(MalformedText, match="Copy all of it"):
            ApiToken.from_text(damaged)


def test_a_send_only_token_signs_with_a_key_of_its_own():
    token = ApiToken(BYTES)
    assert verify(token.signing_public, token.sign(b"manifest"), b"manifest")
    assert not verify(ApiToken.generate().signing_public, token.sign(b"manifest"), b"manifest")


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_is_not_shown_or_pickled_by_accident(kind: type[SessionToken]):
    token = kind(BYTES)
    assert repr(token) == f"{kind.__name__}(redacted)"
    assert TEXT not in f"{token}"
    with pytest.raises(TypeError):
        pickle.dumps(token)
