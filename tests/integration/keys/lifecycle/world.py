"""The installation that the walk goes through: people who sign in, schools, officers, custodians, a signer, backups."""

from __future__ import annotations

import contextlib
import io
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from unittest.mock import patch
from uuid import UUID

from shamir_mnemonic import combine_mnemonics, generate_mnemonics

from tests.cast import BUILT_AT, HOME, Cast, Clock, Member, Service, actor_of, join_service, new_service
from tests.database import migrated_database
from tests.integration.people.steps import begin, finish
from tests.integration.transfers.stage import TERMS
from transfer_service import ceremony
from transfer_service.audit.export import export_log
from transfer_service.audit.nodes import log_size
from transfer_service.audit.signer import sign_committed
from transfer_service.crypto.peppers import PepperSet
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.crypto.suites import PersonKey, RecoveryKey
from transfer_service.crypto.unlock import KdfParameters, PasswordKeys
from transfer_service.crypto.values import Seed
from transfer_service.db.models import Alert
from transfer_service.db.session import Database
from transfer_service.domain.alerts import AlertKind
from transfer_service.domain.roles import Role
from transfer_service.storage.blobs import Storage
from transfer_service.use_cases.backups.making import make_backup
from transfer_service.use_cases.backups.restoring import RestoreFrom, RestoreReport, restore_backup
from transfer_service.use_cases.calendars import replace_terms
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.people.passwords import PasswordWork
from transfer_service.use_cases.people.reset_links import request_password_reset
from transfer_service.use_cases.people.unlocking import open_person_key

LOG = LogSigningKey(name="tests/log", seed=b"\x06" * 32)
REVISION = "0001"
NEW_PASSWORD = "nine copper lanterns drift"
PASSWORD_KEPT_FOR = timedelta(minutes=9)


class RememberedWork(PasswordWork):
    """The real derivation, run once for each password and salt; every new password of a walk has one salt.

    What the walk is about are keys, and a run of Argon2id takes as long as thirty acts.
    """

    def __init__(self) -> None:
        super().__init__(PepperSet({1: b"\x02" * 32}))
        self._new = KdfParameters(salt=b"\x53" * 16, pepper_id=1)
        self._derived: dict[tuple[str, str], PasswordKeys] = {}

    def derive(self, password: str, parameters: KdfParameters | None) -> PasswordKeys:
        place = (password, (parameters or self._new).text)
        if place not in self._derived:
            self._derived[place] = super().derive(password, parameters)
        return self._derived[place]

    def new_parameters(self) -> KdfParameters:
        return self._new


WORK = RememberedWork()


@cache
def shares_of(seed: bytes) -> tuple[str, ...]:
    """What the five custodians keep."""
    return tuple(generate_mnemonics(1, [(3, 5)], seed)[0])


@cache
def quorum_key(seed: bytes) -> RecoveryKey:
    """The recovery key as three of the custodians make it from their shares."""
    return RecoveryKey.from_seed(Seed(combine_mnemonics(list(shares_of(seed)[1:4]))))


@dataclass(frozen=True)
class Template:
    """A database in which the cast and two more officers have signed up."""

    source: Path
    cast: Cast
    otto: Member
    opal: Member
    run_folder: Path


def make_template(cast: Cast, source: str, *, folder: Path, run_folder: Path) -> Template:
    path = folder / "walk.db"
    shutil.copyfile(source, path)
    database = Database(f"sqlite:///{path}")
    service = replace(new_service(database), work=WORK)
    officers = [
        join_service(service, name=name, role=Role.AUTHORITY_OFFICER, authority_id=cast.warwickshire)
        for name in ("Otto Lindqvist", "Opal Hartmann")
    ]
    with database.writing() as session:
        replace_terms(session, service.at, None, authority_id=cast.warwickshire, terms=TERMS)
    database.dispose()  # the last connection writes everything into the file
    return Template(path, cast, officers[0], officers[1], run_folder)


@dataclass
class Backup:
    """A folder, and how many leaves the log had in it."""

    folder: Path
    size: int


@dataclass
class World:
    """One installation with everybody in it; `setting` of the factories."""

    database: Database
    service: Service
    storage: Storage
    folder: Path
    template: Template
    people: dict[UUID, Member]
    stack: ExitStack
    given: dict[UUID, datetime]
    """When each person gave their password last."""
    keys_ever: dict[UUID, list[PersonKey]]
    """Every key that somebody ever had, as if each person had kept a copy of all of them."""
    recovery_seeds: list[bytes] = field(default_factory=lambda: [b"\x37" * 32])
    backup: Backup | None = None
    restores: list[tuple[int, int]] = field(default_factory=list)
    """Of each restore: the size of the log in the backup, and the index of the leaf that says it is done."""
    made: int = 0

    @classmethod
    def begin(cls, template: Template, folder: Path) -> World:
        path = folder / "walk.db"
        shutil.copyfile(template.source, path)
        database = Database(f"sqlite:///{path}")
        service = replace(new_service(database), work=WORK)
        cast = template.cast
        members = (cast.alma, cast.ben, cast.cora, cast.dev, cast.stella, cast.olive, template.otto, template.opal)
        world = cls(
            database=database,
            service=service,
            storage=Storage.from_url(f"file://{folder}/blobs"),
            folder=folder,
            template=template,
            people={member.person_id: member for member in members},
            stack=ExitStack(),
            given=dict.fromkeys((member.person_id for member in members), BUILT_AT),
            keys_ever={member.person_id: [member.person_key] for member in members},
        )
        world.stack.callback(world.close)
        (folder / "shares").mkdir()
        return world

    def close(self) -> None:
        """Close the database that the walk ended with, and leave no file behind."""
        self.database.dispose()
        shutil.rmtree(self.folder)

    @property
    def at(self) -> Installation:
        return self.service.at

    @property
    def clock(self) -> Clock:
        return self.service.clock

    @property
    def cast(self) -> Cast:
        return self.template.cast

    @property
    def quorum(self) -> RecoveryKey:
        """The recovery key in use, as three custodians make it."""
        return quorum_key(self.recovery_seeds[-1])

    # --- people ---------------------------------------------------------------------------------------------

    def who(self, person: UUID) -> Member:
        """The person, signed in, with the password given just now and with what they may do at this moment."""
        member = self.people[person]
        if self.clock() - self.given[person] < PASSWORD_KEPT_FOR:
            try:
                self.people[person] = replace(member, actor=actor_of(self.service, member.cookie))
            except AssertionError:
                return self.sign_in(person)
            return self.people[person]
        return self.sign_in(person)

    def sign_in(self, person: UUID) -> Member:
        self.clock.move(seconds=31)  # each one-time code counts once
        member = self.people[person]
        cookie = finish(self.service, member, begin(self.service, member).cookie).cookie
        with self.database.reading() as session:
            key = open_person_key(session, self.at, cookie=cookie)
        actor = actor_of(self.service, cookie)
        self.people[person] = replace(member, cookie=cookie, actor=actor, person_key=key)
        self.given[person] = self.clock()
        if all(key.public != one.public for one in self.keys_ever[person]):
            self.keys_ever[person].append(key)
        return self.people[person]

    def join(self, school: UUID) -> Member:
        self.made += 1
        role = Role.DEPUTY_DSL if self.made % 2 else Role.DESIGNATED_SAFEGUARDING_LEAD
        member = join_service(self.service, name=f"Robin Number{self.made}", role=role, school_id=school)
        self.people[member.person_id] = member
        self.given[member.person_id] = self.clock()
        self.keys_ever[member.person_id] = [member.person_key]
        return member

    def reset_token(self, email: str) -> str:
        """Ask for a link and read it in the mail; the limit of links an hour is kept."""
        self.clock.move(minutes=25)
        with self.database.writing() as session:
            request_password_reset(session, self.at, email=email, address=HOME.address)
        with self.database.reading() as session:
            mails = session.query(Alert).filter_by(kind=AlertKind.PASSWORD_RESET.value, address=email)
            mail = mails.order_by(Alert.id.desc()).first()
        assert mail is not None
        assert mail.secret is not None
        path = self.at.field_keys.open_text(mail.secret, table="alert", column="secret", row=mail.id)
        return path.removeprefix("/password/reset/")

    # --- custodians -----------------------------------------------------------------------------------------

    def open_bundle(self, bundle: str, receipt: bytes) -> str:
        """Three custodians open what went out, with the offline tool."""
        for number, share in enumerate(shares_of(self.recovery_seeds[-1]), 1):
            (self.folder / "shares" / f"share-{number}.txt").write_text(share)
        for name, content in (("open.json", bundle.encode()), ("r.tlog-proof", receipt)):
            (self.folder / name).write_bytes(content)
        out = self.folder / "grants.json"
        out.unlink(missing_ok=True)
        words = ["recovery", "open", str(self.folder / "open.json"), "--out", str(out), "--log-key", LOG.vkey]
        words += ["--receipt", str(self.folder / "r.tlog-proof"), "--shares-from", str(self.folder / "shares")]
        with patch("builtins.input", return_value="yes"), contextlib.redirect_stdout(io.StringIO()):
            assert ceremony.main(words) == 0
        return out.read_text()

    def sign_the_log(self) -> None:
        sign_committed(self.database, key=LOG, state_file=self.folder / "signer.json", now=self.clock())

    def log_size(self) -> int:
        with self.database.reading() as session:
            return log_size(session)

    # --- backups --------------------------------------------------------------------------------------------

    def back_up(self) -> None:
        self.made += 1
        self.sign_the_log()
        folder = self.folder / f"backup-{self.made}"
        report = make_backup(self.database, self.at, self.storage, folder, revision=REVISION)
        self.backup = Backup(folder, report.leaves)

    def restore(self) -> RestoreReport:
        """Put the backup into an empty database and an empty store, with the log's newer leaves from an export."""
        assert self.backup is not None
        self.made += 1
        self.sign_the_log()
        export = self.folder / f"export-{self.made}"
        with self.database.reading() as session:
            export_log(session, export, with_sealed=True)
        folder = self.folder / f"database-{self.made}"
        folder.mkdir()
        made = migrated_database("sqlite", run_folder=self.template.run_folder, folder=folder)
        database = Database(self.stack.enter_context(made).url)
        storage = Storage.from_url(f"file://{folder}/blobs")
        source = RestoreFrom(
            directory=self.backup.folder,
            revision=REVISION,
            key=LOG,
            keys=[LOG.verifier],
            state_file=self.folder / "signer.json",
            exports=(export,),
        )
        report = restore_backup(database, self.at, storage, source, secret_files={})
        self.database.dispose()
        self.database, self.storage = database, storage
        self.service = replace(self.service, database=database)
        # Sessions are in no backup: everybody signs in again.
        self.given = {person: self.clock() - timedelta(days=1) for person in self.given}
        self.backup = None
        return report
