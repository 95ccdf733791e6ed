"""Make a frozen installation: `python -m tests.frozen.making FOLDER`, once a version; what was made is never changed.

The folder then holds the database, packed, and beside it everything that its people know: every later version of the
service signs them in and opens their file.
"""

import gzip
import json
import sqlite3
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

from tests import factories
from tests.cast import build_cast, new_service
from transfer_service.db.migrate import upgrade
from transfer_service.db.models import Dispatch
from transfer_service.db.session import Database
from transfer_service.domain.transfer import Status
from transfer_service.storage.blobs import Storage

PEOPLE = ("alma", "ben", "cora", "dev")


def make(folder: Path) -> None:
    """Write `transfer.db.gz` and `known.json` into a folder that is new."""
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "transfer.db"
        upgrade(f"sqlite:///{path}")
        database = Database(f"sqlite:///{path}")
        cast = build_cast(database)
        service = new_service(database)
        storage = Storage.from_url(f"file://{scratch}/blobs")
        setting = SimpleNamespace(database=database, at=service.at, storage=storage)
        dispatch_id = factories.dispatch_in(setting, Status.ACKNOWLEDGED, sender=cast.alma, receiver=cast.cora)
        with database.reading() as session:
            reference = session.get_one(Dispatch, dispatch_id).transfer.reference
        database.dispose()
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("VACUUM")
        connection.close()
        (folder / "transfer.db.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    members = {name: getattr(cast, name) for name in PEOPLE}
    known = {
        "reference": reference,
        "dispatch": str(dispatch_id),
        "note": factories.NOTE_TEXT,
        "surname": factories.PUPIL.surname,
        "school": str(cast.receiving),
        "people": {
            name: {
                "email": one.email,
                "password": one.password,
                "totp": one.totp_secret,
                "recovery_code": one.recovery_code,
            }
            for name, one in members.items()
        },
    }
    (folder / "known.json").write_text(json.dumps(known, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
