"""A walk through the lives of keys: people come and go, files are sent and forwarded, epochs are rotated and destroyed.

After every step two things hold: every live item opens for each person who is entitled to it, and through the
custodians; and nobody else's key opens it, with whatever grants the database holds.
"""

from dataclasses import dataclass, field
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from shamir_mnemonic import combine_mnemonics, generate_mnemonics

from transfer_service.crypto import formats
from transfer_service.crypto.errors import CannotOpen
from transfer_service.crypto.formats import GranteeKind, ItemKind
from transfer_service.crypto.items import SealedItem, grant_item, open_item, open_item_grant, seal_item
from transfer_service.crypto.suites import EpochKey, PersonKey, PublicKey, RecoveryKey, seal_to
from transfer_service.crypto.values import DataKey, Seed

SCHOOLS = tuple(UUID(int=number) for number in (1, 2, 3))
TRANSFER, DISPATCH, AUTHORITY = UUID(int=10), UUID(int=11), UUID(int=12)
schools = st.sampled_from(SCHOOLS)


@dataclass
class Item:
    """What the database holds of one item; the data key is forgotten."""

    number: UUID
    sender: UUID
    sealed: SealedItem
    holders: set[UUID]
    grants: dict[tuple[UUID, int], bytes] = field(default_factory=dict)

    @property
    def context(self) -> bytes:
        return formats.item_context(
            deployment="test",
            transfer=TRANSFER,
            item=self.number,
            sender_org=self.sender,
            kind=ItemKind.NOTE,
            revision=1,
        )


class Lifecycle(RuleBasedStateMachine):
    """Seeds of persons are what their heads hold; seeds of epochs exist only inside grants."""

    @initialize()
    def set_up(self) -> None:
        recovery = Seed.generate()
        self.recovery = RecoveryKey.from_seed(recovery).public
        self.shares = generate_mnemonics(1, [(3, 5)], recovery.reveal())[0]
        self.people: dict[UUID, Seed] = {}
        self.staff: dict[UUID, set[UUID]] = {school: set() for school in SCHOOLS}
        self.epochs: dict[tuple[UUID, int], PublicKey] = {}
        self.current: dict[UUID, int] = {}
        self.key_grants: dict[tuple[UUID, int, UUID], bytes] = {}
        self.items: list[Item] = []
        for school in SCHOOLS:
            self.staff[school].add(self._new_person())
            self._new_epoch(school)

    # --- acts -----------------------------------------------------------------------------------------------

    def _new_person(self) -> UUID:
        person = UUID(int=100 + len(self.people))
        self.people[person] = Seed.generate()
        return person

    def _new_epoch(self, school: UUID) -> None:
        number, seed = self.current.get(school, 0) + 1, Seed.generate()
        self.epochs[school, number], self.current[school] = EpochKey.from_seed(seed).public, number
        self._grant_epoch(school, number, seed, AUTHORITY)
        for person in self.staff[school]:
            self._grant_epoch(school, number, seed, person)

    def _grantee(self, grantee: UUID) -> PublicKey:
        return self.recovery if grantee == AUTHORITY else PersonKey.from_seed(self.people[grantee]).public

    def _key_info(self, school: UUID, number: int, grantee: UUID) -> bytes:
        return formats.key_grant_info(
            suite=2,
            deployment="test",
            org=school,
            epoch=number,
            epoch_fingerprint=self.epochs[school, number].fingerprint,
            grantee_kind=GranteeKind.RECOVERY if grantee == AUTHORITY else GranteeKind.PERSON,
            grantee=grantee,
            grantee_version=1,
            grantee_fingerprint=self._grantee(grantee).fingerprint,
        )

    def _grant_epoch(self, school: UUID, number: int, seed: Seed, grantee: UUID) -> None:
        info = self._key_info(school, number, grantee)
        self.key_grants[school, number, grantee] = seal_to(self._grantee(grantee), seed, info=info)

    def _epoch_seed(self, school: UUID, number: int, person: UUID) -> Seed:
        key = PersonKey.from_seed(self.people[person])
        info = self._key_info(school, number, person)
        return key.open_seed(self.key_grants[school, number, person], info=info)

    def _item_info(self, item: Item, school: UUID, number: int) -> bytes:
        return formats.item_grant_info(
            suite=2,
            deployment="test",
            transfer=TRANSFER,
            dispatch=DISPATCH,
            item=item.number,
            commitment=item.sealed.facts.commitment,
            recipient_org=school,
            epoch=number,
            fingerprint=self.epochs[school, number].fingerprint,
        )

    def _grant_item(self, item: Item, data_key: DataKey, school: UUID) -> None:
        number = self.current[school]
        info = self._item_info(item, school, number)
        item.grants[school, number] = grant_item(data_key, self.epochs[school, number], info=info)

    def _data_key(self, item: Item, school: UUID, person: UUID) -> DataKey:
        number = next(number for holder, number in item.grants if holder == school)
        epoch = EpochKey.from_seed(self._epoch_seed(school, number, person))
        return open_item_grant(epoch, item.grants[school, number], info=self._item_info(item, school, number))

    @rule(school=schools)
    def a_colleague_joins_and_is_granted_every_epoch(self, school: UUID) -> None:
        person, colleague = self._new_person(), min(self.staff[school])
        for holder, number in list(self.epochs):
            if holder == school:
                self._grant_epoch(school, number, self._epoch_seed(school, number, colleague), person)
        self.staff[school].add(person)

    @rule(school=schools)
    def a_person_leaves_and_a_new_epoch_begins(self, school: UUID) -> None:
        if len(self.staff[school]) < 2:
            return
        leaver = min(self.staff[school])
        self.staff[school].remove(leaver)
        self.key_grants = {place: grant for place, grant in self.key_grants.items() if place[2] != leaver}
        self._new_epoch(school)

    @rule(sender=schools, receiver=schools, text=st.binary(max_size=50))
    def a_file_is_sent(self, sender: UUID, receiver: UUID, text: bytes) -> None:
        item = Item(UUID(int=1000 + len(self.items)), sender, None, {sender, receiver})  # type: ignore[arg-type]
        item.sealed = seal_item(context=item.context, name="note", media_type="text/plain", body=text)
        for school in item.holders:
            self._grant_item(item, item.sealed.data_key, school)
        self.items.append(item)

    @precondition(lambda self: self.items)
    @rule(to=schools, data=st.data())
    def a_file_is_forwarded(self, to: UUID, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from(self.items))
        if to in item.holders:
            return
        holder = min(item.holders)
        self._grant_item(item, self._data_key(item, holder, min(self.staff[holder])), to)
        item.holders.add(to)

    @rule(school=schools)
    def grants_are_resealed_to_the_current_epoch_and_old_epochs_destroyed(self, school: UUID) -> None:
        person = min(self.staff[school])
        for item in self.items:
            if school in item.holders:
                data_key = self._data_key(item, school, person)
                item.grants = {place: grant for place, grant in item.grants.items() if place[0] != school}
                self._grant_item(item, data_key, school)
        old = {place for place in self.epochs if place[0] == school and place[1] != self.current[school]}
        self.epochs = {place: public for place, public in self.epochs.items() if place not in old}
        self.key_grants = {place: grant for place, grant in self.key_grants.items() if place[:2] not in old}

    # --- what always holds ----------------------------------------------------------------------------------

    @invariant()
    def every_item_opens_for_each_entitled_person_and_through_the_custodians(self) -> None:
        for item in self.items[-4:]:
            for school in item.holders:
                for person in self.staff[school]:
                    self._opens(item, self._data_key(item, school, person))
        if self.items:
            recovery = RecoveryKey.from_seed(Seed(combine_mnemonics(self.shares[1:4])))
            item = self.items[-1]
            (school, number), sealed = next(iter(item.grants.items()))
            escrow = self.key_grants[school, number, AUTHORITY]
            seed = recovery.open_seed(escrow, info=self._key_info(school, number, AUTHORITY))
            info = self._item_info(item, school, number)
            self._opens(item, open_item_grant(EpochKey.from_seed(seed), sealed, info=info))

    def _opens(self, item: Item, data_key: DataKey) -> None:
        opened = open_item(
            data_key,
            context=item.context,
            ciphertext=item.sealed.ciphertext,
            expected=item.sealed.facts.expected,
        )
        assert opened.name == "note"

    @invariant()
    def nobody_elses_key_opens_anything(self) -> None:
        if not self.items:
            return
        item = self.items[-1]
        entitled = {person for school in item.holders for person in self.staff[school]}
        for person, seed in self.people.items():
            if person in entitled:
                continue
            key = PersonKey.from_seed(seed)
            for school, number in item.grants:
                assert (school, number, person) not in self.key_grants
                for (holder, epoch, grantee), grant in self.key_grants.items():
                    if (holder, epoch) == (school, number):
                        for info in (self._key_info(holder, epoch, grantee), self._key_info(holder, epoch, person)):
                            try:
                                key.open_seed(grant, info=info)
                            except CannotOpen:
                                continue
                            raise AssertionError("a stranger opened a school's key")


TestKeyLifecycle = Lifecycle.TestCase
TestKeyLifecycle.settings = (
    settings.get_profile("ten-thousand-steps")
    if settings.get_current_profile_name() == "ten-thousand-steps"
    else settings(max_examples=15, stateful_step_count=15, deadline=None)
)
