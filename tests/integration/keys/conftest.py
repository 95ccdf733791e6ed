"""What tests about the renewal of a school's key may ask for."""

from uuid import UUID

import pytest

from tests import factories
from tests.integration.keys.reencrypting import new_epoch
from tests.integration.transfers.stage import Stage
from transfer_service.domain.transfer import Status


@pytest.fixture
def kept(stage: Stage) -> UUID:
    """A file of a cover, a note and an attachment that both schools hold; then the receiver gets a second epoch."""
    dispatch_id = factories.dispatch_in(
        stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora, attachments=["genogram.pdf"]
    )
    new_epoch(stage, stage.cora)
    return dispatch_id
