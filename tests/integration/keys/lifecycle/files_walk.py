"""The acts of the walk on files: drafted, sent, opened, acknowledged, returned, sent on, shredded; and backups."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import select

from tests import factories
from tests.integration.keys.lifecycle.entitlement import Lead, Model, Parcel
from tests.integration.keys.lifecycle.walk import Walk, chosen
from transfer_service.db.models import Dispatch, DispatchItem, Item, LogLeaf
from transfer_service.domain.errors import CannotOpen, RuleForbids, ServiceError
from transfer_service.domain.events import Event
from transfer_service.domain.keys import ItemKind
from transfer_service.domain.statements import FILING_CONFIRMATION
from transfer_service.domain.transfer import TransferKind
from transfer_service.jobs.retention import Retention
from transfer_service.use_cases.transfers import drafting, notes
from transfer_service.use_cases.transfers.acknowledging import confirm_filed
from transfer_service.use_cases.transfers.downloading import prepare_archive, record_archive
from transfer_service.use_cases.transfers.forwarding import forward_file
from transfer_service.use_cases.transfers.moves import MoveDates
from transfer_service.use_cases.transfers.redirecting import redirect
from transfer_service.use_cases.transfers.resealing import reseal_grants

picks = st.integers(min_value=0, max_value=59)
Pair = tuple[Lead, Parcel]
MOST_PARCELS = 24
GENOGRAM = b"%PDF-1.7 genogram"


class FilesWalk(Walk):
    """Files go from school to school, and are taken back, sent on and shredded."""

    saved_size = 0
    """How long the log was when the last backup was made."""

    def begin_with_files(self) -> None:
        """One file that waits, one that was sent, one that was acknowledged: what every walk has to keep open."""
        alma, cora = (self.model.leads[member.person_id] for member in (self.cast.alma, self.cast.cora))
        for to in (self.cast.keyless, self.cast.receiving, self.cast.receiving):
            parcel = self.draft_for(alma, to)
            member = self.world.who(alma.person)
            self.add(parcel, factories.add_note(self.world, member, parcel.number))
            self.add(parcel, factories.add_attachment(self.world, member, parcel.number, body=GENOGRAM))
            self.send(alma, parcel)
        self.open(cora, parcel)
        self.acknowledge(cora, parcel)

    # --- who could do what ----------------------------------------------------------------------------------

    def pairs(self, *statuses: str, side: str, nil: bool | None = False) -> list[Pair]:
        """Every lead who can sign, with every dispatch of their school on this side in one of these states."""
        return [
            (lead, parcel)
            for lead in self.acting()
            for parcel in self.model.parcels.values()
            if getattr(parcel, side) == lead.school
            and parcel.status in statuses
            and not parcel.shredded
            and (nil is None or parcel.nil == nil)
        ]

    def room(self) -> bool:
        return len(self.model.parcels) < MOST_PARCELS and bool(self.acting())

    # --- the sending school ---------------------------------------------------------------------------------

    @precondition(lambda self: self.room())
    @rule(pick=picks, to=picks, has_attachment=st.booleans())
    def a_file_is_drafted(self, pick: int, to: int, has_attachment: bool) -> None:
        lead, parcel = self.draft(pick, to)
        member = self.world.who(lead.person)
        items = [factories.add_note(self.world, member, parcel.number)]
        if has_attachment:
            items.append(factories.add_attachment(self.world, member, parcel.number, body=GENOGRAM))
        for item in items:
            self.add(parcel, item)

    def draft(self, pick: int, to: int) -> Pair:
        lead = chosen(self.acting(), pick)
        return lead, self.draft_for(lead, chosen([school for school in self.schools if school != lead.school], to))

    def draft_for(self, lead: Lead, receiver: UUID) -> Parcel:
        number = factories.empty_draft(self.world, self.world.who(lead.person), receiver, dates=self.dates())
        parcel = Parcel(number, self.transfer_of(number), lead.school, receiver)
        self.model.parcels[number] = parcel
        return parcel

    def add(self, parcel: Parcel, item: UUID) -> None:
        active = self.model.schools[parcel.sender].active
        assert active is not None
        parcel.contents[item] = False
        self.model.encrypted_at[item], self.model.sealed_by[item] = self.now, parcel.sender
        self.seal(parcel, item, parcel.sender, active)

    @precondition(lambda self: self.pairs("draft", side="sender"))
    @rule(pick=picks)
    def a_note_is_added(self, pick: int) -> None:
        lead, parcel = chosen(self.pairs("draft", side="sender"), pick)
        self.add(parcel, factories.add_note(self.world, self.world.who(lead.person), parcel.number))

    def removable_notes(self) -> list[tuple[Lead, Parcel, UUID]]:
        """The items that the draft's own school sealed: what it forwards cannot be taken out one by one."""
        return [
            (lead, parcel, item)
            for lead, parcel in self.pairs("draft", side="sender")
            for item in parcel.contents
            if item not in self.model.forwarded
        ]

    @precondition(lambda self: self.removable_notes())
    @rule(pick=picks)
    def a_note_is_taken_out(self, pick: int) -> None:
        lead, parcel, item = chosen(self.removable_notes(), pick)
        member = self.world.who(lead.person)
        with self.writing() as session:
            blob = notes.remove_item(session, self.at, member.actor, dispatch_id=parcel.number, item_id=item)
        self.forget_blobs([blob] if blob else [])
        number = parcel.number
        self.model.take(lambda model: model.remove_item(number, item))

    def forget_blobs(self, keys: list[str]) -> None:
        for key in keys:
            self.world.storage.delete(key)

    @precondition(lambda self: self.pairs("draft", side="sender"))
    @rule(pick=picks)
    def a_draft_is_discarded(self, pick: int) -> None:
        lead, parcel = chosen(self.pairs("draft", side="sender"), pick)
        member = self.world.who(lead.person)
        with self.writing() as session:
            keys = drafting.discard_draft(session, self.at, member.actor, dispatch_id=parcel.number)
        self.forget_blobs(list(keys))
        number = parcel.number
        self.model.take(lambda model: model.discard(number))

    @precondition(lambda self: [pair for pair in self.pairs("draft", side="sender") if pair[1].contents])
    @rule(pick=picks)
    def a_file_is_sent(self, pick: int) -> None:
        self.send(*chosen([pair for pair in self.pairs("draft", side="sender") if pair[1].contents], pick))

    def send(self, lead: Lead, parcel: Parcel) -> None:
        member = self.world.who(lead.person)
        if not self.model.opens_all(lead, parcel):
            with pytest.raises(CannotOpen):
                factories.send(self.world, member, parcel.number)
            return
        factories.send(self.world, member, parcel.number)
        self._is_sent(lead, parcel)

    def _is_sent(self, lead: Lead, parcel: Parcel) -> None:
        parcel.cover = self.cover_of(parcel.number)
        self.model.encrypted_at.setdefault(parcel.cover, self.now)
        self.model.sealed_by[parcel.cover] = parcel.sender
        parcel.sent_by = lead.person
        parcel.delivered = self.model.schools[parcel.receiver].active is not None
        parcel.status = "sent" if parcel.delivered or parcel.nil else "waiting"
        self.hand_over(parcel)

    @precondition(lambda self: self.room())
    @rule(pick=picks, to=picks)
    def a_school_declares_that_it_holds_nothing(self, pick: int, to: int) -> None:
        lead, parcel = self.draft(pick, to)
        factories.declare_nil(self.world, self.world.who(lead.person), parcel.number)
        parcel.nil = True
        self._is_sent(lead, parcel)

    @precondition(lambda self: self.pairs("sent", "waiting", side="sender", nil=None))
    @rule(pick=picks)
    def what_was_sent_is_withdrawn(self, pick: int) -> None:
        lead, parcel = chosen(self.pairs("sent", "waiting", side="sender", nil=None), pick)
        factories.withdraw(self.world, self.world.who(lead.person), parcel.number)
        number = parcel.number
        self.model.take(lambda model: model.revoke_receiver(number, "withdrawn"))

    def redirectable(self) -> list[Pair]:
        """What came back and is the newest of its transfer."""
        found = []
        for lead, parcel in self.pairs("withdrawn", "rejected", side="sender"):
            others = [one for one in self.model.parcels.values() if one.transfer == parcel.transfer]
            if parcel.cover and all(one.previous != parcel.number for one in others) and one_at_a_time(others):
                found.append((lead, parcel))
        return found

    @precondition(lambda self: self.room() and self.redirectable())
    @rule(pick=picks, to=picks)
    def what_came_back_is_sent_again(self, pick: int, to: int) -> None:
        lead, old = chosen(self.redirectable(), pick)
        receiver = chosen([school for school in self.schools if school != lead.school], to)
        member = self.world.who(lead.person)

        def act() -> UUID:
            with self.writing() as session:
                return redirect(
                    session,
                    self.at,
                    member.actor,
                    dispatch_id=old.number,
                    receiving_school_id=receiver,
                    person_key=member.person_key,
                    storage=self.world.storage,
                ).dispatch_id

        if not self.model.opens_all(lead, old):
            with pytest.raises(CannotOpen):
                act()
            return
        new = Parcel(act(), old.transfer, old.sender, receiver, dict.fromkeys(old.contents, False), old.cover)
        new.previous = old.number
        self.model.parcels[new.number] = new
        self._is_sent(lead, new)

    @precondition(lambda self: self.reparable())
    @rule(pick=picks)
    def the_sender_seals_the_items_to_the_receiver_again(self, pick: int) -> None:
        lead, parcel = chosen(self.reparable(), pick)
        member = self.world.who(lead.person)
        with self.writing() as session:
            reseal_grants(
                session,
                self.at,
                member.actor,
                dispatch_id=parcel.number,
                person_key=member.person_key,
                storage=self.world.storage,
            )
        for item in parcel.items:
            self.model.sealed[parcel.number, item].pop(parcel.receiver, None)
        self.hand_over(parcel)

    def reparable(self) -> list[Pair]:
        return [
            (lead, parcel)
            for lead, parcel in self.pairs("sent", "opened", side="sender")
            if self.model.opens_all(lead, parcel) and self.model.schools[parcel.receiver].active is not None
        ]

    # --- the receiving school -------------------------------------------------------------------------------

    @precondition(lambda self: self.pairs("sent", "opened", "acknowledged", side="receiver"))
    @rule(pick=picks)
    def a_file_is_opened(self, pick: int) -> None:
        self.open(*chosen(self.pairs("sent", "opened", "acknowledged", side="receiver"), pick))

    def open(self, lead: Lead, parcel: Parcel) -> None:
        outcome = factories.open_dispatch(self.world, self.world.who(lead.person), parcel.number)
        opened = [item for item in parcel.contents if self.model.opens(lead, parcel, item)]
        if parcel.cover is None or not self.model.opens(lead, parcel, parcel.cover):
            opened = []
        assert outcome.has_opened == bool(opened)
        if opened:
            number, person = parcel.number, lead.person
            if person not in parcel.openers:
                self.model.take(lambda model: model.count_as_opened(number, person))
            parcel.status = "opened" if parcel.status == "sent" else parcel.status
            parcel.openers.add(lead.person)
            parcel.contents.update(dict.fromkeys(opened, True))

    def acknowledgeable(self) -> list[Pair]:
        return [
            (lead, parcel)
            for lead, parcel in self.pairs("opened", side="receiver")
            if lead.person in parcel.openers and all(parcel.contents.values())
        ]

    @precondition(lambda self: self.acknowledgeable())
    @rule(pick=picks)
    def a_file_is_acknowledged(self, pick: int) -> None:
        self.acknowledge(*chosen(self.acknowledgeable(), pick))

    def acknowledge(self, lead: Lead, parcel: Parcel) -> None:
        factories.acknowledge(self.world, self.world.who(lead.person), parcel.number)
        parcel.status = "acknowledged"

    @precondition(lambda self: self.pairs("sent", side="receiver", nil=True))
    @rule(pick=picks)
    def a_nil_declaration_is_acknowledged(self, pick: int) -> None:
        lead, parcel = chosen(self.pairs("sent", side="receiver", nil=True), pick)
        member = self.world.who(lead.person)
        if not self.model.opens_all(lead, parcel):
            with pytest.raises(ServiceError):
                factories.acknowledge(self.world, member, parcel.number, nil=True)
            return
        factories.acknowledge(self.world, member, parcel.number, nil=True)
        parcel.status = "acknowledged"

    @precondition(lambda self: self.pairs("sent", "opened", "acknowledged", side="receiver"))
    @rule(pick=picks)
    def a_file_is_sent_back(self, pick: int) -> None:
        lead, parcel = chosen(self.pairs("sent", "opened", "acknowledged", side="receiver"), pick)
        member = self.world.who(lead.person)
        if any(one.previous == parcel.number and one.status == "draft" for one in self.model.parcels.values()):
            with pytest.raises(RuleForbids):
                factories.send_back(self.world, member, parcel.number)
            return
        factories.send_back(self.world, member, parcel.number)
        number = parcel.number
        self.model.take(lambda model: model.revoke_receiver(number, "rejected"))

    @precondition(lambda self: self.room() and self.pairs("acknowledged", side="receiver"))
    @rule(pick=picks, to=picks)
    def a_file_is_forwarded(self, pick: int, to: int) -> None:
        lead, old = chosen(self.pairs("acknowledged", side="receiver"), pick)
        receiver = chosen([school for school in self.schools if school != lead.school], to)
        member = self.world.who(lead.person)

        def act() -> UUID:
            with self.writing() as session:
                return forward_file(
                    session,
                    self.at,
                    member.actor,
                    dispatch_id=old.number,
                    receiving_school_id=receiver,
                    kind=TransferKind.IN_YEAR,
                    dates=self.dates(),
                    person_key=member.person_key,
                    storage=self.world.storage,
                ).id

        if not self.model.opens_all(lead, old):
            with pytest.raises(CannotOpen):
                act()
            return
        number = act()
        new = Parcel(number, self.transfer_of(number), lead.school, receiver, dict.fromkeys(old.contents, False))
        new.previous = old.number
        self.model.parcels[number] = new
        for item in new.contents:
            self.model.forwarded.add(item)
            active = self.model.schools[lead.school].active
            assert active is not None
            self.seal(new, item, lead.school, active)

    # --- the end of a file ----------------------------------------------------------------------------------

    def fileable(self) -> list[Pair]:
        return [
            (lead, parcel)
            for lead, parcel in self.pairs("acknowledged", side="receiver")
            if parcel.filed_at is None and lead.person in parcel.openers and self.model.opens_all(lead, parcel)
        ]

    @precondition(lambda self: self.fileable())
    @rule(pick=picks)
    def a_file_is_exported_and_filed(self, pick: int) -> None:
        lead, parcel = chosen(self.fileable(), pick)
        member = self.world.who(lead.person)
        given = {"dispatch_id": parcel.number, "person_key": member.person_key, "storage": self.world.storage}
        with self.world.database.reading() as session:
            prepared = prepare_archive(session, self.at, member.actor, **given)
        with self.writing() as session:
            assert record_archive(session, self.at, member.actor, prepared).is_whole
        with self.writing() as session:
            version = FILING_CONFIRMATION.version
            confirm_filed(session, self.at, member.actor, dispatch_id=parcel.number, statement_version=version)
        parcel.filed_at = self.now

    @precondition(lambda self: any(parcel.filed_at and not parcel.shredded for parcel in self.model.parcels.values()))
    @rule()
    def a_month_later_what_was_filed_is_shredded(self) -> None:
        self.world.clock.move(days=30, minutes=1)
        due = {
            number
            for number, parcel in self.model.parcels.items()
            if parcel.filed_at and parcel.status == "acknowledged" and not parcel.shredded
        }
        job = Retention(database=self.world.database, at=self.at, store=self.world.storage)
        done = [one.dispatch_id for one in job.shred_due()]
        assert set(done) == due
        for number in done:
            self.model.take(lambda model, number=number: model.shred(number))

    @rule(hours=st.sampled_from([1, 26]))
    def time_passes(self, hours: int) -> None:
        self.world.clock.move(hours=hours)

    # --- backups --------------------------------------------------------------------------------------------

    @precondition(lambda self: self.world.log_size() >= self.saved_size + 25)
    @rule()
    def a_backup_is_made(self) -> None:
        """Only where something happened since the last one."""
        self.world.back_up()
        self.saved_size = self.world.log_size()
        self.saved: Model = self.model.snapshot()
        self.saved_recovery = len(self.world.recovery_seeds)

    @precondition(lambda self: self.world.backup is not None)
    @rule()
    def the_backup_is_restored(self) -> None:
        assert self.world.backup is not None
        size = self.world.backup.size
        report = self.world.restore()
        assert report.is_open
        self.model = self.model.restored(self.saved, self.now)
        self._recovery_key_goes_back()
        with self.world.database.reading() as session:
            ends = session.scalars(select(LogLeaf.idx).where(LogLeaf.event == Event.RESTORED.value)).all()
        self.world.restores.append((size, max(ends)))

    def _recovery_key_goes_back(self) -> None:
        """The setting names the newest key; the rows have that of the backup's time again."""
        del self.world.recovery_seeds[self.saved_recovery :]
        self.at.recovery_keys["937"] = self.world.quorum.public.fingerprint.hex  # type: ignore[index]

    # --- what the rules share -------------------------------------------------------------------------------

    def dates(self) -> MoveDates:
        return MoveDates(leaving_on=date(2026, 9, 4))

    def transfer_of(self, number: UUID) -> UUID:
        with self.world.database.reading() as session:
            return session.get_one(Dispatch, number).transfer_id

    def cover_of(self, number: UUID) -> UUID:
        with self.world.database.reading() as session:
            wanted = select(Item.id).join(DispatchItem).where(DispatchItem.dispatch_id == number)
            return session.scalars(wanted.where(Item.kind == ItemKind.COVER)).one()


def one_at_a_time(others: list[Parcel]) -> bool:
    """Nothing else of the transfer is under way or was received."""
    return all(one.status in ("withdrawn", "rejected") for one in others)
