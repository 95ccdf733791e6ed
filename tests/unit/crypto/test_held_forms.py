import pytest

from tests.unit.crypto.literals import FINGERPRINT, OTHER, PERSON
from transfer_service.crypto import formats
from transfer_service.crypto.errors import CannotOpen
from transfer_service.crypto.held_forms import open_form, seal_form
from transfer_service.crypto.suites import PersonKey
from transfer_service.crypto.values import Seed

AUTHOR = PersonKey.from_seed(Seed(bytes(32)))
INFO = formats.held_form_info(
    suite=2, deployment="demo", person=PERSON, key_version=1, form=OTHER, fingerprint=FINGERPRINT
)


def test_a_form_posted_too_late_is_read_by_its_author_alone():
    body = b"text=" + b"a" * 50_000
    sealed_key, ciphertext = seal_form(AUTHOR.public, body, info=INFO)
    assert b"aaaa" not in ciphertext
    assert open_form(AUTHOR, sealed_key, ciphertext, info=INFO) == body
    stranger = PersonKey.from_seed(Seed.generate())
    for key, info in ((stranger, INFO), (AUTHOR, INFO + b"x")):
        with pytest.raises(CannotOpen):
            open_form(key, sealed_key, ciphertext, info=info)


def test_the_body_of_another_form_does_not_open():
    sealed_key, _ = seal_form(AUTHOR.public, b"one", info=INFO)
    _, other = seal_form(AUTHOR.public, b"two", info=INFO)
    with pytest.raises(CannotOpen):
        open_form(AUTHOR, sealed_key, other, info=INFO)
