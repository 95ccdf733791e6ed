"""Each word of a manifest counts by itself, even where the sending school's own key signed it and the log agrees."""

from dataclasses import replace
from uuid import UUID

import pytest

from tests import factories
from tests.integration.transfers.stage import Stage
from transfer_service.audit.leaf import Leaf, decode_leaf
from transfer_service.crypto.formats import DispatchKind as SignedKind
from transfer_service.crypto.manifest import Manifest, withheld_and_paper_digest
from transfer_service.db.models import Dispatch, DispatchItem
from transfer_service.domain.errors import CannotOpen
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.transfer import Status
from transfer_service.use_cases.keys.public_keys import find_active_epoch
from transfer_service.use_cases.transfers import manifests
from transfer_service.use_cases.transfers.drafting import draft_again
from transfer_service.use_cases.transfers.handing_over import grant_all, seal_cover

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
ANOTHER = UUID("01990000-0000-7000-8000-000000000001")


@pytest.fixture
def sent(stage: Stage) -> UUID:
    return factories.dispatch_in(stage, Status.SENT, sender=stage.alma, receiver=stage.cora)


def verify(stage: Stage, dispatch_id: UUID) -> Manifest:
    with stage.database.reading() as session:
        return manifests.verify_manifest(session, stage.at, session.get_one(Dispatch, dispatch_id))


def sign_anew(stage: Stage, dispatch_id: UUID, **changed: object) -> None:
    """What somebody with the sending school's key could put in the place of its manifest."""
    with stage.database.writing() as session:
        dispatch = session.get_one(Dispatch, dispatch_id)
        manifest = replace(Manifest.decode(dispatch.manifest or b""), **changed)  # type: ignore[arg-type]
        dispatch.manifest, dispatch.manifest_hash = manifest.encode(), manifest.hash
        dispatch.manifest_signature = stage.alma.school_keys(stage.service).active[1].sign(manifest.encode())


@pytest.mark.parametrize(
    "changed",
    [
        {"deployment": "elsewhere"},
        {"transfer": ANOTHER},
        {"dispatch": ANOTHER},
        {"number": 2},
        {"kind": SignedKind.NIL},
        {"kind": SignedKind.COPY},
        {"withheld_and_paper_digest": withheld_and_paper_digest(withheld=[{"item": str(ANOTHER), "reason": "x"}])},
        {"signer_org": ANOTHER},
        {"signer_epoch": 2},
        {"items": ()},
        {"recipients": ()},
    ],
    ids=str,
)
def test_a_manifest_that_is_signed_for_something_else_is_refused(
    stage: Stage, sent: UUID, changed: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifests, "_is_as_logged", lambda *_: True)
    sign_anew(stage, sent)
    assert verify(stage, sent).dispatch == sent
    sign_anew(stage, sent, **changed)
    with pytest.raises(CannotOpen) as refused:
        verify(stage, sent)
    assert refused.value.reason == "manifest_signature"


@pytest.mark.parametrize(
    "changed", [{"event": "dispatch.opened"}, {"dispatch": ANOTHER}, {"dispatch": None}, {"digest": bytes(32)}], ids=str
)
def test_the_leaf_must_be_of_this_very_sending(
    stage: Stage, sent: UUID, changed: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verify(stage, sent).dispatch == sent

    def decode(body: bytes) -> Leaf:
        leaf = decode_leaf(body)
        return replace(leaf, said=replace(leaf.said, **changed))  # type: ignore[arg-type]

    monkeypatch.setattr(manifests, "decode_leaf", decode)
    with pytest.raises(CannotOpen) as refused:
        verify(stage, sent)
    assert refused.value.reason == "manifest_not_as_logged"


def test_an_item_of_an_earlier_sending_that_the_manifest_does_not_list_is_refused(stage: Stage) -> None:
    withdrawn = factories.dispatch_in(stage, Status.WITHDRAWN, sender=stage.alma, receiver=stage.cora)
    with stage.database.writing() as session:
        reference = session.get_one(Dispatch, withdrawn).transfer.reference
        again = draft_again(
            session, stage.at, stage.alma.actor, reference=reference, receiving_school_id=stage.cast.receiving
        ).id
    factories.add_note(stage, stage.alma, again, factories.a_note("What should have gone the first time."))
    factories.send(stage, stage.alma, again)
    with stage.database.writing() as session:
        note = next(
            place.item for place in session.get_one(Dispatch, withdrawn).items if place.item.kind is ItemKind.NOTE
        )
        session.add(DispatchItem(dispatch_id=again, item_id=note.id, position=9))
    outcome = factories.open_dispatch(stage, stage.cora, again)
    assert outcome.has_opened
    assert [failure.reason.value for failure in outcome.failures] == ["content_changed"]


def test_a_cover_that_the_manifest_does_not_name_is_not_shown(stage: Stage, sent: UUID) -> None:
    """Sealed by the sending school, granted to the receiving one, about the same pupil: and still not what was sent."""
    with stage.database.writing() as session:
        dispatch = session.get_one(Dispatch, sent)
        cover = next(place for place in dispatch.items if place.item.kind is ItemKind.COVER)
        session.delete(cover)
        session.flush()
        other = seal_cover(session, stage.at, stage.alma.actor, dispatch=dispatch)
        receiver = find_active_epoch(session, stage.at, stage.cast.receiving)
        assert receiver is not None
        grant_all(session, stage.at, stage.alma.actor, dispatch=dispatch, items=[other], epoch=receiver)
    shown = factories.show_cover(stage, stage.cora, sent)
    assert (shown.cover, shown.failure and shown.failure.reason) == (None, "ciphertext_missing")
