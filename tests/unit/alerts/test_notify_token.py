import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from transfer_service.alerts.channels import ChannelSettingRefused
from transfer_service.alerts.notify import NotifyChannel, NotifyKey, read_notify_key, sign_request

SERVICE = "26785a09-ab16-4eb0-8407-a37497a57506"
SECRET = "3d844edf-8d35-48ac-975b-e847b4f122b0"
TEMPLATE = "f33517ff-2a88-4f6e-b855-c550268ce08a"


@pytest.mark.parametrize("name", ["live-", "a-name-with-dashes-", ""])
def test_a_key_is_read_as_notify_shows_it(name):
    assert read_notify_key(f" {name}{SERVICE}-{SECRET}\n") == NotifyKey(service_id=SERVICE, secret=SECRET)


@pytest.mark.parametrize(
    "text", ["", "live", f"live-{SECRET}", f"live-{SERVICE}-{SECRET[:-1]}", f"live-{SERVICE}-{SECRET}x"]
)
def test_what_is_no_key_is_refused_without_repeating_it(text):
    with pytest.raises(ChannelSettingRefused, match="must be the whole key") as refused:
        read_notify_key(text)
    assert SECRET not in str(refused.value)


def test_the_secret_does_not_show_when_the_key_is_printed():
    assert SECRET not in repr(NotifyKey(SERVICE, SECRET))


def test_a_request_is_signed_as_a_json_web_token():
    token = sign_request(NotifyKey(SERVICE, SECRET), datetime(2026, 9, 3, 12, 0, tzinfo=UTC))
    header, claims, signature = token.split(".")

    def unpack(part):
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

    assert json.loads(unpack(header)) == {"alg": "HS256", "typ": "JWT"}
    assert json.loads(unpack(claims)) == {"iss": SERVICE, "iat": 1788436800}
    assert unpack(signature) == hmac.new(SECRET.encode(), f"{header}.{claims}".encode(), hashlib.sha256).digest()
    assert "=" not in token


def test_notify_is_never_reached_in_clear():
    with pytest.raises(ChannelSettingRefused, match="must begin with https://"):
        NotifyChannel(NotifyKey(SERVICE, SECRET), template_id=TEMPLATE, api_url="http://notify.example.org")
