"""Settings are one value from a mapping, or every problem at once."""

import base64
from pathlib import Path

import pytest

from config.secrets import Secret
from config.settings import ALL_SETTINGS, NEEDS_MIGRATION, NEEDS_WEB, SettingNotLoaded, Settings, SettingsError

KEY_ONE = base64.b64encode(bytes(range(32))).decode()
KEY_TWO = base64.b64encode(bytes(range(32, 64))).decode()
COMPLETE = {
    "TRANSFER_SERVICE_DEPLOYMENT": "warwickshire-live",
    "TRANSFER_SERVICE_BASE_URL": "https://transfer.example.org",
    "TRANSFER_SERVICE_SECRET_KEY": "b6u0Zq9yXr4tWm2kLp8vNs5cJd7fHg3a",
    "TRANSFER_SERVICE_FIELD_KEYS": f"1:{KEY_ONE}",
    "TRANSFER_SERVICE_PEPPERS": f"1:{KEY_TWO}",
    "TRANSFER_SERVICE_LOG_SIGNING_KEY": "PRIVATE+KEY+log.example.org+2b5d9c1e+AeF5qfPj",
    "TRANSFER_SERVICE_SMTP_URL": "smtp://user:pass@mail.example.org:587",
    "TRANSFER_SERVICE_MAIL_FROM": "pupil-transfer@example.org",
    "TRANSFER_SERVICE_TRUSTED_PROXIES": "1",
}


def problems_of(**changes: str) -> tuple[str, ...]:
    environ = COMPLETE | {f"TRANSFER_SERVICE_{name}": text for name, text in changes.items()}
    with pytest.raises(SettingsError) as caught:
        Settings.from_mapping(environ)
    return caught.value.problems


def settings_of(**changes: str) -> Settings:
    return Settings.from_mapping(COMPLETE | {f"TRANSFER_SERVICE_{name}": text for name, text in changes.items()})


def test_a_complete_mapping_gives_every_setting() -> None:
    settings = settings_of(RECOVERY_KEYS="937:" + "ab" * 32, TRUSTED_PROXIES="2")

    assert settings.database_url == Secret("sqlite:///instance/transfer.db")
    assert settings.base_url == "https://transfer.example.org"
    assert settings.is_https
    assert not settings.is_demo
    assert settings.log_state_file == Path.cwd() / "instance" / "log-state.json"
    assert settings.storage_url.reveal() == f"file://{Path.cwd()}/instance/attachments"
    assert settings.recovery_keys == (("937", "ab" * 32),)
    assert settings.trusted_proxies == 2
    assert settings.max_attachment_bytes == 26_214_400
    assert settings.notify_api_key is None
    assert set(vars(settings)) == ALL_SETTINGS


def test_paths_follow_the_data_folder() -> None:
    settings = settings_of(DATA_DIR="/srv/transfer")

    assert settings.log_state_file == Path("/srv/transfer/log-state.json")
    assert settings.storage_url.reveal() == "file:///srv/transfer/attachments"


def test_a_setting_can_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "smtp"
    path.write_text("smtps://mail.example.org\n")

    environ = COMPLETE | {"TRANSFER_SERVICE_SMTP_URL": "", "TRANSFER_SERVICE_SMTP_URL_FILE": str(path)}
    settings = Settings.from_mapping(environ)

    assert settings.smtp_url == Secret("smtps://mail.example.org")


def test_both_the_variable_and_its_file_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "name"
    path.write_text("other-live")

    assert problems_of(DEPLOYMENT_FILE=str(path)) == (
        "TRANSFER_SERVICE_DEPLOYMENT and TRANSFER_SERVICE_DEPLOYMENT_FILE are both set: keep one",
    )


def test_a_file_that_cannot_be_read_and_an_empty_one_are_problems(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\n")
    environ = {name: text for name, text in COMPLETE.items() if not name.endswith(("SECRET_KEY", "PEPPERS"))}
    environ |= {
        "TRANSFER_SERVICE_SECRET_KEY_FILE": str(tmp_path / "absent"),
        "TRANSFER_SERVICE_PEPPERS_FILE": str(empty),
    }

    with pytest.raises(SettingsError) as caught:
        Settings.from_mapping(environ)

    assert caught.value.problems == (
        "TRANSFER_SERVICE_SECRET_KEY_FILE names a file that cannot be read: check its path and permissions",
        "TRANSFER_SERVICE_PEPPERS_FILE names an empty file",
    )


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_mapping({"TRANSFER_SERVICE_LOG_LEVEL": "loud", "TRANSFER_SERVICE_TRUSTED_PROXIES": "many"})

    told = [problem.split(" ")[0] for problem in caught.value.problems]
    assert told == [
        "TRANSFER_SERVICE_DEPLOYMENT",
        "TRANSFER_SERVICE_SECRET_KEY",
        "TRANSFER_SERVICE_FIELD_KEYS",
        "TRANSFER_SERVICE_PEPPERS",
        "TRANSFER_SERVICE_LOG_SIGNING_KEY",
        "TRANSFER_SERVICE_TRUSTED_PROXIES",
        "TRANSFER_SERVICE_LOG_LEVEL",
    ]


def test_a_command_needs_only_the_settings_it_uses() -> None:
    settings = Settings.from_mapping({"TRANSFER_SERVICE_SECRET_KEY": "weak"}, NEEDS_MIGRATION)

    assert settings.database_url.reveal() == "sqlite:///instance/transfer.db"
    assert settings.log_level == "info"
    with pytest.raises(SettingNotLoaded, match="this command did not ask for the setting secret_key"):
        _ = settings.secret_key
    with pytest.raises(AttributeError):
        _ = settings.no_such_setting  # type: ignore[attr-defined]


def test_asking_for_a_setting_that_does_not_exist_is_a_programmers_mistake() -> None:
    with pytest.raises(ValueError, match="there are no settings colour"):
        Settings.from_mapping({}, frozenset({"colour"}))


def test_the_web_pages_never_hold_the_owner_of_the_tables_or_the_key_of_the_log() -> None:
    assert {"database_owner_url", "log_signing_key", "log_state_file"} == ALL_SETTINGS - NEEDS_WEB


def test_a_misspelt_name_is_told_with_the_nearest() -> None:
    assert problems_of(SMPT_URL="smtp://mail.example.org") == (
        "TRANSFER_SERVICE_SMPT_URL is not a setting: did you mean TRANSFER_SERVICE_SMTP_URL?",
    )


def test_neither_the_settings_nor_a_problem_show_a_secret() -> None:
    assert "b6u0Zq9y" not in repr(settings_of())
    assert "b6u0Zq9y" not in str(vars(settings_of()))
    assert not any("hunter2" in problem for problem in problems_of(SECRET_KEY="hunter2", PEPPERS="1:hunter2"))


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("DATABASE_URL", "mysql://host/name", "must be an address that begins with sqlite:// or postgresql://"),
        ("DATABASE_URL", "postgres://host/name", "must begin with postgresql://, not postgres://"),
        ("DATABASE_URL", "sqlite://", "must name a file, such as sqlite:///instance/transfer.db"),
        ("BASE_URL", "http://transfer.example.org", "must begin with https:// (http:// is accepted for this machine"),
        ("BASE_URL", "https://transfer.example.org/path", "must be a scheme and a host only"),
        ("BASE_URL", "https://transfer.example.org:port", "must be an address that begins with https:// or http://"),
        ("DEPLOYMENT", "Warwickshire Live", "must be 3 to 63 small letters"),
        ("SECRET_KEY", "short", "is too weak: use at least 32 random characters"),
        ("SECRET_KEY", "a" * 64, "is too weak: use at least 32 random characters"),
        ("SECRET_KEY", "change-me-0123456789-abcdefghijkl", "is still a placeholder"),
        ("FIELD_KEYS", "1:change-me", "must read number:base64"),
        ("FIELD_KEYS", f"0:{KEY_ONE}", "needs a different number from 1 to 65535"),
        ("FIELD_KEYS", f"1:{KEY_ONE},1:{KEY_TWO}", "needs a different number from 1 to 65535"),
        ("FIELD_KEYS", f"1:{KEY_ONE},2:{KEY_ONE}", "needs 32 random bytes in each key, no two the same"),
        ("FIELD_KEYS", f"1:{base64.b64encode(bytes(32)).decode()}", "needs 32 random bytes in each key"),
        ("PEPPERS", f"1:{base64.b64encode(bytes(range(16))).decode()}", "needs 32 random bytes in each key"),
        ("LOG_SIGNING_KEY", "something", "must be a key that begins with PRIVATE+KEY+"),
        ("RECOVERY_KEYS", "937:abc", "must read code:fingerprint"),
        ("RECOVERY_KEYS", f"937:{'ab' * 32},937:{'cd' * 32}", "names the authority 937 twice"),
        ("STORAGE_URL", "file://relative/path", "must name a folder with its whole path"),
        ("STORAGE_URL", "s3:///prefix", "must name a bucket"),
        ("SMTP_URL", "mail.example.org", "must be an address that begins with smtp:// or smtps://"),
        ("SMTP_URL", "smtp://mail.example.org?starttls=no", "would send mail unencrypted to another machine"),
        ("SMTP_URL", "smtp://mail.example.org?starttls=maybe", "takes starttls=yes or starttls=no"),
        ("SMTP_URL", "smtp://mail.example.org?cipher=none", "must read smtp://user:password@host:port"),
        ("MAIL_FROM", "somebody", "must be one mail address"),
        ("MAIL_FROM", "Somebody <nobody>", "must be one mail address"),
        ("NOTIFY_TEMPLATE_ID", "letter", "must be an identifier such as"),
        ("OIDC_ISSUER", "http://login.example.org", "must begin with https://"),
        ("CLAMD_URL", "tcp://127.0.0.1", "must read tcp://host:port or unix:///path"),
        ("TRUSTED_PROXIES", "-1", "must be a whole number from 0 to 10"),
        ("MAX_ATTACHMENT_BYTES", "25MB", "must be a whole number from 1000 to 209715200"),
        ("METRICS_TOKEN", "short", "must be at least 32 characters without spaces"),
        ("LOG_LEVEL", "loud", "must be one of debug, info, warning, error"),
    ],
)
def test_a_weak_or_malformed_value_is_refused_with_what_to_write(name: str, text: str, sentence: str) -> None:
    (problem,) = problems_of(**{name: text})

    assert problem.startswith(f"TRANSFER_SERVICE_{name} {sentence}")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"DATABASE_OWNER_URL": "postgresql://owner@localhost/transfer"},
            "DATABASE_OWNER_URL is for PostgreSQL alone: leave it out with SQLite",
        ),
        (
            {
                "DATABASE_URL": "postgresql://transfer@localhost/transfer",
                "DATABASE_OWNER_URL": "sqlite:///instance/transfer.db",
            },
            "DATABASE_OWNER_URL must be a PostgreSQL address, as DATABASE_URL is",
        ),
        (
            {
                "DATABASE_URL": "postgresql://transfer@localhost/transfer",
                "DATABASE_OWNER_URL": "postgresql://transfer@localhost/transfer",
            },
            "DATABASE_OWNER_URL must name another role than DATABASE_URL: the application may not own its tables",
        ),
        (
            {"SMTP_URL": "", "MAIL_FROM": ""},
            "SMTP_URL is missing: alerts need a mail server, or NOTIFY_API_KEY instead",
        ),
        (
            {"MAIL_FROM": ""},
            "MAIL_FROM is missing: mail sent through SMTP_URL needs an address that it comes from",
        ),
        (
            {"NOTIFY_TEMPLATE_ID": "123e4567-e89b-12d3-a456-426614174000"},
            "NOTIFY_API_KEY and NOTIFY_TEMPLATE_ID belong together: set both or neither",
        ),
        (
            {
                "NOTIFY_API_KEY": "live-123e4567-e89b-12d3-a456-426614174000",
                "NOTIFY_TEMPLATE_ID": "123e4567-e89b-12d3-a456-426614174000",
            },
            "SMTP_URL and NOTIFY_API_KEY are both set: alerts go one way, keep one",
        ),
        (
            {"TRUSTED_PROXIES": "0"},
            (
                "TRUSTED_PROXIES is 0 and BASE_URL begins with https: the service itself speaks plain HTTP, "
                "so say how many proxies stand before it, usually 1"
            ),
        ),
        (
            {"OIDC_ISSUER": "https://login.example.org"},
            "OIDC_ISSUER is reserved, and this version does nothing with it: leave it out",
        ),
        (
            {"CLAMD_URL": "tcp://127.0.0.1:3310"},
            "CLAMD_URL is reserved, and this version does nothing with it: leave it out",
        ),
        (
            {"DEPLOYMENT": "demo-warwickshire"},
            "DEPLOYMENT begins with demo, and this is no demonstration: choose another name",
        ),
        (
            {"DEMO_DIRECTORY": "instance/demo"},
            "DEMO_DIRECTORY is for demonstrations alone: leave it out, or begin DEPLOYMENT with demo",
        ),
        (
            {"PEPPERS": f"7:{KEY_ONE}"},
            "PEPPERS holds the same secret as FIELD_KEYS: each needs its own",
        ),
    ],
)
def test_a_contradiction_is_refused(changes: dict[str, str], sentence: str) -> None:
    assert problems_of(**changes) == (f"TRANSFER_SERVICE_{sentence}",)


def test_a_demonstration_needs_no_mail_server() -> None:
    settings = settings_of(DEPLOYMENT="demo-one", DEMO_DIRECTORY="instance/demo", SMTP_URL="", MAIL_FROM="")

    assert settings.is_demo


def test_mail_may_come_from_a_name() -> None:
    sender = "Pupil file transfer <alerts@example.org>"

    assert settings_of(MAIL_FROM=sender).mail_from == sender


def test_plain_http_is_accepted_on_this_machine_alone() -> None:
    for address in ("http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000"):
        assert settings_of(BASE_URL=f"{address}/").base_url == address
