"""A school that lost everybody who could open its files, two officers, and custodians with their shares in a folder."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from shamir_mnemonic import generate_mnemonics

from tests.cast import Cast, Member, Service, actor_of, join_service
from transfer_service import ceremony
from transfer_service.audit.signer import sign_committed
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.domain.roles import Role
from transfer_service.use_cases.keys.recovery import approve_recovery, make_approval_receipt, request_recovery
from transfer_service.use_cases.oversight.recovery_bundles import export_for_drill, export_for_request
from transfer_service.use_cases.people.memberships import end_membership

LOG = LogSigningKey(name="tests/log", seed=b"\x06" * 32)
SHARES = generate_mnemonics(1, [(3, 5)], b"\x37" * 32)[0]
"""Of the cast's recovery key for Warwickshire."""


@dataclass(frozen=True)
class Custodians:
    """The offline tool in a folder of its own, with the custodians beside it."""

    folder: Path
    service: Service

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def run(self, *words: str) -> int:
        return ceremony.main([*words, "--shares-from", str(self.folder / "shares")])

    def drill(self, bundle: str) -> str:
        out = self.folder / "verdict.json"
        out.unlink(missing_ok=True)
        self.run("recovery", "drill", str(self.write("drill.json", bundle)), "--out", str(out))
        return out.read_text()

    def open(self, bundle: str, receipt: bytes) -> str:
        out = self.folder / "grants.json"
        out.unlink(missing_ok=True)
        words = ("--receipt", str(self.write("r.tlog-proof", receipt)), "--log-key", LOG.vkey, "--out", str(out))
        assert self.run("recovery", "open", str(self.write("open.json", bundle)), *words) == 0
        return out.read_text()

    def sign_the_log(self) -> None:
        sign_committed(self.service.database, key=LOG, state_file=self.folder / "state.json", now=self.service.at.now())


@pytest.fixture
def custodians(tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> Custodians:
    (tmp_path / "shares").mkdir()
    for number, share in enumerate(SHARES, 1):
        (tmp_path / "shares" / f"share-{number}.txt").write_text(share)
    monkeypatch.setattr("builtins.input", lambda _question: "yes")
    return Custodians(tmp_path, service)


@pytest.fixture
def fern(cast: Cast, service: Service) -> Callable[[], Member]:
    """Both leads of the sending school leave; Fern, its new one, has signed up and waits."""

    def lose_and_join() -> Member:
        for leaver in (cast.alma, cast.ben):
            with service.database.writing() as session:
                end_membership(session, service.at, cast.hugh.actor, membership_id=leaver.membership_id)
        return join_service(
            service, name="Fern Castellan", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=cast.sending
        )

    return lose_and_join


@pytest.fixture
def otto(cast: Cast, service: Service) -> Member:
    """A second officer of Warwickshire."""
    return join_service(service, name="Otto Lindqvist", role=Role.AUTHORITY_OFFICER, authority_id=cast.warwickshire)


def ask(service: Service, member: Member, person: Member):
    with service.database.writing() as session:
        return request_recovery(session, service.at, member.actor, membership_id=person.membership_id)


def approve(service: Service, member: Member, request_id):
    with service.database.writing() as session:
        return approve_recovery(session, service.at, member.actor, request_id=request_id)


def export(service: Service, member: Member, request_id) -> str:
    with service.database.writing() as session:
        return export_for_request(session, service.at, member.actor, request_id=request_id, is_demo=True)


def drill_bundle(service: Service, member: Member) -> str:
    authority_id = member.actor.organisation_id
    with service.database.writing() as session:
        return export_for_drill(session, service.at, member.actor, authority_id=authority_id, is_demo=True)


def receipt(service: Service, member: Member, request_id) -> bytes:
    with service.database.reading() as session:
        return make_approval_receipt(session, service.at, member.actor, request_id=request_id)


def again(service: Service, member: Member) -> Member:
    return replace(member, actor=actor_of(service, member.cookie))


@pytest.fixture
def recovered(cast: Cast, service: Service, fern, otto: Member, custodians: Custodians) -> Callable[..., str]:
    """Gives what the custodians sealed to Fern, or to another person, after a request and both approvals."""

    def make(person: Member | None = None) -> str:
        request_id = ask(service, cast.hugh, person or fern())
        for officer in (cast.olive, otto):
            approve(service, officer, request_id)
        custodians.sign_the_log()
        bundle = export(service, cast.olive, request_id)
        return custodians.open(bundle, receipt(service, cast.olive, request_id))

    return make
