from uuid import UUID

import pytest

from transfer_service.domain.errors import RuleForbids
from transfer_service.domain.transfer import DispatchKind, check_acknowledgement

SENDER, READER, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
NOTE, LETTER = UUID(int=10), UUID(int=11)


def acknowledge(**changes):
    facts = {
        "kind": DispatchKind.FILE,
        "person_id": READER,
        "sent_by": SENDER,
        "opened_by": {READER},
        "items": [NOTE, LETTER],
        "items_opened": [LETTER, NOTE],
    }
    check_acknowledgement(**(facts | changes))


def test_who_opened_every_item_and_did_not_send_may_acknowledge():
    acknowledge()


def test_a_file_whose_every_item_opened_may_have_had_older_items_too():
    acknowledge(items_opened=[NOTE, LETTER, UUID(int=99)])


@pytest.mark.parametrize("kind", list(DispatchKind))
def test_who_sent_it_may_not_acknowledge_it(kind):
    with pytest.raises(RuleForbids, match="another safeguarding lead") as refused:
        acknowledge(kind=kind, person_id=SENDER, opened_by={SENDER})
    assert refused.value.rule == "acknowledged_by_sender"


def test_a_colleagues_opening_does_not_count():
    with pytest.raises(RuleForbids, match="Open and read the file yourself") as refused:
        acknowledge(opened_by={OTHER})
    assert refused.value.rule == "not_opened"


def test_an_item_that_was_not_opened_stands_in_the_way():
    with pytest.raises(RuleForbids, match="ask the sending school to seal it again") as refused:
        acknowledge(items_opened=[NOTE])
    assert refused.value.rule == "items_not_opened"


def test_a_nil_declaration_is_acknowledged_without_opening():
    acknowledge(kind=DispatchKind.NIL, opened_by=(), items=(), items_opened=())
