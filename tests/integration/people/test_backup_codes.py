"""Backup codes: each is good once at sign-in instead of the one-time code, and for nothing else."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from tests.cast import HOME, Cast, Member, Service, actor_of
from tests.integration.people.steps import begin, finish
from tests.observing import alerts, leaves
from transfer_service.crypto.fields import FieldKeyring
from transfer_service.db.models import BackupCodeHash, HeldForm, Person, SignInAttempt, Unlock
from transfer_service.domain.errors import (
    Invalid,
    NeedsPassword,
    RuleForbids,
    SessionEnded,
    SignInRefused,
    TooManyAttempts,
)
from transfer_service.use_cases.people import attempts
from transfer_service.use_cases.people.backup_code_rows import BackupCodesLeft, count_backup_codes
from transfer_service.use_cases.people.backup_codes import (
    confirm_backup_codes,
    finish_sign_in_with_backup_code,
    issue_backup_codes,
)
from transfer_service.use_cases.people.pending import get_pending_sign_in
from transfer_service.use_cases.people.second_factor import use_recovery_code
from transfer_service.use_cases.people.unlocking import open_person_key
from transfer_service.use_cases.recording import open_detail


def issue(service: Service, member: Member) -> tuple[str, ...]:
    with service.database.writing() as session:
        return issue_backup_codes(session, service.at, member.actor, cookie=member.cookie)


def confirm(service: Service, member: Member) -> None:
    with service.database.writing() as session:
        confirm_backup_codes(session, service.at, member.actor, person_key=member.person_key)


def make(service: Service, member: Member) -> tuple[str, ...]:
    codes = issue(service, member)
    confirm(service, member)
    return codes


def use(service: Service, cookie: bytes, code: str):
    return finish_sign_in_with_backup_code(service.database, service.at, cookie=cookie, backup_code=code, device=HOME)


def spend(service: Service, *numbers: int) -> None:
    """Stand for sign-ins with the codes at these places of the sheet."""
    with service.database.writing() as session:
        session.execute(
            update(BackupCodeHash).where(BackupCodeHash.number.in_(numbers)).values(hash=None, used_at=service.clock())
        )


def left(service: Service, member: Member) -> BackupCodesLeft:
    with service.database.reading() as session:
        return count_backup_codes(session, service.at, member.person_id)


def test_ten_codes_are_shown_and_work_once_their_owner_has_kept_them(cast: Cast, service: Service):
    codes = issue(service, cast.alma)
    assert len(set(codes)) == 10
    assert {len(code) for code in codes} == {11}
    assert issue(service, cast.alma) == codes, "a reload shows the same"
    assert left(service, cast.alma).left == 0
    with pytest.raises(SignInRefused):
        use(service, begin(service, cast.alma).cookie, codes[0])
    before = len(leaves(service))
    confirm(service, cast.alma)
    said = leaves(service)[before:]
    assert [(leaf.event, leaf.actor, leaf.subject) for leaf in said] == [
        ("backup_codes.made", cast.alma.person_id, cast.alma.person_id)
    ]
    assert alerts(service) == [("backup_codes.made", cast.alma.email)]
    assert left(service, cast.alma) == BackupCodesLeft(left=10, next_number=1, last_used_at=None)
    with service.database.reading() as session:
        assert session.scalars(select(HeldForm)).all() == []


def test_a_code_stands_for_the_one_time_code_and_serves_once(cast: Cast, service: Service):
    codes = make(service, cast.alma)
    before = len(leaves(service))
    started = use(service, begin(service, cast.alma).cookie, codes[3])
    assert started.is_full
    with service.database.reading() as session:
        assert open_person_key(session, service.at, cookie=started.cookie).public == cast.alma.person_key.public
        used = session.scalars(select(BackupCodeHash).where(BackupCodeHash.used_at.is_not(None))).one()
    assert (used.number, used.hash, used.used_at) == (4, None, service.clock())
    said = leaves(service)[before:]
    assert [(leaf.event, leaf.subject) for leaf in said] == [
        ("backup_code.used", used.id),
        ("session.started", started.session_id),
    ]
    assert ("backup_code.used", cast.alma.email) in alerts(service)
    again = begin(service, cast.alma)
    with pytest.raises(SignInRefused, match="backup code is not right, or it was used already"):
        use(service, again.cookie, codes[3])
    assert use(service, again.cookie, codes[0]).is_full


def test_the_leaf_says_beside_it_how_many_are_left(cast: Cast, service: Service):
    from transfer_service.audit.detail import decode_detail
    from transfer_service.audit.log import open_detail as open_stored

    codes = make(service, cast.alma)
    spend(service, *range(1, 8))
    said = []
    for code in codes[7:9]:
        use(service, begin(service, cast.alma).cookie, code)
        idx = max(at for at, leaf in enumerate(leaves(service)) if leaf.event == "backup_code.used")
        with service.database.reading() as session:
            opened = open_stored(session, idx, open_sealed=lambda place, sealed: open_detail(service.at, place, sealed))
        assert opened is not None
        said.append(decode_detail(opened[1]))
    assert [detail["facts"]["left"] for detail in said] == ["2", "1"]
    assert said[0]["sentences"] == ["2 backup codes are left."]
    assert said[1]["sentences"] == ["1 backup code is left."]


def test_a_code_is_read_as_people_write(cast: Cast, service: Service):
    code = make(service, cast.alma)[0]
    typed = " " + code.lower().replace("-", " ").replace("0", "o").replace("1", "l").replace("v", "u")
    assert use(service, begin(service, cast.alma).cookie, typed).is_full


@pytest.mark.parametrize("typed", ["", "123456", "ABCDE", "ABCDE-ABCDE-ABCDE", "*****-*****"])
def test_a_mistyped_code_says_what_one_looks_like_and_is_not_counted(cast: Cast, service: Service, typed: str):
    make(service, cast.alma)
    begun = begin(service, cast.alma)
    with pytest.raises(Invalid) as refused:
        use(service, begun.cookie, typed)
    assert set(refused.value.fields) == {"backup_code"}
    with service.database.reading() as session:
        assert session.get_one(SignInAttempt, attempts.account_subject(service.at, cast.alma.email)).failures == 0


def test_another_persons_code_a_made_up_one_and_none_at_all_get_the_same_answer(cast: Cast, service: Service):
    make(service, cast.alma)
    hers = make(service, cast.cora)[0]
    said = set()
    for member, code in ((cast.alma, hers), (cast.alma, "00000-00000"), (cast.ben, hers)):
        with pytest.raises(SignInRefused) as refused:
            use(service, begin(service, member).cookie, code)
        said.add(refused.value.sentence)
    assert said == {"The backup code is not right, or it was used already. Check it and try again."}
    assert use(service, begin(service, cast.cora).cookie, hers).is_full


def test_a_hash_that_was_moved_to_another_person_serves_nobody(cast: Cast, service: Service):
    codes = make(service, cast.alma)
    with service.database.writing() as session:
        session.execute(update(BackupCodeHash).values(person_id=cast.ben.person_id))
    for member in (cast.alma, cast.ben):
        with pytest.raises(SignInRefused):
            use(service, begin(service, member).cookie, codes[0])


def test_wrong_codes_of_both_kinds_lock_the_account_together(cast: Cast, service: Service):
    code = make(service, cast.alma)[0]
    begun = begin(service, cast.alma)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            use(service, begun.cookie, "00000-00000")
        with pytest.raises(SignInRefused):
            finish(service, cast.alma, begun.cookie, code="000000")
    with pytest.raises(TooManyAttempts):
        use(service, begun.cookie, code)
    assert leaves(service)[-1].event == "sign_in.locked"
    assert left(service, cast.alma).left == 10


def test_a_code_is_good_for_nothing_without_the_password(cast: Cast, service: Service):
    code = make(service, cast.alma)[0]
    for cookie in (b"", b"\x00" * 32, cast.alma.cookie):
        with pytest.raises(SessionEnded):
            use(service, cookie, code)
    begun = begin(service, cast.alma)
    service.clock.move(minutes=5)
    with pytest.raises(SessionEnded):
        use(service, begun.cookie, code)
    assert left(service, cast.alma).left == 10


def test_a_code_is_no_recovery_code(cast: Cast, service: Service):
    code = make(service, cast.alma)[0]
    with pytest.raises(Invalid):
        use_recovery_code(
            service.database, service.at, cookie=begin(service, cast.alma).cookie, recovery_code=code, device=HOME
        )


def test_new_codes_end_the_old_ones_when_they_are_confirmed(cast: Cast, service: Service):
    old = make(service, cast.alma)
    use(service, begin(service, cast.alma).cookie, old[0])
    new = issue(service, cast.alma)
    assert use(service, begin(service, cast.alma).cookie, old[1]).is_full
    before = len(leaves(service))
    confirm(service, cast.alma)
    assert [leaf.event for leaf in leaves(service)[before:]] == ["backup_codes.ended", "backup_codes.made"]
    with pytest.raises(SignInRefused):
        use(service, begin(service, cast.alma).cookie, old[2])
    assert use(service, begin(service, cast.alma).cookie, new[0]).is_full
    assert left(service, cast.alma).left == 9


def test_codes_are_made_with_the_password_given_again_and_in_ones_own_session(cast: Cast, service: Service):
    service.clock.move(minutes=6)
    with pytest.raises(NeedsPassword):
        issue(service, cast.alma)
    service.clock.move(hours=8)
    with pytest.raises(SessionEnded):
        issue(service, cast.alma)


def test_nothing_waits_to_be_confirmed_twice_or_after_an_hour(cast: Cast, service: Service):
    make(service, cast.alma)
    with pytest.raises(RuleForbids) as refused:
        confirm(service, cast.alma)
    assert refused.value.rule == "no_backup_codes_wait"
    first = issue(service, cast.alma)
    service.clock.move(hours=1)
    cookie = finish(service, cast.alma, begin(service, cast.alma).cookie).cookie
    alma = replace(cast.alma, cookie=cookie, actor=actor_of(service, cookie))
    with pytest.raises(RuleForbids):
        confirm(service, alma)
    assert set(issue(service, alma)).isdisjoint(first)
    assert left(service, alma).left == 10, "the old ones work as before"


def test_no_code_is_stored_in_clear_and_none_opens_a_key(cast: Cast, service: Service):
    codes = issue(service, cast.alma)
    with service.database.reading() as session:
        held = session.scalars(select(HeldForm)).one()
        unlocks = len(session.scalars(select(Unlock).where(Unlock.person_id == cast.alma.person_id)).all())
    confirm(service, cast.alma)
    with service.database.reading() as session:
        rows = session.scalars(select(BackupCodeHash)).all()
        assert len(session.scalars(select(Unlock).where(Unlock.person_id == cast.alma.person_id)).all()) == unlocks
    stored = held.ciphertext + held.sealed_key + b"".join(row.hash or b"" for row in rows)
    assert not any(code.encode() in stored or code[:5].encode() in stored for code in codes)
    assert {len(row.hash or b"") for row in rows} == {32}
    assert len({row.hash for row in rows}) == 10


def test_a_person_whose_second_factor_is_gone_signs_in_with_no_backup_code(cast: Cast, service: Service):
    code = make(service, cast.alma)[0]
    begun = begin(service, cast.alma)
    with service.database.writing() as session:
        session.get_one(Person, cast.alma.person_id).totp_seed = None
    with pytest.raises(SignInRefused):
        use(service, begun.cookie, code)


def test_what_is_left_is_counted_and_few_are_three(cast: Cast, service: Service):
    codes = make(service, cast.alma)
    spend(service, *range(1, 7))
    four = left(service, cast.alma)
    assert (four.left, four.next_number, four.are_few) == (4, 7, False)
    service.clock.move(minutes=1)
    use(service, begin(service, cast.alma).cookie, codes[9])
    three = left(service, cast.alma)
    assert (three.left, three.next_number, three.are_few, three.last_used_at) == (3, 7, True, service.clock())
    assert left(service, cast.ben).are_few
    spend(service, 7, 8, 9)
    assert left(service, cast.alma).next_number is None


def test_a_sign_in_that_waits_knows_which_code_is_next(cast: Cast, service: Service):
    def next_number(member: Member) -> int | None:
        begun = begin(service, member)
        with service.database.reading() as session:
            return get_pending_sign_in(session, service.at, cookie=begun.cookie).next_backup_code

    make(service, cast.alma)
    spend(service, 1)
    assert next_number(cast.alma) == 2
    assert next_number(cast.ben) is None


def test_codes_whose_field_key_was_taken_out_do_not_work_and_are_not_counted(cast: Cast, service: Service):
    code = make(service, cast.alma)[0]
    begun = begin(service, cast.alma)
    fresh = replace(service.at, field_keys=FieldKeyring({2: b"\x09" * 32}, deployment="tests"))
    with service.database.reading() as session:
        assert count_backup_codes(session, fresh, cast.alma.person_id).left == 0
    both = replace(service.at, field_keys=FieldKeyring({2: b"\x09" * 32, 1: b"\x01" * 32}, deployment="tests"))
    with service.database.reading() as session:
        assert count_backup_codes(session, both, cast.alma.person_id).left == 10
    assert use(replace(service, at=both), begun.cookie, code).is_full
