import socket
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.integration.storage.bucket_server import running_bucket
from transfer_service.storage.blobs import Storage
from transfer_service.storage.errors import BlobExists, BlobMissing, StorageUnavailable
from transfer_service.storage.keys import blob_key
from transfer_service.storage.settings import BucketLocation

FIRST = blob_key(UUID("018f6f70-1a2b-7c3d-8e4f-5a6b7c8d4f02"))
SECOND = blob_key(UUID("018f6f70-1a2b-7c3d-8e4f-5a6b7c8dab03"))


@pytest.fixture
def bucket():
    with running_bucket() as server:
        yield server


@pytest.fixture
def storage(bucket):
    return Storage.from_url(f"s3://AKID:secret@sealed/county?endpoint={bucket.url}&region=eu-west-2")


def test_what_was_stored_in_a_bucket_is_read_back(storage, bucket):
    assert storage.put_new(FIRST, iter([b"sealed ", b"bytes"])).length == 12
    assert bucket.objects == {f"county/{FIRST}": b"sealed bytes"}
    assert storage.read(FIRST) == b"sealed bytes"
    assert storage.read_range(FIRST, start=7, length=3) == b"byt"
    assert b"".join(storage.read_chunks(FIRST)) == b"sealed bytes"
    assert storage.head(FIRST).length == 12


def test_nothing_in_a_bucket_is_ever_overwritten(storage):
    storage.put_new(FIRST, [b"the first"])
    with pytest.raises(BlobExists):
        storage.put_new(FIRST, [b"the second"])
    assert storage.read(FIRST) == b"the first"


def test_a_source_that_breaks_off_leaves_the_bucket_empty(storage, bucket):
    def chunks():
        yield b"half"
        raise ConnectionResetError("hung up")

    with pytest.raises(ConnectionResetError):
        storage.put_new(FIRST, chunks())
    assert bucket.objects == {}


def test_a_blob_missing_from_a_bucket_is_said_to_be_missing(storage):
    with pytest.raises(BlobMissing):
        storage.read(FIRST)


def test_deleting_from_a_bucket_can_be_repeated(storage, bucket):
    storage.put_new(FIRST, [b"x"])
    storage.delete(FIRST)
    storage.delete(FIRST)
    assert bucket.objects == {}


def test_keys_and_orphans_of_a_bucket_are_listed_without_its_prefix(storage, bucket):
    storage.put_new(FIRST, [b"x"])
    storage.put_new(SECOND, [b"y"])
    bucket.objects["county/notes.txt"] = b"not ours"
    assert sorted(storage.list_keys()) == sorted([FIRST, SECOND])
    assert list(storage.list_keys("4f")) == [FIRST]
    assert list(storage.list_orphans({SECOND}, older_than=datetime(2026, 2, 1, tzinfo=UTC))) == [FIRST]
    assert list(storage.list_orphans(set(), older_than=datetime(2025, 12, 31, tzinfo=UTC))) == []


def test_a_bucket_has_no_unfinished_uploads_to_remove(storage):
    assert storage.remove_unfinished(older_than=datetime(2026, 2, 1, tzinfo=UTC)) == 0


def test_a_bucket_that_answers_passes_its_check(storage):
    storage.check()


def test_a_bucket_that_refuses_us_is_unavailable(storage, bucket):
    bucket.broken = True
    with pytest.raises(StorageUnavailable):
        storage.check()


def test_a_bucket_behind_a_closed_port_is_unavailable_with_a_sentence(storage):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        location = BucketLocation(
            bucket="sealed",
            endpoint=f"http://127.0.0.1:{closed.getsockname()[1]}",
            region="x",
            access_key_id="a",
            secret_access_key="b",
        )
        nowhere = Storage(location, timeout=timedelta(seconds=2))
        with pytest.raises(StorageUnavailable, match="Try again in a moment"):
            nowhere.put_new(FIRST, [b"x"])


def test_a_bucket_that_takes_requests_and_never_answers_is_left_and_used_again_when_it_does(bucket):
    location = BucketLocation(
        bucket="sealed", endpoint=bucket.url, region="x", access_key_id="a", secret_access_key="b"
    )
    slow = Storage(location, timeout=timedelta(seconds=0.3))
    bucket.hangs = True
    started = time.monotonic()
    for ask in (
        slow.check,
        lambda: slow.put_new(FIRST, [b"sealed"]),
        lambda: slow.read(FIRST),
        lambda: list(slow.list_keys()),
    ):
        with pytest.raises(StorageUnavailable, match="Nothing was changed"):
            ask()
    assert time.monotonic() - started < 10
    bucket.hangs = False
    assert slow.put_new(SECOND, [b"sealed"]).length == 6
    assert slow.read(SECOND) == b"sealed"
