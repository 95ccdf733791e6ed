"""Who is entitled to what, kept beside the service from the rules in docs/keys.md alone: nothing here reads a row.

A school's key has epochs; a lead holds some of them; an item opens at a school through the epochs that it is sealed to
there, for one dispatch. Whatever takes something away is noted, so that a restore can take it away again.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

WAITING, ACTIVE, SUSPENDED, ENDED = "waiting", "active", "suspended", "ended"
RECEIVED = frozenset({"sent", "opened", "acknowledged"})
LIVE = frozenset({"draft", "waiting", "sent", "opened", "acknowledged"})
UNDER_WAY = frozenset({"draft", "waiting", "sent", "opened"})


@dataclass
class Lead:
    """A DSL or deputy of one school. `vouched`: approved at some time; `approved`: with the key of now."""

    person: UUID
    school: UUID
    state: str = WAITING
    vouched: bool = False
    approved: bool = False
    holds: set[int] = field(default_factory=set)
    kept: set[int] = field(default_factory=set)
    """Every epoch whose seed they could have written down."""
    has_code: bool = True
    has_password: bool = True
    """False after a restore undid the password that they know."""


@dataclass
class Epoch:
    """One generation of a school's key; `escrowed` are the recovery keys, by number, that it is sealed to."""

    state: str
    escrowed: set[int]
    made_at: datetime
    retired_at: datetime | None = None


@dataclass
class School:
    """`wants_epoch`: a holder left, or custodians opened the key, and no colleague has made the next one yet.

    `numbered` is the highest number that an epoch ever had, also one that a restore lost.
    """

    epochs: dict[int, Epoch] = field(default_factory=dict)
    numbered: int = 0
    active: int | None = None
    wants_epoch: bool = False


@dataclass
class Parcel:
    """A dispatch. `contents` maps its notes and attachments to whether the receiver opened them; `cover` is an item."""

    number: UUID
    transfer: UUID
    sender: UUID
    receiver: UUID
    contents: dict[UUID, bool] = field(default_factory=dict)
    cover: UUID | None = None
    nil: bool = False
    status: str = "draft"
    delivered: bool = False
    shredded: bool = False
    filed_at: datetime | None = None
    sent_by: UUID | None = None
    openers: set[UUID] = field(default_factory=set)
    previous: UUID | None = None

    @property
    def items(self) -> list[UUID]:
        return [*self.contents, *([self.cover] if self.cover else [])]


Taking = Callable[["Model"], None]


@dataclass
class Model:
    """Everything that is entitled, and what was taken away since the last backup."""

    leads: dict[UUID, Lead] = field(default_factory=dict)
    schools: dict[UUID, School] = field(default_factory=dict)
    parcels: dict[UUID, Parcel] = field(default_factory=dict)
    sealed: dict[tuple[UUID, UUID], dict[UUID, set[int]]] = field(default_factory=dict)
    """Dispatch and item → school → the epochs of the school that the item's key is sealed to."""
    encrypted_at: dict[UUID, datetime] = field(default_factory=dict)
    sealed_by: dict[UUID, UUID] = field(default_factory=dict)
    """Item → the school that sealed it."""
    forwarded: set[UUID] = field(default_factory=set)
    dead: set[UUID] = field(default_factory=set)
    """Items whose ciphertext is gone."""
    recovery: int = 1
    takings: list[Taking] = field(default_factory=list)

    # --- questions ------------------------------------------------------------------------------------------

    def staff(self, school: UUID, *states: str) -> list[Lead]:
        return [lead for lead in self.leads.values() if lead.school == school and lead.state in (states or (ACTIVE,))]

    def holders(self, school: UUID) -> list[Lead]:
        """Those who can act with the school's key of now."""
        active = self.schools[school].active
        return [lead for lead in self.staff(school) if active is not None and active in lead.holds]

    def held(self, school: UUID) -> set[int]:
        """The epochs that anybody was granted: also who waits to be approved again after an exposure."""
        return {number for lead in self.leads.values() if lead.school == school for number in lead.holds}

    def unheld(self, school: UUID) -> set[int]:
        """The epochs that nobody who is entitled can open: a matter for the custodians."""
        held = {number for lead in self.staff(school) for number in lead.holds}
        return {number for number, epoch in self.schools[school].epochs.items() if epoch.state != "destroyed"} - held

    def opens(self, lead: Lead, parcel: Parcel, item: UUID) -> bool:
        """Whether the service opens this item for this lead now."""
        if lead.state != ACTIVE or item in self.dead or parcel.shredded:
            return False
        if lead.school == parcel.receiver and parcel.status not in RECEIVED:
            return False
        return bool(lead.holds & self.sealed.get((parcel.number, item), {}).get(lead.school, set()))

    def opens_all(self, lead: Lead, parcel: Parcel) -> bool:
        return all(self.opens(lead, parcel, item) for item in parcel.items)

    def live_items(self) -> Iterator[tuple[Parcel, UUID]]:
        for parcel in self.parcels.values():
            if not parcel.shredded:
                yield from ((parcel, item) for item in parcel.items if item not in self.dead)

    def waiting_acts(self, lead: Lead, now: datetime) -> list[str]:
        """What this lead's unlock completes."""
        school = self.schools[lead.school]
        if lead.state != ACTIVE:
            return []
        if school.active is None:
            return ["first_epoch"] if lead.approved else []
        if school.active not in lead.holds:
            return []
        lacks_escrow = any(
            epoch.state != "destroyed" and self.recovery not in epoch.escrowed for epoch in school.epochs.values()
        )
        return [
            *(["next_epoch"] if school.wants_epoch else []),
            *(["escrow"] if lacks_escrow else []),
            *(["destruction"] if self.empty_epochs(lead.school, now) else []),
        ]

    def empty_epochs(self, school: UUID, now: datetime) -> list[int]:
        """The epochs retired a day ago that seal nothing any more."""
        in_use = {number for by_school in self.sealed.values() for number in by_school.get(school, ())}
        return [
            number
            for number, epoch in self.schools[school].epochs.items()
            if epoch.state == "retired"
            and epoch.retired_at is not None
            and epoch.retired_at <= now - timedelta(days=1)
            and number not in in_use
        ]

    # --- keys -----------------------------------------------------------------------------------------------

    def give(self, lead: Lead, numbers: set[int]) -> None:
        lead.holds |= numbers
        lead.kept |= numbers

    def approve(self, lead: Lead) -> None:
        lead.state, lead.vouched, lead.approved = ACTIVE, True, True

    def begin_epoch(self, lead: Lead, now: datetime) -> None:
        """The approved lead of a school without a key makes one; what nobody there can open is delivered again."""
        self._add_epoch(lead.school, [lead], now)
        self.wait_again(lead.school)

    def renew_epoch(self, school: UUID, now: datetime) -> None:
        holders = self.holders(school)
        self.retire(school, now)
        self._add_epoch(school, holders, now)

    def _add_epoch(self, school_id: UUID, holders: list[Lead], now: datetime) -> None:
        school = self.schools[school_id]
        number = school.numbered = max(school.numbered, *school.epochs, 0) + 1
        school.epochs[number] = Epoch("active", {self.recovery}, now)
        school.active, school.wants_epoch = number, False
        for lead in holders:
            self.give(lead, {number})

    def retire(self, school_id: UUID, now: datetime) -> None:
        school = self.schools[school_id]
        if school.active is not None:
            school.epochs[school.active].state = "retired"
            school.epochs[school.active].retired_at = now
            school.active = None

    def destroy(self, school_id: UUID, numbers: list[int]) -> None:
        for number in numbers:
            self.take(lambda model, number=number: model.destroy_one(school_id, number))

    def destroy_one(self, school_id: UUID, number: int) -> None:
        """Destroy an epoch that seals nothing; after a restore one that seals nothing alone, else it stays."""
        epoch = self.schools[school_id].epochs.get(number)
        if epoch is None or epoch.state == "destroyed":
            return
        for by_school in self.sealed.values():
            sealed = by_school.get(school_id, set())
            if number in sealed and any(self._serves(school_id, later) for later in sealed if later > number):
                sealed.discard(number)
        in_use = any(number in by_school.get(school_id, ()) for by_school in self.sealed.values())
        if epoch.state == "retired" and not in_use:
            epoch.state = "destroyed"
            for lead in self._of(school_id):
                lead.holds.discard(number)

    def _serves(self, school_id: UUID, number: int) -> bool:
        epoch = self.schools[school_id].epochs[number]
        return epoch.state != "destroyed" and bool(epoch.escrowed)

    def escrow(self, lead: Lead) -> None:
        """Seal to the recovery key of now what this lead can open."""
        for number in lead.holds:
            self.schools[lead.school].epochs[number].escrowed.add(self.recovery)

    def wait_again(self, school: UUID) -> None:
        """What reached a school and opens for nobody there is delivered again by its sender."""
        held = self.held(school)
        for parcel in self.parcels.values():
            reached = parcel.status in ("sent", "opened") or (parcel.status == "acknowledged" and not parcel.nil)
            if parcel.receiver != school or not reached or not parcel.delivered or parcel.shredded:
                continue
            if any(self.sealed[parcel.number, item].get(school, set()) & held for item in parcel.items):
                continue
            self._take_delivery_back(parcel.number)

    def _take_delivery_back(self, number: UUID) -> None:
        self.take(lambda model: model.undeliver(number))

    def due(self, school_id: UUID) -> set[UUID]:
        """What a school may encrypt under new data keys: what it sent, or received and opened, older than its key."""
        active = self.schools[school_id].active
        made_at = self.schools[school_id].epochs[active].made_at if active else None
        return {
            item
            for parcel, item in self.live_items()
            if self.sealed.get((parcel.number, item), {}).get(school_id)
            and (parcel.sender == school_id or parcel.status in ("opened", "acknowledged"))
            and made_at is not None
            and self.encrypted_at[item] < made_at
        }

    def holders_of(self, item: UUID) -> set[UUID]:
        """The schools that hold an item by what schools signed: who sends it, and whom it reached and was left."""
        sent = [one for one in self.parcels.values() if item in one.items and one.status != "draft"]
        return {self.sealed_by[item]} | {
            school
            for one in sent
            for school in ({one.sender} if one.status in ("withdrawn", "rejected") else {one.sender, one.receiver})
        }

    def encrypt_again(self, item: UUID, now: datetime) -> None:
        """Everybody who holds an item gets its new key, to their school's key of now where there is one."""
        self.encrypted_at[item] = now
        holders = self.holders_of(item)
        for (_, carried), by_school in self.sealed.items():
            for school_id in list(by_school) if carried == item else ():
                active = self.schools[school_id].active
                if school_id not in holders:
                    del by_school[school_id]
                elif active is not None:
                    by_school[school_id] = {active}

    # --- taking away ----------------------------------------------------------------------------------------

    def take(self, taking: Taking) -> None:
        """Do what takes something away, and remember it for a restore."""
        taking(self)
        self.takings.append(taking)

    def revoke(self, person: UUID, now: datetime) -> None:
        """Take every epoch from a lead; a key that nobody holds goes out of use."""
        held_some = bool(self.leads[person].holds)
        self.take(lambda model: model.clear(person))
        if held_some:
            self.settle(self.leads[person].school, now)

    def clear(self, person: UUID) -> None:
        if person in self.leads:
            self.leads[person].holds = set()

    def settle(self, school_id: UUID, now: datetime) -> None:
        """A key that nobody holds goes out of use; what only earlier ones open is delivered to the one in use."""
        active = self.schools[school_id].active
        if active is not None and not any(active in lead.holds for lead in self._of(school_id)):
            self.retire(school_id, now)
        elif active is not None:
            self.wait_again(school_id)

    def end(self, person: UUID) -> None:
        lead = self.leads.get(person)
        if lead is None or lead.state == ENDED:
            return
        lead.state = ENDED
        if lead.vouched and self.schools[lead.school].active is not None:
            self.schools[lead.school].wants_epoch = True
        self.clear(person)

    def suspend(self, person: UUID) -> None:
        lead = self.leads.get(person)
        if lead is not None and lead.state != ENDED:
            lead.state = SUSPENDED
            self.clear(person)

    def expose(self, school_id: UUID, people: list[UUID], now: datetime) -> None:
        """The key goes out of use, and everybody is approved again before they act; what they hold they keep."""
        self.retire(school_id, now)
        for lead in self._of(school_id):
            if lead.person in people and lead.state == ACTIVE:
                lead.state, lead.vouched, lead.approved = WAITING, False, False

    def forget_password(self, person: UUID, *, key_too: bool) -> None:
        """The password known at the backup's time is none any more; with the key goes what it opened."""
        lead = self.leads.get(person)
        if lead is not None:
            lead.has_password = False
            lead.has_code = lead.has_code and not key_too
            if key_too:
                lead.state = WAITING if lead.state == ACTIVE else lead.state
                self.clear(person)

    def lose_code(self, person: UUID) -> None:
        if person in self.leads:
            self.leads[person].has_code = False

    def _of(self, school: UUID) -> list[Lead]:
        return [lead for lead in self.leads.values() if lead.school == school]

    def revoke_receiver(self, number: UUID, status: str) -> None:
        parcel = self.parcels.get(number)
        # A draft of the backup's time was never sent as far as its rows know: it has nothing to take away.
        if parcel is None or parcel.status in ("draft", "withdrawn", "rejected"):
            return
        parcel.status = status
        for item in parcel.items:
            self.sealed[number, item].pop(parcel.receiver, None)

    def shred(self, number: UUID) -> None:
        parcel = self.parcels.get(number)
        if parcel is None or parcel.shredded:
            return
        needed = {
            item
            for other in self.parcels.values()
            if other.number != number and not other.shredded and other.status in LIVE
            for item in other.items
        }
        for item in parcel.items:
            self.sealed.pop((number, item), None)
            if item not in needed:
                self.dead.add(item)
                for place in [place for place in self.sealed if place[1] == item]:
                    del self.sealed[place]
        parcel.shredded = True

    def undeliver(self, number: UUID) -> None:
        parcel = self.parcels.get(number)
        if parcel is None or not parcel.delivered:
            return
        parcel.delivered = False
        if parcel.status != "acknowledged" and not parcel.nil:
            parcel.status, parcel.openers = "waiting", set()
            parcel.contents = dict.fromkeys(parcel.contents, False)

    def count_as_opened(self, number: UUID, person: UUID) -> None:
        """What was read cannot be unread; its parts are opened again before anybody acknowledges."""
        parcel = self.parcels.get(number)
        if parcel is not None and parcel.status in ("sent", "opened"):
            parcel.status = "opened"
            parcel.openers.add(person)

    def discard(self, number: UUID) -> None:
        parcel = self.parcels.get(number)
        if parcel is None or parcel.status != "draft":
            return
        for item in parcel.items:
            self.sealed.pop((number, item), None)
        del self.parcels[number]

    def remove_item(self, number: UUID, item: UUID) -> None:
        parcel = self.parcels.get(number)
        if parcel is not None and item in parcel.contents:
            del parcel.contents[item]
            self.sealed.pop((number, item), None)

    # --- backups --------------------------------------------------------------------------------------------

    def snapshot(self) -> Model:
        """What a backup of now would bring back."""
        self.takings = []
        return copy.deepcopy(self)

    def restored(self, backup: Model, now: datetime) -> Model:
        """The backup's moment, with everything taken away that was taken away since."""
        again = copy.deepcopy(backup)
        for taking in self.takings:
            taking(again)
        for school_id in again.schools:
            again.settle(school_id, now)
        # What somebody could write down is not forgotten because a database went back.
        for person, lead in self.leads.items():
            if person in again.leads:
                again.leads[person].kept |= {n for n in lead.kept if n in again.schools[lead.school].epochs}
        for school_id, school in self.schools.items():
            again.schools[school_id].numbered = school.numbered
        again.takings = []
        return again
