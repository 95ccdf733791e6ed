"""Somebody who can write the database claims that an item was encrypted again, or puts an older one back."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from tests import factories
from tests.cast import Member
from tests.integration.keys.reencrypting import failures, items, new_epoch, reencrypt
from tests.integration.transfers.stage import Stage
from tests.observing import leaves
from transfer_service.crypto.reencryption import Reencryption, reencryption_hash
from transfer_service.db.models import Item, ItemGrant, ItemReencryption
from transfer_service.domain.errors import CannotOpen
from transfer_service.domain.events import Event
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.transfer import RejectionReason, Status
from transfer_service.use_cases.keys.reencryption import reencrypt_item
from transfer_service.use_cases.recording import record
from transfer_service.use_cases.transfers import redirecting, returning

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
NOT_VOUCHED = "reencryption_not_vouched"


@pytest.fixture
def kept(stage: Stage) -> UUID:
    return factories.dispatch_in(
        stage, Status.ACKNOWLEDGED, sender=stage.alma, receiver=stage.cora, attachments=["genogram.pdf"]
    )


class Before:
    """An item, the note unless another is named, and its grants as they were before it was encrypted again."""

    def __init__(self, stage: Stage, kept: UUID, kind: ItemKind = ItemKind.NOTE) -> None:
        self.note = items(stage, kept)[kind]
        with stage.database.reading() as session:
            self.grants = session.query(ItemGrant).filter_by(item_id=self.note.id).all()

    def put_back(self, session: Session) -> None:
        """Write the old row and the old grants over the new ones."""
        columns = ("revision", "ciphertext", "ciphertext_length", "ciphertext_sha256", "commitment", "reencrypted_at")
        old = {name: getattr(self.note, name) for name in columns}
        session.execute(update(Item).where(Item.id == self.note.id).values(**old))
        session.execute(delete(ItemGrant).where(ItemGrant.item_id == self.note.id))
        for grant in self.grants:
            named = {column.name: getattr(grant, column.name) for column in ItemGrant.__table__.columns}
            session.add(ItemGrant(**named))
        session.flush()


@pytest.fixture
def before(stage: Stage, kept: UUID) -> Before:
    """What the receiving school then encrypted again."""
    found = Before(stage, kept)
    new_epoch(stage, stage.cora)
    assert reencrypt(stage, stage.cora).left == 0
    return found


def claim(session: Session, stage: Stage, signer: Member, note: Item, **changed: object) -> None:
    """Exchange the statement about the note for another one, signed by the signer's school and with its leaves."""
    row = session.get_one(ItemReencryption, (note.id, 2))
    true = reencryption_hash(row.statement)
    number, key = signer.school_keys(stage.service).active
    statement = replace(Reencryption.decode(row.statement), **{"signer_epoch": number, **changed}).encode()
    row.statement, row.signature = statement, key.sign(statement)
    about = {"subject": note.id, "item": note.id, "transfer": note.transfer_id}
    record(session, stage.at, None, Event.ITEM_REVERTED, digest=true, **about)
    record(session, stage.at, None, Event.ITEM_REENCRYPTED, digest=reencryption_hash(statement), **about)


def a_stranger_schools_statement(session: Session, stage: Stage, before: Before) -> None:
    claim(session, stage, stage.stella, before.note, signer_org=stage.cast.stranger)


def a_statement_in_the_name_of_another_school(session: Session, stage: Stage, before: Before) -> None:
    claim(session, stage, stage.stella, before.note, signer_epoch=1)


def a_step_from_another_ciphertext(session: Session, stage: Stage, before: Before) -> None:
    claim(session, stage, stage.cora, before.note, old_sha256=bytes(32))


def a_step_from_another_revision(session: Session, stage: Stage, before: Before) -> None:
    claim(session, stage, stage.cora, before.note, old_revision=0)


def a_step_to_other_contents(session: Session, stage: Stage, before: Before) -> None:
    claim(session, stage, stage.cora, before.note, content_digest=bytes(32))


def a_step_to_another_commitment(session: Session, stage: Stage, before: Before) -> None:
    claim(session, stage, stage.cora, before.note, commitment=bytes(32))


def a_statement_about_another_item(session: Session, stage: Stage, before: Before) -> None:
    claim(session, stage, stage.cora, before.note, item=stage.at.new_id())


def a_statement_of_another_installation(session: Session, stage: Stage, before: Before) -> None:
    claim(session, stage, stage.cora, before.note, deployment="elsewhere")


def a_statement_that_is_none(session: Session, stage: Stage, before: Before) -> None:
    session.execute(update(ItemReencryption).where(ItemReencryption.item_id == before.note.id).values(statement=b"no"))


def another_signature(session: Session, stage: Stage, before: Before) -> None:
    row = session.get_one(ItemReencryption, (before.note.id, 2))
    row.signature = row.signature[:-1] + bytes([row.signature[-1] ^ 1])


def a_deleted_statement(session: Session, stage: Stage, before: Before) -> None:
    session.execute(delete(ItemReencryption).where(ItemReencryption.item_id == before.note.id))


def the_old_revision_put_back(session: Session, stage: Stage, before: Before) -> None:
    before.put_back(session)


def the_old_revision_put_back_without_a_statement(session: Session, stage: Stage, before: Before) -> None:
    before.put_back(session)
    a_deleted_statement(session, stage, before)


def the_old_ciphertext_under_the_new_row(session: Session, stage: Stage, before: Before) -> None:
    session.execute(update(Item).where(Item.id == before.note.id).values(ciphertext=before.note.ciphertext))


def the_old_ciphertext_with_its_facts(session: Session, stage: Stage, before: Before) -> None:
    old = {name: getattr(before.note, name) for name in ("ciphertext", "ciphertext_sha256", "ciphertext_length")}
    session.execute(update(Item).where(Item.id == before.note.id).values(**old))


ATTACKS: list[tuple[Callable[[Session, Stage, Before], None], str]] = [
    (a_stranger_schools_statement, NOT_VOUCHED),
    (a_statement_in_the_name_of_another_school, NOT_VOUCHED),
    (a_step_from_another_ciphertext, NOT_VOUCHED),
    (a_step_from_another_revision, NOT_VOUCHED),
    (a_step_to_other_contents, NOT_VOUCHED),
    (a_step_to_another_commitment, NOT_VOUCHED),
    (a_statement_about_another_item, NOT_VOUCHED),
    (a_statement_of_another_installation, NOT_VOUCHED),
    (a_statement_that_is_none, NOT_VOUCHED),
    (another_signature, NOT_VOUCHED),
    (a_deleted_statement, NOT_VOUCHED),
    (the_old_revision_put_back, NOT_VOUCHED),
    (the_old_revision_put_back_without_a_statement, NOT_VOUCHED),
    (the_old_ciphertext_under_the_new_row, "ciphertext_changed"),
    (the_old_ciphertext_with_its_facts, "ciphertext_changed"),
]


@pytest.mark.parametrize(("attack", "reason"), ATTACKS, ids=[attack.__name__ for attack, _ in ATTACKS])
def test_it_is_refused_with_a_leaf_and_the_rest_opens(
    stage: Stage, kept: UUID, before: Before, attack: Callable[[Session, Stage, Before], None], reason: str
):
    with stage.database.writing() as session:
        attack(session, stage, before)
    for member in (stage.alma, stage.cora):
        contents = factories.contents(stage, member, kept)
        told = {part.kind: part.failure and part.failure.reason.value for part in contents.parts}
        assert told == {ItemKind.NOTE: reason, ItemKind.ATTACHMENT: None}
    factories.read(stage, stage.cora, kept)
    assert [leaf.event for leaf in leaves(stage.service)].count("item.open_failed") == 1


@pytest.mark.parametrize(
    "attack", [attack for attack, reason in ATTACKS if reason == NOT_VOUCHED], ids=lambda attack: attack.__name__
)
def test_what_is_not_vouched_for_is_not_encrypted_again_either(
    stage: Stage, kept: UUID, before: Before, attack: Callable[[Session, Stage, Before], None]
):
    with stage.database.writing() as session:
        attack(session, stage, before)
    new_epoch(stage, stage.alma)
    with pytest.raises(CannotOpen) as refused:
        reencrypt_item(
            stage.database,
            stage.at,
            stage.alma.actor,
            item_id=before.note.id,
            person_key=stage.alma.person_key,
            storage=stage.storage,
        )
    assert refused.value.reason == NOT_VOUCHED


def test_an_old_revision_put_back_is_not_signed_into_a_new_manifest(stage: Stage):
    back = factories.dispatch_in(stage, Status.REJECTED, sender=stage.alma, receiver=stage.cora)
    found = Before(stage, back)
    new_epoch(stage, stage.alma)
    reencrypt(stage, stage.alma)
    with stage.database.writing() as session:
        found.put_back(session)
    with pytest.raises(CannotOpen) as refused, stage.database.writing() as session:
        redirecting.redirect(
            session,
            stage.at,
            stage.alma.actor,
            dispatch_id=back,
            receiving_school_id=stage.cast.stranger,
            person_key=stage.alma.person_key,
            storage=stage.storage,
        )
    assert refused.value.reason == NOT_VOUCHED


def test_a_statement_that_no_leaf_names_counts_for_nothing(stage: Stage, kept: UUID):
    note = items(stage, kept)[ItemKind.NOTE]
    number, key = stage.cora.school_keys(stage.service).active
    statement = Reencryption(
        deployment=stage.at.deployment,
        transfer=note.transfer_id,
        item=note.id,
        old_revision=1,
        old_sha256=note.ciphertext_sha256,
        new_revision=2,
        new_sha256=bytes(32),
        commitment=note.commitment,
        content_digest=note.content_digest,
        signer_org=stage.cast.receiving,
        signer_epoch=number,
    ).encode()
    with stage.database.writing() as session:
        session.add(
            ItemReencryption(
                item_id=note.id,
                revision=2,
                school_id=stage.cast.receiving,
                epoch=number,
                statement=statement,
                signature=key.sign(statement),
                created_at=stage.clock(),
                created_by=stage.cora.person_id,
            )
        )
        session.execute(update(Item).where(Item.id == note.id).values(revision=2, ciphertext_sha256=bytes(32)))
    assert failures(stage, stage.alma, kept) == ["content_changed"]


def test_an_older_ciphertext_of_a_cover_is_not_shown_although_it_says_the_same(stage: Stage):
    """No manifest lists a cover's ciphertext; the log knows that it was encrypted again."""
    sent = factories.dispatch_in(stage, Status.OPENED, sender=stage.alma, receiver=stage.cora)
    before = Before(stage, sent, ItemKind.COVER)
    new_epoch(stage, stage.alma)
    reencrypt(stage, stage.alma)
    assert failures(stage, stage.cora, sent) == []
    with stage.database.writing() as session:
        before.put_back(session)
    assert failures(stage, stage.cora, sent) == [NOT_VOUCHED]
    assert reencrypt(stage, stage.alma).left == 1, "nor encrypted again"


def test_an_older_ciphertext_of_the_words_of_a_send_back_is_not_shown(stage: Stage):
    back = factories.dispatch_in(stage, Status.OPENED, sender=stage.alma, receiver=stage.cora)
    factories.send_back(stage, stage.cora, back, reason=RejectionReason.DUPLICATE, words="We have it already.")
    before = Before(stage, back, ItemKind.REMARK)
    new_epoch(stage, stage.alma)
    reencrypt(stage, stage.alma)

    def words() -> str | None:
        with stage.database.writing() as session:
            return returning.read_return_remark(
                session,
                stage.at,
                stage.alma.actor,
                dispatch_id=back,
                person_key=stage.alma.person_key,
                storage=stage.storage,
            ).words

    assert words() == "We have it already."
    with stage.database.writing() as session:
        before.put_back(session)
    with pytest.raises(CannotOpen) as refused:
        words()
    assert refused.value.reason == NOT_VOUCHED


def test_what_a_school_encrypted_again_before_it_sent_it_back_opens_for_its_sender(stage: Stage):
    sent = factories.dispatch_in(stage, Status.OPENED, sender=stage.alma, receiver=stage.cora)
    new_epoch(stage, stage.cora)
    assert reencrypt(stage, stage.cora).left == 0
    factories.send_back(stage, stage.cora, sent)
    assert failures(stage, stage.alma, sent) == []


def test_a_grant_put_back_for_a_school_that_sent_the_file_back_is_not_renewed(stage: Stage):
    sent = factories.dispatch_in(stage, Status.OPENED, sender=stage.alma, receiver=stage.cora)
    found = Before(stage, sent)
    factories.send_back(stage, stage.cora, sent)
    with stage.database.writing() as session:
        session.execute(delete(ItemGrant).where(ItemGrant.item_id == found.note.id))
        for grant in found.grants:
            named = {column.name: getattr(grant, column.name) for column in ItemGrant.__table__.columns}
            session.add(ItemGrant(**named))
    new_epoch(stage, stage.alma)
    reencrypt(stage, stage.alma)
    with stage.database.reading() as session:
        renewed = session.query(ItemGrant).filter_by(item_id=found.note.id).all()
    was = {grant.sealed for grant in found.grants}
    assert [grant.recipient_id for grant in renewed if grant.sealed not in was] == [stage.cast.sending]
