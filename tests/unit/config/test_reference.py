"""What is written about the settings is what the settings are."""

import re
from pathlib import Path

import pytest

from config.reference import example_env, settings_table
from config.settings import ALL_SETTINGS, Settings, SettingsError

EXAMPLE = Path(__file__).parents[3] / "config" / "example.env"

# The names that scripts outside this repository rely on, and those added since.
RELIED_ON = [
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "DATA_DIR",
    "BASE_URL",
    "DEPLOYMENT",
    "SECRET_KEY",
    "FIELD_KEYS",
    "PEPPERS",
    "LOG_SIGNING_KEY",
    "LOG_STATE_FILE",
    "RECOVERY_KEYS",
    "STORAGE_URL",
    "SMTP_URL",
    "MAIL_FROM",
    "NOTIFY_API_KEY",
    "OIDC_ISSUER",
    "OIDC_CLIENT_ID",
    "OIDC_CLIENT_SECRET",
    "CLAMD_URL",
    "TRUSTED_PROXIES",
    "MAX_ATTACHMENT_BYTES",
    "LOG_LEVEL",
]
ADDED = ["DEMO_DIRECTORY", "LOG_POLICY", "METRICS_TOKEN", "NOTIFY_TEMPLATE_ID"]


def test_the_example_names_exactly_the_settings() -> None:
    named = re.findall(r"^(?:# )?TRANSFER_SERVICE_([A-Z_]+)=", EXAMPLE.read_text(), flags=re.MULTILINE)

    assert {name.lower() for name in named} == ALL_SETTINGS
    assert len(named) == len(ALL_SETTINGS)


def test_the_example_is_the_one_that_the_settings_give() -> None:
    assert EXAMPLE.read_text() == example_env()


def test_the_names_are_those_that_others_rely_on() -> None:
    assert {name.upper() for name in ALL_SETTINGS} == {*RELIED_ON, *ADDED}


def test_the_example_is_refused_until_it_is_filled_in() -> None:
    lines = [line for line in EXAMPLE.read_text().splitlines() if line and not line.startswith("#")]
    environ = dict(line.split("=", 1) for line in lines)

    with pytest.raises(SettingsError) as caught:
        Settings.from_mapping(environ)

    refused = [problem.split(" ")[0] for problem in caught.value.problems]
    assert refused == [
        "TRANSFER_SERVICE_SECRET_KEY",
        "TRANSFER_SERVICE_FIELD_KEYS",
        "TRANSFER_SERVICE_PEPPERS",
        "TRANSFER_SERVICE_LOG_SIGNING_KEY",
    ]


def test_the_table_has_a_row_for_each_setting() -> None:
    rows = settings_table().splitlines()

    assert len(rows) == len(ALL_SETTINGS) + 2
    assert (
        "| `DEPLOYMENT` | required | The name of this installation. It is bound into every sealed byte, so it can "
        "never change. |" in rows
    )
    assert "| `TRUSTED_PROXIES` | `0` |" in settings_table()
