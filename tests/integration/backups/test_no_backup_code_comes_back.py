"""Backup codes that were used, replaced or ended after the backup open nothing after a restore; the others work on."""

import pytest

from tests.integration.backups.conftest import Living
from tests.integration.backups.going_on import leave, restored, service_of, signed_in_again
from tests.integration.people.steps import begin
from tests.integration.people.test_backup_codes import left, make, use
from transfer_service.domain.errors import SignInRefused


def test_a_used_code_stays_used_and_the_others_work_on(living: Living, elsewhere: Living):
    alma = living.cast.alma
    service = service_of(living)
    codes = make(service, alma)
    use(service, begin(service, alma).cookie, codes[0])
    living.sign()
    living.back_up()
    service.clock.move(minutes=1)
    use(service, begin(service, alma).cookie, codes[1])
    used_at = service.clock()

    assert restored(living, elsewhere).replayed["backup_code.used"] == 1

    there = service_of(elsewhere)
    counted = left(there, alma)
    assert (counted.left, counted.next_number, counted.last_used_at) == (8, 3, used_at)
    begun = begin(there, alma)
    for code in codes[:2]:
        with pytest.raises(SignInRefused):
            use(there, begun.cookie, code)
    assert use(there, begun.cookie, codes[2]).is_full


def test_codes_that_new_ones_replaced_or_a_leaver_had_serve_no_more(living: Living, elsewhere: Living):
    alma, ben = living.cast.alma, living.cast.ben
    service = service_of(living)
    old, his = make(service, alma), make(service, ben)
    living.sign()
    living.back_up()
    new = make(service, alma)
    use(service, begin(service, alma).cookie, new[0])
    leave(living, living.cast.hugh, ben)

    replayed = restored(living, elsewhere).replayed

    assert replayed["backup_codes.ended"] == 2
    there = service_of(elsewhere)
    assert (left(there, alma).left, left(there, ben).left) == (0, 0)
    for member, code in ((alma, old[0]), (alma, new[1]), (ben, his[0])):
        with pytest.raises(SignInRefused):
            use(there, begin(there, member).cookie, code)
    make(there, signed_in_again(there, alma))
    assert left(there, alma).left == 10
