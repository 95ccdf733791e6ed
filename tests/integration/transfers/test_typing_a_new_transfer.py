from dataclasses import replace

import pytest

from transfer_service.domain.errors import NotFound, PermissionRefused
from transfer_service.use_cases.transfers import entries

TYPED = {"surname": "O'Neill", "forename": "Zoë"}


def keep(stage, actor, entry_id=None, values=TYPED):
    with stage.database.writing() as session:
        return entries.keep_entry(session, stage.at, actor, entry_id=entry_id, values=values)


def get(stage, member, actor, entry_id):
    with stage.database.reading() as session:
        return entries.get_entry(session, stage.at, actor, entry_id=entry_id, person_key=member.person_key)


def test_what_was_typed_comes_back_to_who_typed_it_and_the_newest_words_count(stage):
    entry_id = keep(stage, stage.alma.actor)
    assert get(stage, stage.alma, stage.alma.actor, entry_id) == TYPED
    assert keep(stage, stage.alma.actor, entry_id, {"surname": "Neill"}) == entry_id
    assert get(stage, stage.alma, stage.alma.actor, entry_id) == {"surname": "Neill"}


def test_a_colleague_does_not_find_it(stage):
    entry_id = keep(stage, stage.alma.actor)
    with pytest.raises(NotFound):
        get(stage, stage.ben, stage.ben.actor, entry_id)


def test_it_is_not_found_while_its_author_acts_for_another_school(stage):
    entry_id = keep(stage, stage.alma.actor)
    elsewhere = replace(stage.alma.actor, organisation_id=stage.cast.receiving)
    with pytest.raises(NotFound):
        get(stage, stage.alma, elsewhere, entry_id)
    assert get(stage, stage.alma, stage.alma.actor, entry_id) == TYPED


def test_it_is_gone_after_two_hours(stage):
    entry_id = keep(stage, stage.alma.actor)
    stage.clock.move(hours=2, seconds=1)
    with pytest.raises(NotFound):
        get(stage, stage.alma, stage.alma.actor, entry_id)


def test_who_may_not_record_pupils_keeps_nothing(stage):
    with pytest.raises(PermissionRefused):
        keep(stage, stage.cast.olive.actor)
