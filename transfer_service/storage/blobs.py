"""The store of sealed bytes: written once, read whole or in parts, deleted when their time has come.

A blob is written before the row that names it is committed; so a crash leaves a blob without a row, never a row
without a blob. What no row names and is older than a day is swept (`list_orphans`).
"""

import hashlib
import os
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import LocalStore, S3Store

from transfer_service.storage import folder
from transfer_service.storage.errors import BlobExists, BlobMissing, StorageUnavailable
from transfer_service.storage.keys import check_blob_key, is_blob_key
from transfer_service.storage.settings import BucketLocation, FolderLocation, read_storage_url

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

READ_CHUNK_BYTES = 1024 * 1024
_PROBE_KEY = "00/00/" + "0" * 32


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """What was stored: the length in bytes and the SHA-256 of the bytes as they are."""

    length: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class BlobFacts:
    """What the store knows about a blob: its length in bytes and when it was written (aware UTC)."""

    length: int
    stored_at: datetime


class Storage:
    """Sealed bytes by key, in a local folder or in a bucket of an S3-compatible store."""

    def __init__(
        self, location: FolderLocation | BucketLocation, *, timeout: timedelta = timedelta(seconds=20)
    ) -> None:
        """Open the store; a folder is made where it is not there, a bucket must exist.

        `timeout` bounds each request to a bucket; a failed one is tried twice more.
        """
        self._location = location
        self._root = location.root if isinstance(location, FolderLocation) else None
        with _translated(_PROBE_KEY):
            self._store = (
                _open_folder(location) if isinstance(location, FolderLocation) else _open_bucket(location, timeout)
            )

    @classmethod
    def from_url(cls, url: str) -> "Storage":
        """Open the store that STORAGE_URL names; raises StorageSettingRefused where it cannot be used."""
        return cls(read_storage_url(url))

    def put_new(self, key: str, chunks: Iterable[bytes]) -> StoredBlob:
        """Store the chunks under a key that is not taken; nobody ever sees a part of them.

        In a folder the chunks go to the disk as they arrive. A bucket takes one conditional request, for which the
        sealed bytes are held in memory: they are at most one attachment.

        Raises BlobExists, StorageUnavailable, and whatever `chunks` raises, with nothing stored.
        """
        check_blob_key(key)
        tally = _Tally(chunks)
        try:
            with _translated(key):
                if self._root is not None:
                    folder.write_new(self._root, key, tally)
                else:
                    obstore.put(self._store, key, b"".join(tally), mode="create")
        except _SourceFailedError as failed:
            raise failed.error from None
        return StoredBlob(length=tally.length, sha256=tally.digest())

    def read(self, key: str) -> bytes:
        """Read a blob whole; raises BlobMissing or StorageUnavailable."""
        with _translated(check_blob_key(key)):
            return bytes(obstore.get(self._store, key).bytes())

    def read_range(self, key: str, *, start: int, length: int) -> bytes:
        """Read at most `length` bytes from `start`, both in bytes; raises BlobMissing or StorageUnavailable."""
        with _translated(check_blob_key(key)):
            return bytes(obstore.get_range(self._store, key, start=start, length=length))

    def read_chunks(self, key: str, *, chunk_bytes: int = READ_CHUNK_BYTES) -> Iterator[bytes]:
        """Read a blob in pieces of about `chunk_bytes`, so that memory holds one piece at a time.

        Raises BlobMissing at the first piece, StorageUnavailable at any.
        """
        with _translated(check_blob_key(key)):
            for piece in obstore.get(self._store, key).stream(min_chunk_size=chunk_bytes):
                yield bytes(piece)

    def head(self, key: str) -> BlobFacts:
        """Tell length and age of a blob; raises BlobMissing or StorageUnavailable."""
        with _translated(check_blob_key(key)):
            facts = obstore.head(self._store, key)
        return BlobFacts(length=facts["size"], stored_at=facts["last_modified"])

    def delete(self, key: str) -> None:
        """Delete a blob; one that is gone already is no error, so that shredding can be repeated."""
        try:
            with _translated(check_blob_key(key)):
                obstore.delete(self._store, key)
        except BlobMissing:
            return

    def list_keys(self, prefix: str = "") -> Iterator[str]:
        """List the keys that begin with a whole folder such as `4f` or `4f/02`; without a prefix all of them."""
        for key, _ in self._list(prefix):
            yield key

    def list_orphans(self, known: Container[str], *, older_than: datetime) -> Iterator[str]:
        """List the keys that no row names and that were written before `older_than` (aware).

        Younger ones may belong to a transaction that is about to commit. This lists; it never deletes.
        """
        for key, stored_at in self._list(""):
            if stored_at < older_than and key not in known:
                yield key

    def remove_unfinished(self, *, older_than: datetime) -> int:
        """Remove what a killed process left half-written in a folder; returns how many files went.

        A bucket needs none of this: an unfinished request leaves nothing behind.
        """
        if self._root is None:
            return 0
        with _translated(_PROBE_KEY):
            return folder.remove_unfinished(self._root, older_than=older_than.timestamp())

    def check(self) -> None:
        """Ask the store whether it answers and, for a folder, whether we may write; raises StorageUnavailable."""
        if self._root is not None:
            if not os.access(self._root, os.R_OK | os.W_OK | os.X_OK):
                raise StorageUnavailable(
                    "The folder of sealed files cannot be written. Check that it is there and belongs to the service."
                )
            return
        try:
            self.head(_PROBE_KEY)
        except BlobMissing:
            return

    def _list(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """List keys with the time they were written, leaving out whatever else lies in the store."""
        with _translated(_PROBE_KEY):
            for page in obstore.list(self._store, prefix or None, chunk_size=1000):
                for facts in page:
                    if is_blob_key(facts["path"]):
                        yield facts["path"], facts["last_modified"]


class _Tally:
    """Hand chunks on, counting and hashing them."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._hash = hashlib.sha256()
        self.length = 0

    def __iter__(self) -> Iterator[bytes]:
        arriving = iter(self._chunks)
        while True:
            try:
                chunk = next(arriving)
            except StopIteration:
                return
            except Exception as error:
                raise _SourceFailedError(error) from error
            self._hash.update(chunk)
            self.length += len(chunk)
            yield chunk

    def digest(self) -> bytes:
        return self._hash.digest()


class _SourceFailedError(Exception):
    """The chunks broke off on their way to us, say because a browser hung up: that is no fault of the store."""

    def __init__(self, error: Exception) -> None:
        super().__init__("the chunks broke off")
        self.error = error


@contextmanager
def _translated(key: str) -> Iterator[None]:
    """Raise what the store raises as one of our own errors; errors of other origin pass."""
    try:
        yield
    except FileNotFoundError as error:
        raise BlobMissing(key) from error
    except (AlreadyExistsError, PreconditionError, FileExistsError) as error:
        raise BlobExists(key) from error
    except (BaseError, OSError) as error:
        raise StorageUnavailable from error


def _open_folder(location: FolderLocation) -> LocalStore:
    """Open a folder, made for us alone where it is not there."""
    location.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return LocalStore(location.root)


def _open_bucket(location: BucketLocation, timeout: timedelta) -> S3Store:
    """Open a bucket with bounded waiting: a person is at the other end."""
    client: ClientConfig = {
        "timeout": timeout,
        "connect_timeout": min(timeout, timedelta(seconds=5)),
        "allow_http": location.endpoint is not None and location.endpoint.startswith("http://"),
    }
    retry: RetryConfig = {"max_retries": 2, "retry_timeout": timeout}
    config: S3Config = {}
    if location.endpoint is not None:
        config["endpoint"] = location.endpoint
    if location.region is not None:
        config["region"] = location.region
    if location.access_key_id is not None and location.secret_access_key is not None:
        config["access_key_id"] = location.access_key_id
        config["secret_access_key"] = location.secret_access_key
    return S3Store(
        location.bucket, prefix=location.prefix or None, config=config, client_options=client, retry_config=retry
    )
