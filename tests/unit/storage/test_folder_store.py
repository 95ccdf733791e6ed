import hashlib
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from transfer_service.storage.blobs import BlobFacts, Storage, StoredBlob
from transfer_service.storage.errors import BlobExists, BlobMissing, StorageUnavailable
from transfer_service.storage.keys import blob_key

FIRST = blob_key(UUID("018f6f70-1a2b-7c3d-8e4f-5a6b7c8d4f02"))
SECOND = blob_key(UUID("018f6f70-1a2b-7c3d-8e4f-5a6b7c8dab03"))


@pytest.fixture
def storage(tmp_path):
    return Storage.from_url(f"file://{tmp_path}/sealed")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "sealed"


def test_what_was_stored_is_read_back_byte_for_byte(storage):
    stored = storage.put_new(FIRST, iter([b"sealed ", b"", b"bytes"]))
    assert stored == StoredBlob(length=12, sha256=hashlib.sha256(b"sealed bytes").digest())
    assert storage.read(FIRST) == b"sealed bytes"


def test_an_empty_blob_is_a_blob(storage):
    assert storage.put_new(FIRST, []).length == 0
    assert storage.read(FIRST) == b""


def test_a_part_is_read_without_the_rest(storage):
    storage.put_new(FIRST, [b"0123456789"])
    assert storage.read_range(FIRST, start=3, length=4) == b"3456"
    assert storage.read_range(FIRST, start=8, length=40) == b"89"


def test_a_large_blob_is_read_in_pieces(storage):
    content = os.urandom(300_000)
    storage.put_new(FIRST, [content])
    pieces = list(storage.read_chunks(FIRST, chunk_bytes=64_000))
    assert len(pieces) > 1
    assert b"".join(pieces) == content


def test_length_and_age_are_told_without_reading(storage):
    before = datetime.now(tz=UTC) - timedelta(seconds=2)
    storage.put_new(FIRST, [b"12345"])
    facts = storage.head(FIRST)
    assert isinstance(facts, BlobFacts)
    assert facts.length == 5
    assert before < facts.stored_at < datetime.now(tz=UTC) + timedelta(seconds=2)


def test_nothing_is_ever_overwritten(storage):
    storage.put_new(FIRST, [b"the first"])
    with pytest.raises(BlobExists):
        storage.put_new(FIRST, [b"the second"])
    assert storage.read(FIRST) == b"the first"


def test_of_two_writers_of_one_key_exactly_one_wins(storage):
    together = threading.Barrier(4)
    outcomes = []

    def write(name):
        together.wait()
        try:
            storage.put_new(FIRST, [name * 1000])
            outcomes.append("stored")
        except BlobExists:
            outcomes.append("refused")

    writers = [threading.Thread(target=write, args=(bytes([65 + n]),)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(outcomes) == ["refused", "refused", "refused", "stored"]
    assert len(set(storage.read(FIRST))) == 1


def test_nobody_sees_a_blob_before_it_is_whole(storage, root):
    def chunks():
        yield b"half"
        assert list(storage.list_keys()) == []
        assert not (root / FIRST).exists()
        yield b"whole"

    storage.put_new(FIRST, chunks())
    assert list(storage.list_keys()) == [FIRST]


@pytest.mark.parametrize("error", [ConnectionResetError("hung up"), FileNotFoundError("spool"), ValueError("bad")])
def test_a_source_that_breaks_off_leaves_nothing_and_keeps_its_own_error(storage, root, error):
    def chunks():
        yield b"half"
        raise error

    with pytest.raises(type(error)) as raised:
        storage.put_new(FIRST, chunks())
    assert raised.value is error
    assert list(storage.list_keys()) == []
    assert list((root / "incoming").iterdir()) == []


def test_bytes_names_and_new_folders_are_forced_to_the_disk(storage, root, monkeypatch):
    forced = []
    real = os.fsync

    def remember(handle):
        forced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        real(handle)

    monkeypatch.setattr(os, "fsync", remember)
    storage.put_new(FIRST, [b"x"])
    assert forced[0].startswith(str(root / "incoming"))
    assert forced[1:] == [str(root), str(root / "4f"), str(root / "4f/02")]


def test_only_the_service_itself_may_read_what_it_stored(storage, root):
    storage.put_new(FIRST, [b"x"])
    assert (root / FIRST).stat().st_mode & 0o777 == 0o600
    assert (root / "4f").stat().st_mode & 0o777 == 0o700
    assert root.stat().st_mode & 0o777 == 0o700


def test_a_missing_blob_is_said_to_be_missing_and_what_to_do(storage):
    for look in (
        lambda: storage.read(FIRST),
        lambda: storage.head(FIRST),
        lambda: storage.read_range(FIRST, start=0, length=1),
        lambda: list(storage.read_chunks(FIRST)),
    ):
        with pytest.raises(BlobMissing) as missing:
            look()
        assert "ask the sending school to seal them again" in missing.value.sentence


def test_deleting_takes_the_bytes_away_and_can_be_repeated(storage, root):
    storage.put_new(FIRST, [b"x"])
    storage.delete(FIRST)
    storage.delete(FIRST)
    assert not (root / FIRST).exists()
    assert list(storage.list_keys()) == []


def test_listing_can_be_limited_to_a_folder_and_shows_nothing_of_others(storage, root):
    storage.put_new(FIRST, [b"x"])
    storage.put_new(SECOND, [b"y"])
    (root / "README").write_text("not ours")
    assert sorted(storage.list_keys()) == sorted([FIRST, SECOND])
    assert list(storage.list_keys("4f")) == [FIRST]
    assert list(storage.list_keys("ab/03")) == [SECOND]
    assert list(storage.list_keys("00")) == []


def test_an_orphan_is_old_and_named_by_no_row(storage, root):
    third = blob_key(UUID("018f6f70-1a2b-7c3d-8e4f-5a6b7c8d0a04"))
    for key in (FIRST, SECOND, third):
        storage.put_new(key, [b"x"])
    two_days_ago = datetime.now(tz=UTC).timestamp() - 2 * 86_400
    for key in (FIRST, SECOND):
        os.utime(root / key, (two_days_ago, two_days_ago))
    a_day_ago = datetime.now(tz=UTC) - timedelta(days=1)
    assert list(storage.list_orphans({SECOND}, older_than=a_day_ago)) == [FIRST]
    assert storage.read(FIRST) == b"x"


def test_uploads_that_a_killed_process_left_are_removed_once_they_are_old(storage, root):
    assert storage.remove_unfinished(older_than=datetime.now(tz=UTC)) == 0
    storage.put_new(FIRST, [b"x"])
    (root / "incoming" / "old").write_bytes(b"half")
    (root / "incoming" / "young").write_bytes(b"half")
    os.utime(root / "incoming" / "old", (1, 1))
    assert storage.remove_unfinished(older_than=datetime.now(tz=UTC) - timedelta(days=1)) == 1
    assert [left.name for left in (root / "incoming").iterdir()] == ["young"]


def test_a_disk_that_refuses_is_an_unavailable_store_and_nothing_is_stored(storage, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageUnavailable) as unavailable:
        storage.put_new(FIRST, [b"x"])
    monkeypatch.undo()
    assert unavailable.value.retry_after == 30
    assert list(storage.list_keys()) == []


def test_a_folder_in_order_passes_its_check(storage):
    storage.check()


def test_a_folder_that_went_away_fails_its_check_with_what_to_look_at(storage, root):
    root.rmdir()
    with pytest.raises(StorageUnavailable, match="Check that it is there"):
        storage.check()


def test_a_store_that_cannot_be_made_is_unavailable(tmp_path):
    (tmp_path / "taken").write_text("a file where the folder should be")
    with pytest.raises(StorageUnavailable):
        Storage.from_url(f"file://{tmp_path}/taken/sealed")


def test_a_key_that_is_none_reaches_no_file(storage):
    with pytest.raises(ValueError, match="make keys"):
        storage.read("../../etc/passwd")
    with pytest.raises(ValueError, match="make keys"):
        storage.put_new("../escape", [b"x"])
