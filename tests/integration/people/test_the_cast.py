"""The cast is what every other test stands on."""

from sqlalchemy import func, select

from tests.cast import Cast, Service
from transfer_service.db.models import Alert, KeyGrant, LogLeaf
from transfer_service.domain.keys import GranteeKind


def test_safeguarding_leads_of_three_schools_hold_keys_and_nobody_else_does(cast: Cast, service: Service):
    holders = {member.name for member in (cast.alma, cast.ben, cast.cora, cast.dev, cast.stella)}
    everybody = (
        cast.alma, cast.ben, cast.cora, cast.dev, cast.stella, cast.edie, cast.hugh, cast.olive, cast.oscar, cast.ada,
    )  # fmt: skip
    assert {member.name for member in everybody if member.actor.holds_keys} == holders


def test_colleagues_open_the_same_key_of_their_school(cast: Cast, service: Service):
    alma, ben = cast.alma.school_keys(service), cast.ben.school_keys(service)
    assert alma.active[0] == ben.active[0] == 1
    assert alma.active[1].public == ben.active[1].public
    assert cast.cora.school_keys(service).active[1].public != alma.active[1].public


def test_each_school_key_is_escrowed_and_the_outbox_is_empty(cast: Cast, service: Service):
    with service.database.reading() as session:
        escrow = session.scalar(
            select(func.count()).select_from(KeyGrant).where(KeyGrant.grantee_kind == GranteeKind.RECOVERY)
        )
        assert escrow == 3
        assert session.scalar(select(func.count()).select_from(Alert)) == 0
        assert session.scalar(select(func.count()).select_from(LogLeaf)) > 50
