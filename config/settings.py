"""Every setting of the service: one frozen value, built from a mapping, or all its problems at once."""

# ruff: noqa: RUF009 - every field is declared by one function that gives it its documentation
from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from config import values
from config.contradictions import find_contradictions
from config.secrets import Secret

PREFIX: Final = "TRANSFER_SERVICE_"
FILE_SUFFIX: Final = "_FILE"


class SettingsError(Exception):
    """The settings cannot be used; `problems` holds a sentence for each reason, never a value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("The settings cannot be used:\n" + "\n".join(f"- {problem}" for problem in problems))
        self.problems = tuple(problems)


class SettingNotLoaded(AttributeError):
    """The command reads a setting that it did not ask for."""


def _setting(
    doc: str,
    read: Callable[[str], Any],
    *,
    default: str | None = None,
    required: bool = False,
    example: str = "",
) -> Any:
    """Declare one setting: its sentence of documentation, its reader, and what holds where it is not given.

    `{DATA_DIR}` in a default stands for that setting's whole path.
    """
    return dataclasses.field(
        metadata={"doc": doc, "read": read, "default": default, "required": required, "example": example}
    )


@dataclass(frozen=True, init=False, repr=False)
class Settings:
    """The settings that one command asked for; reading any other raises SettingNotLoaded."""

    database_url: Secret = _setting(
        "The database: an SQLite file, or PostgreSQL 15 or newer with the application's role.",
        values.read_database_url,
        default="sqlite:///instance/transfer.db",
    )
    database_owner_url: Secret | None = _setting(
        "PostgreSQL alone: the same database with the role that owns the tables, for migrations.",
        values.read_database_url,
        example="postgresql://transfer_owner:password@localhost/transfer",
    )
    data_dir: Path = _setting(
        "The folder for what the service keeps beside the database.", values.read_folder, default="instance"
    )
    base_url: str = _setting(
        "The address at which browsers reach the service.", values.read_base_url, default="http://localhost:8000"
    )
    deployment: str = _setting(
        "The name of this installation. It is bound into every sealed byte, so it can never change.",
        values.read_deployment,
        required=True,
        example="warwickshire-live",
    )
    secret_key: Secret = _setting(
        "Signs the tokens that protect forms.", values.read_secret_key, required=True, example="change-me"
    )
    field_keys: Secret = _setting(
        "The keys that seal pupils' names in the database, as number:base64 with commas between, the current one "
        "first.",
        values.read_numbered_keys,
        required=True,
        example="1:change-me",
    )
    peppers: Secret = _setting(
        "The secrets mixed into every password, as number:base64 with commas between, the current one first.",
        values.read_numbered_keys,
        required=True,
        example="1:change-me",
    )
    log_signing_key: Secret = _setting(
        "The key that signs the log. Keep it away from the database and its backups.",
        values.read_log_signing_key,
        required=True,
        example="PRIVATE+KEY+change-me",
    )
    log_state_file: Path = _setting(
        "Where the signer remembers how far it signed. Keep it away from the database and its backups.",
        values.read_folder,
        default="{DATA_DIR}/log-state.json",
        example="/var/lib/transfer-signer/log-state.json",
    )
    log_policy: str | None = _setting(
        "The policy of the log, which keys new writes and which is public: whose signatures under it are believed.",
        values.read_policy,
        example="the lines of policy.txt",
    )
    recovery_keys: tuple[tuple[str, str], ...] = _setting(
        "The fingerprint of each authority's recovery key, as code:fingerprint with commas between.",
        values.read_recovery_keys,
        example="937:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    )
    storage_url: Secret = _setting(
        "Where sealed attachments are kept: a folder, or a bucket of an S3-compatible store.",
        values.read_storage_url,
        default="file://{DATA_DIR}/attachments",
        example="file:///var/lib/transfer/attachments",
    )
    smtp_url: Secret | None = _setting(
        "The mail server that takes alerts: smtp:// (STARTTLS) or smtps://, with user and password where it asks.",
        values.read_smtp_url,
        example="smtp://user:password@mail.example.org:587",
    )
    mail_from: str | None = _setting(
        "The address that alerts come from.", values.read_mail_address, example="pupil-transfer@example.org"
    )
    notify_api_key: Secret | None = _setting(
        "The key of a GOV.UK Notify service, where alerts go that way instead of by SMTP.",
        values.read_token,
        example="name-change-me",
    )
    notify_template_id: str | None = _setting(
        "The Notify template with the fields ((subject)) and ((body)).",
        values.read_uuid,
        example="00000000-0000-0000-0000-000000000000",
    )
    oidc_issuer: str | None = _setting(
        "Reserved for single sign-on, the provider's address. This version refuses it.",
        values.read_https_url,
        example="https://login.example.org",
    )
    oidc_client_id: str | None = _setting(
        "Reserved for single sign-on, the service's name there. This version refuses it.",
        values.read_word,
        example="pupil-transfer",
    )
    oidc_client_secret: Secret | None = _setting(
        "Reserved for single sign-on, the provider's secret. This version refuses it.",
        values.read_secret,
        example="change-me",
    )
    clamd_url: str | None = _setting(
        "Reserved for scanning attachments, where a ClamAV daemon listens. This version refuses it.",
        values.read_clamd_url,
        example="tcp://127.0.0.1:3310",
    )
    trusted_proxies: int = _setting(
        "How many reverse proxies stand before the service and set X-Forwarded-For and X-Forwarded-Proto.",
        values.read_trusted_proxies,
        default="0",
    )
    max_attachment_bytes: int = _setting(
        "The size of the largest attachment that is accepted, in bytes.",
        values.read_attachment_bytes,
        default="26214400",
    )
    metrics_token: Secret | None = _setting(
        "A token that lets another machine read /metrics. Without it only this machine can.",
        values.read_token,
        example="change-me",
    )
    demo_directory: Path | None = _setting(
        "The folder of a demonstration, set by the command that makes one. DEPLOYMENT must then begin with demo.",
        values.read_folder,
        example="instance/demo",
    )
    log_level: str = _setting(
        "How much is logged: debug, info, warning or error.", values.read_log_level, default="info"
    )

    @classmethod
    def from_mapping(cls, environ: Mapping[str, str], needs: frozenset[str] | None = None) -> Self:
        """Build the settings named in `needs` (all of them by default) from the environment's variables.

        Each comes from its variable, or from the file named by the variable with `_FILE` at its end. Raises
        SettingsError with every problem found.
        """
        wanted = ALL_SETTINGS if needs is None else needs
        if unknown := wanted - ALL_SETTINGS:
            raise ValueError(f"there are no settings {', '.join(sorted(unknown))}")
        problems = list(_misspelt(environ))
        given = {
            field.name: text
            for field in dataclasses.fields(cls)
            if field.name in wanted and (text := _text_of(environ, field.name, problems)) is not None
        }
        data_dir = str(Path(given.get("data_dir") or environ.get(f"{PREFIX}DATA_DIR") or "instance").absolute())
        loaded: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            if field.name in wanted:
                _load(field, given.get(field.name), data_dir, loaded, problems)
        if not problems:
            problems.extend(f"{PREFIX}{sentence}" for sentence in find_contradictions(loaded))
        if problems:
            raise SettingsError(problems)
        settings = cls()
        for name, value in loaded.items():
            object.__setattr__(settings, name, value)
        return settings

    @property
    def is_demo(self) -> bool:
        """Whether this is a demonstration, in which nothing is real."""
        return self.demo_directory is not None

    @property
    def is_https(self) -> bool:
        """Whether browsers reach the service over https."""
        return self.base_url.startswith("https://")

    if not TYPE_CHECKING:  # mypy would take a __getattr__ for leave to read any name

        def __getattr__(self, name: str) -> Any:
            """Refuse a setting that was not asked for; Python calls this only where there is no such attribute."""
            if name in ALL_SETTINGS:
                raise SettingNotLoaded(f"this command did not ask for the setting {name}")
            raise AttributeError(name)

    def __repr__(self) -> str:
        """Name what is loaded, without a value."""
        return f"<Settings {', '.join(sorted(vars(self)))}>"


ALL_SETTINGS: Final = frozenset(field.name for field in dataclasses.fields(Settings))
NEEDS_MIGRATION: Final = frozenset({"database_url", "database_owner_url", "log_level"})
NEEDS_DATABASE: Final = frozenset({"database_url", "data_dir", "log_level"})
NEEDS_SIGNER: Final = frozenset({"log_signing_key", "log_state_file"})
NEEDS_WORKER: Final = ALL_SETTINGS - {"database_owner_url", "secret_key", "trusted_proxies", "metrics_token"}
NEEDS_WEB: Final = ALL_SETTINGS - {"database_owner_url"} - NEEDS_SIGNER


def _text_of(environ: Mapping[str, str], name: str, problems: list[str]) -> str | None:
    """Find the text of a setting in its variable or its file; None where neither is given."""
    variable = f"{PREFIX}{name.upper()}"
    text, path = environ.get(variable, ""), environ.get(f"{variable}{FILE_SUFFIX}", "")
    if text and path:
        problems.append(f"{variable} and {variable}{FILE_SUFFIX} are both set: keep one")
        return None
    if not path:
        return text or None
    try:
        found = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        problems.append(f"{variable}{FILE_SUFFIX} names a file that cannot be read: check its path and permissions")
        return None
    if not found:
        problems.append(f"{variable}{FILE_SUFFIX} names an empty file")
    return found or None


def _load(
    field: dataclasses.Field[Any], text: str | None, data_dir: str, loaded: dict[str, Any], problems: list[str]
) -> None:
    """Read one setting into `loaded`, or say in `problems` why not."""
    variable = f"{PREFIX}{field.name.upper()}"
    default: str | None = field.metadata["default"]
    if text is None and default is not None:
        text = default.replace("{DATA_DIR}", data_dir)
    if text is None:
        if field.metadata["required"] and not any(problem.startswith(variable) for problem in problems):
            problems.append(f"{variable} is missing. {field.metadata['doc']}")
        loaded[field.name] = () if field.name == "recovery_keys" else None
        return
    try:
        loaded[field.name] = field.metadata["read"](text)
    except ValueError as error:
        problems.append(f"{variable} {error}")


def _misspelt(environ: Mapping[str, str]) -> Iterator[str]:
    """Name variables with our prefix that are no setting, with the nearest that is."""
    known = {f"{PREFIX}{name.upper()}{suffix}" for name in ALL_SETTINGS for suffix in ("", FILE_SUFFIX)}
    for variable in sorted(environ):
        if variable.startswith(PREFIX) and variable not in known:
            near = difflib.get_close_matches(variable, sorted(known), n=1, cutoff=0.8)
            yield f"{variable} is not a setting" + (f": did you mean {near[0]}?" if near else "")
