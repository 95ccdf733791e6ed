from transfer_service.crypto.fields import FieldKeyring
from transfer_service.crypto.new_keys import new_installation_secrets, new_numbered_key
from transfer_service.crypto.peppers import PepperSet
from transfer_service.crypto.signing import LogSigningKey


def test_the_secrets_of_a_new_installation_are_what_the_settings_read():
    secrets = new_installation_secrets(log_name="log.example/pupils")
    assert FieldKeyring.from_text(secrets.field_keys, deployment="demo").ids == (1,)
    assert PepperSet.from_text(secrets.peppers).ids == {1}
    assert LogSigningKey.from_text(secrets.log_signing_key).vkey == secrets.log_verifier_key
    assert secrets.log_verifier_key.startswith("log.example/pupils+")
    assert len(secrets.secret_key) == 64


def test_two_installations_share_no_secret():
    one, other = new_installation_secrets(log_name="log"), new_installation_secrets(log_name="log")
    for name in ("field_keys", "peppers", "secret_key", "log_signing_key"):
        assert getattr(one, name) != getattr(other, name)
        assert getattr(one, name) not in repr(one)


def test_a_further_key_is_put_before_the_others():
    text = f"{new_numbered_key(2)},{new_numbered_key(1)}"
    assert FieldKeyring.from_text(text, deployment="demo").ids == (2, 1)
