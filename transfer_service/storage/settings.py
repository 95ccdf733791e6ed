"""Read STORAGE_URL: which store, and how to reach it."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from transfer_service.storage.errors import StorageSettingRefused

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_BUCKET_OPTIONS = frozenset({"endpoint", "region"})


@dataclass(frozen=True, slots=True)
class FolderLocation:
    """A folder of this machine."""

    root: Path


@dataclass(frozen=True, slots=True)
class BucketLocation:
    """A bucket of an S3-compatible store.

    Without a key in the URL the store's own ways apply: the AWS variables of the environment, or the machine's role.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)


def read_storage_url(url: str) -> FolderLocation | BucketLocation:
    """Read `file:///folder` or `s3://[KEY:SECRET@]bucket[/prefix][?endpoint=https://…&region=…]`.

    Raises StorageSettingRefused with what to write instead; the sentence never repeats the value, which may hold a
    secret.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/") or parts.query:
            raise StorageSettingRefused(
                "STORAGE_URL names no folder. Write it with three slashes: file:///var/lib/blobs"
            )
        return FolderLocation(Path(unquote(parts.path)))
    if parts.scheme == "s3":
        return _read_bucket(url)
    raise StorageSettingRefused("STORAGE_URL must begin with file:/// for a local folder or s3:// for a bucket.")


def _read_bucket(url: str) -> BucketLocation:
    """Read the URL of a bucket."""
    parts = urlsplit(url)
    options = parse_qs(parts.query, keep_blank_values=True)
    if not parts.hostname or set(options) - _BUCKET_OPTIONS or any(len(values) != 1 for values in options.values()):
        raise StorageSettingRefused(
            "STORAGE_URL for a bucket reads s3://bucket/prefix?endpoint=https://…&region=… and takes no other option."
        )
    if (parts.username is None) != (parts.password is None):
        raise StorageSettingRefused(
            "STORAGE_URL holds a key without its secret. Write s3://KEY:SECRET@bucket or neither."
        )
    endpoint = options["endpoint"][0] if "endpoint" in options else None
    if endpoint is not None:
        reached = urlsplit(endpoint)
        if reached.scheme != "https" and not (reached.scheme == "http" and reached.hostname in _LOOPBACK):
            raise StorageSettingRefused(
                "STORAGE_URL's endpoint must begin with https:// unless it is this machine itself."
            )
    return BucketLocation(
        # urlsplit lowers a host name; a bucket's name is lower case by S3's own rule.
        bucket=parts.hostname,
        prefix=unquote(parts.path).strip("/"),
        endpoint=endpoint,
        region=options["region"][0] if "region" in options else None,
        access_key_id=None if parts.username is None else unquote(parts.username),
        secret_access_key=None if parts.password is None else unquote(parts.password),
    )
