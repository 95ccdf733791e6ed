"""For each use case of people and keys: its last step fails, and not one row of any table has changed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyotp
import pytest
from sqlalchemy.orm import Session

from tests.cast import (
    HOME,
    WARWICKSHIRE_RECOVERY,
    Cast,
    Member,
    Service,
    join_service,
    refreshed,
)
from tests.integration.people.steps import begin
from tests.observing import rows
from transfer_service.audit import log
from transfer_service.crypto.recovery_files import RecoveryPublic
from transfer_service.crypto.suites import RecoveryKey
from transfer_service.crypto.values import Seed
from transfer_service.domain.events import Basis
from transfer_service.domain.roles import Role
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.keys.custodians import replace_recovery_key
from transfer_service.use_cases.keys.epochs import make_first_epoch, make_next_epoch
from transfer_service.use_cases.keys.exposure import report_exposure
from transfer_service.use_cases.keys.granting import grant_school_keys
from transfer_service.use_cases.keys.rotation import destroy_empty_epochs, reseal_round
from transfer_service.use_cases.keys.waiting import complete_waiting_acts
from transfer_service.use_cases.oversight.approvals import approve_first_dsl, refuse_first_dsl
from transfer_service.use_cases.people.accepting import accept_another_invitation, accept_invitation
from transfer_service.use_cases.people.authorities import create_authority
from transfer_service.use_cases.people.backup_codes import (
    confirm_backup_codes,
    finish_sign_in_with_backup_code,
    issue_backup_codes,
)
from transfer_service.use_cases.people.beginning_again import begin_again
from transfer_service.use_cases.people.changing_password import change_password
from transfer_service.use_cases.people.inviting import invite_person, resend_invitation, withdraw_invitation
from transfer_service.use_cases.people.letting_begin_again import let_begin_again
from transfer_service.use_cases.people.memberships import end_membership, return_membership, suspend_membership
from transfer_service.use_cases.people.naming import change_name
from transfer_service.use_cases.people.recovery_codes import confirm_recovery_code, issue_recovery_code
from transfer_service.use_cases.people.reset_links import make_token
from transfer_service.use_cases.people.resetting import reset_password, reset_password_with_code
from transfer_service.use_cases.people.second_factor import (
    change_second_factor,
    confirm_second_factor,
    prepare_second_factor,
    use_recovery_code,
)
from transfer_service.use_cases.people.sessions import end_other_sessions, end_own_session, end_session
from transfer_service.use_cases.people.signing_in import finish_sign_in


class PulledTheCord(Exception):
    """The failure that a test causes."""


@dataclass
class Stage:
    """What an act may need, made before the failure."""

    cast: Cast
    service: Service
    folder: Path

    def write(self, act: Callable[[Session], object]) -> object:
        with self.service.database.writing() as session:
            return act(session)

    def invite(self, role: Role = Role.DEPUTY_DSL, *, email: str = "new@example.org"):
        return self.write(
            lambda session: invite_person(
                session, self.service.at, self.cast.hugh.actor, email=email, role=role, school_id=self.cast.sending
            )
        )

    def waiting_first(self, *, approved: bool = False) -> Member:
        fay = join_service(
            self.service, name="Fay Lund", role=Role.DESIGNATED_SAFEGUARDING_LEAD, school_id=self.cast.keyless
        )
        if approved:
            self.write(
                lambda session: approve_first_dsl(
                    session, self.service.at, self.cast.olive.actor, membership_id=fay.membership_id
                )
            )
        return refreshed(self.service, fay)

    def reset_token(self, member: Member) -> str:
        from transfer_service.db.models import Person

        with self.service.database.reading() as session:
            return make_token(self.service.at, session.get_one(Person, member.person_id))


Act = Callable[[], object]


def _invite(stage: Stage) -> Act:
    return stage.invite


def _resend(stage: Stage) -> Act:
    at, actor, invited = stage.service.at, stage.cast.hugh.actor, stage.invite()
    return lambda: stage.write(lambda s: resend_invitation(s, at, actor, membership_id=invited.membership_id))


def _withdraw(stage: Stage) -> Act:
    at, actor, invited = stage.service.at, stage.cast.hugh.actor, stage.invite()
    return lambda: stage.write(lambda s: withdraw_invitation(s, at, actor, membership_id=invited.membership_id))


def _accept(stage: Stage) -> Act:
    service, invited = stage.service, stage.invite()
    return lambda: accept_invitation(
        service.database,
        service.at,
        service.work,
        token=invited.token,
        name="Nia Price",
        password="four purple kettles whistle",
        device=HOME,
    )


def _accept_another(stage: Stage) -> Act:
    at, ben, invited = stage.service.at, stage.cast.edie, stage.invite(email=stage.cast.edie.email)
    return lambda: stage.write(lambda s: accept_another_invitation(s, at, ben.actor, token=invited.token))


def _let_begin_again(stage: Stage) -> Act:
    at, cast = stage.service.at, stage.cast
    keys = cast.alma.school_keys(stage.service)
    return lambda: stage.write(
        lambda s: let_begin_again(
            s, at, cast.alma.actor, membership_id=cast.ben.membership_id, basis=Basis.IN_PERSON_CHECK, school_keys=keys
        )
    )


def _begin_again(stage: Stage) -> Act:
    service, ben = stage.service, stage.cast.ben
    stage.write(lambda s: end_membership(s, service.at, stage.cast.hugh.actor, membership_id=ben.membership_id))
    invited = stage.invite(email=ben.email)
    return lambda: begin_again(
        service.database,
        service.at,
        service.work,
        token=invited.token,
        password="four purple kettles whistle",
        device=HOME,
    )


def _create_authority(stage: Stage) -> Act:
    recovery = RecoveryPublic(public=WARWICKSHIRE_RECOVERY.public, authority="Birmingham", demo=False)
    return lambda: stage.write(
        lambda s: create_authority(
            s, stage.service.at, None, la_code="330", name="Birmingham", recovery=recovery, is_demo=False
        )
    )


def _finish_sign_in(stage: Stage) -> Act:
    service, alma = stage.service, stage.cast.alma
    begun = begin(service, alma)
    return lambda: finish_sign_in(
        service.database, service.at, cookie=begun.cookie, code=alma.code(service), device=HOME
    )


def _replace_lost_device(stage: Stage) -> Act:
    service, alma = stage.service, stage.cast.alma
    waiting = use_recovery_code(
        service.database,
        service.at,
        cookie=begin(service, alma).cookie,
        recovery_code=alma.recovery_code,
        device=HOME,
    )
    secret = stage.write(lambda s: prepare_second_factor(s, service.at, cookie=waiting.cookie)).secret
    code = pyotp.TOTP(secret).at(service.clock())
    return lambda: confirm_second_factor(service.database, service.at, cookie=waiting.cookie, code=code, device=HOME)


def _change_second_factor(stage: Stage) -> Act:
    service, edie = stage.service, stage.cast.edie
    secret = stage.write(lambda s: prepare_second_factor(s, service.at, cookie=edie.cookie)).secret
    code = pyotp.TOTP(secret).at(service.clock())
    return lambda: change_second_factor(
        service.database, service.at, edie.actor, cookie=edie.cookie, code=code, device=HOME
    )


def _issue_code(stage: Stage) -> Act:
    at, alma = stage.service.at, stage.cast.alma
    return lambda: stage.write(lambda s: issue_recovery_code(s, at, alma.actor, cookie=alma.cookie))


def _confirm_code(stage: Stage) -> Act:
    at, alma = stage.service.at, stage.cast.alma
    shown = stage.write(lambda s: issue_recovery_code(s, at, alma.actor, cookie=alma.cookie))
    first, second = (shown.groups[place] for place in shown.asked)
    return lambda: stage.write(
        lambda s: confirm_recovery_code(s, at, alma.actor, person_key=alma.person_key, retyped=(first, second))
    )


def _make_backup_codes(stage: Stage) -> tuple[str, ...]:
    at, alma = stage.service.at, stage.cast.alma
    with stage.service.database.writing() as session:
        codes = issue_backup_codes(session, at, alma.actor, cookie=alma.cookie)
        confirm_backup_codes(session, at, alma.actor, person_key=alma.person_key)
    return codes


def _confirm_backup_codes(stage: Stage) -> Act:
    at, alma = stage.service.at, stage.cast.alma
    _make_backup_codes(stage)
    stage.write(lambda s: issue_backup_codes(s, at, alma.actor, cookie=alma.cookie))
    return lambda: stage.write(lambda s: confirm_backup_codes(s, at, alma.actor, person_key=alma.person_key))


def _use_backup_code(stage: Stage) -> Act:
    service, code = stage.service, _make_backup_codes(stage)[0]
    begun = begin(service, stage.cast.alma)
    return lambda: finish_sign_in_with_backup_code(
        service.database, service.at, cookie=begun.cookie, backup_code=code, device=HOME
    )


def _change_password(stage: Stage) -> Act:
    service, alma = stage.service, stage.cast.alma
    return lambda: change_password(
        service.database,
        service.at,
        service.work,
        alma.actor,
        old_password=alma.password,
        new_password="nine copper lanterns drift",
        device=HOME,
    )


def _reset(stage: Stage) -> Act:
    service, token = stage.service, stage.reset_token(stage.cast.stella)
    return lambda: reset_password(
        service.database, service.at, service.work, token=token, password="nine copper lanterns drift", device=HOME
    )


def _reset_with_code(stage: Stage) -> Act:
    service, alma = stage.service, stage.cast.alma
    token = stage.reset_token(alma)
    return lambda: reset_password_with_code(
        service.database,
        service.at,
        service.work,
        token=token,
        password="nine copper lanterns drift",
        recovery_code=alma.recovery_code,
        device=HOME,
        lost_device=True,
    )


def _change_name(stage: Stage) -> Act:
    return lambda: stage.write(lambda s: change_name(s, stage.service.at, stage.cast.alma.actor, name="Alma Reyes-Kay"))


def _sign_out(stage: Stage) -> Act:
    return lambda: stage.write(lambda s: end_session(s, stage.service.at, cookie=stage.cast.alma.cookie))


def _end_own_session(stage: Stage) -> Act:
    at, actor = stage.service.at, stage.cast.alma.actor
    assert actor.session_id is not None
    return lambda: stage.write(lambda s: end_own_session(s, at, actor, session_id=actor.session_id))


def _end_others(stage: Stage) -> Act:
    service, alma = stage.service, stage.cast.alma
    service.clock.move(seconds=30)
    finish_sign_in(
        service.database,
        service.at,
        cookie=begin(service, alma).cookie,
        code=alma.code(service),
        device=HOME,
    )
    return lambda: stage.write(lambda s: end_other_sessions(s, service.at, alma.actor))


def _end_membership(stage: Stage) -> Act:
    at, alma, ben = stage.service.at, stage.cast.alma, stage.cast.ben
    keys = alma.school_keys(stage.service)
    return lambda: stage.write(
        lambda s: end_membership(s, at, alma.actor, membership_id=ben.membership_id, school_keys=keys)
    )


def _suspend(stage: Stage) -> Act:
    at, alma, ben = stage.service.at, stage.cast.alma, stage.cast.ben
    return lambda: stage.write(lambda s: suspend_membership(s, at, alma.actor, membership_id=ben.membership_id))


def _return(stage: Stage) -> Act:
    at, alma, ben = stage.service.at, stage.cast.alma, stage.cast.ben
    stage.write(lambda s: suspend_membership(s, at, alma.actor, membership_id=ben.membership_id))
    return lambda: stage.write(lambda s: return_membership(s, at, alma.actor, membership_id=ben.membership_id))


def _approve(stage: Stage) -> Act:
    at, olive, fay = stage.service.at, stage.cast.olive, stage.waiting_first()
    return lambda: stage.write(lambda s: approve_first_dsl(s, at, olive.actor, membership_id=fay.membership_id))


def _refuse(stage: Stage) -> Act:
    at, olive, fay = stage.service.at, stage.cast.olive, stage.waiting_first()
    return lambda: stage.write(lambda s: refuse_first_dsl(s, at, olive.actor, membership_id=fay.membership_id))


def _first_epoch(stage: Stage) -> Act:
    fay = stage.waiting_first(approved=True)
    return lambda: stage.write(lambda s: make_first_epoch(s, stage.service.at, fay.actor, person_key=fay.person_key))


def _next_epoch(stage: Stage) -> Act:
    alma = stage.cast.alma
    keys = alma.school_keys(stage.service)
    return lambda: stage.write(lambda s: make_next_epoch(s, stage.service.at, alma.actor, school_keys=keys))


def _grant(stage: Stage) -> Act:
    service, alma = stage.service, stage.cast.alma
    gil = join_service(service, name="Gil Tran", role=Role.DEPUTY_DSL, school_id=stage.cast.sending)
    keys = alma.school_keys(service)
    return lambda: stage.write(
        lambda s: grant_school_keys(
            s,
            service.at,
            alma.actor,
            school_keys=keys,
            membership_id=gil.membership_id,
            confirmed_words=gil.person_key.fingerprint.words(),
            basis=Basis.IN_PERSON_CHECK,
        )
    )


def _complete_waiting(stage: Stage) -> Act:
    at, cast = stage.service.at, stage.cast
    stage.service.clock.move(minutes=1)
    stage.write(lambda s: end_membership(s, at, cast.hugh.actor, membership_id=cast.ben.membership_id))
    stage.service.clock.move(minutes=1)
    return lambda: stage.write(lambda s: complete_waiting_acts(s, at, cast.alma.actor, person_key=cast.alma.person_key))


def _resealed(stage: Stage) -> Member:
    """Cora's school holds a file under its first epoch and has a second one."""
    from tests.factories import dispatch_in
    from tests.integration.transfers.stage import set_stage

    cora = stage.cast.cora
    files = set_stage(stage.cast, stage.service, stage.folder)
    dispatch_in(files, Status.ACKNOWLEDGED, sender=files.alma, receiver=files.cora)
    keys = cora.school_keys(stage.service)
    stage.write(lambda s: make_next_epoch(s, stage.service.at, cora.actor, school_keys=keys))
    return cora


def _reseal(stage: Stage) -> Act:
    cora = _resealed(stage)
    return lambda: stage.write(lambda s: reseal_round(s, stage.service.at, cora.actor, person_key=cora.person_key))


def _destroy_empty(stage: Stage) -> Act:
    at, cora = stage.service.at, _resealed(stage)
    for _ in ("make", "release"):
        stage.write(lambda s: reseal_round(s, at, cora.actor, person_key=cora.person_key))
    stage.service.clock.move(days=1)
    return lambda: stage.write(lambda s: destroy_empty_epochs(s, at, cora.actor))


def _report_exposure(stage: Stage) -> Act:
    return lambda: stage.write(lambda s: report_exposure(s, stage.service.at, stage.cast.ben.actor))


def _replace_recovery_key(stage: Stage) -> Act:
    at = stage.service.at
    fresh = RecoveryPublic(
        public=RecoveryKey.from_seed(Seed(b"\x47" * 32)).public, authority="Warwickshire", demo=False
    )
    at.recovery_keys["937"] = fresh.public.fingerprint.hex
    return lambda: stage.write(lambda s: replace_recovery_key(s, at, la_code="937", recovery=fresh, is_demo=False))


ACTS = [
    _invite, _resend, _withdraw, _accept, _accept_another, _let_begin_again, _begin_again,
    _create_authority, _finish_sign_in, _replace_lost_device,
    _change_second_factor, _issue_code, _confirm_code, _confirm_backup_codes, _use_backup_code, _change_password,
    _reset, _reset_with_code, _sign_out, _change_name, _end_own_session, _end_others, _end_membership, _suspend,
    _return, _approve, _refuse, _first_epoch, _next_epoch, _grant, _complete_waiting, _reseal, _destroy_empty,
    _report_exposure, _replace_recovery_key,
]  # fmt: skip


@pytest.mark.parametrize("prepare", ACTS, ids=lambda prepare: prepare.__name__.strip("_"))
def test_an_act_whose_last_step_fails_changes_nothing_and_can_be_done_again(
    cast: Cast, service: Service, monkeypatch, tmp_path: Path, prepare: Callable[[Stage], Act]
):
    act = prepare(Stage(cast, service, tmp_path / "blobs"))
    before = rows(service)

    def fail(*_args: object, **_said: object) -> None:
        raise PulledTheCord

    with monkeypatch.context() as broken:
        broken.setattr(log, "append_all", fail)
        with pytest.raises(PulledTheCord):
            act()
    assert rows(service) == before
    act()
    after = rows(service)
    assert len(after["log_leaf"]) > len(before["log_leaf"])


def test_every_use_case_that_leaves_a_leaf_is_among_these_acts():
    """Whoever adds one is reminded of it here: the names of all functions that record."""
    import ast

    from transfer_service import use_cases

    root = Path(next(iter(use_cases.__path__)))
    recording = set()
    for folder in ("people", "keys"):
        for path in (root / folder).glob("*.py"):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                    calls = {
                        call.func.id
                        for call in ast.walk(node)
                        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
                    }
                    if calls & {"record", "record_all"}:
                        recording.add(node.name)
    source = Path(__file__).read_text()
    unheld = {name for name in recording if f"{name}(" not in source}
    assert unheld == {"count_wrong"}, "a failed sign-in is counted by test_limits and test_signing_in"
