"""The acts of the walk on people and keys: each is the real use case, then what it means in the model."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import UUID

import pyotp
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import select

from tests.cast import HOME, Member, add_school, write_recovery_code_down
from tests.integration.keys.lifecycle.entitlement import ACTIVE, ENDED, SUSPENDED, WAITING, Lead
from tests.integration.keys.lifecycle.walk import Walk, chosen
from tests.integration.keys.lifecycle.world import NEW_PASSWORD, WORK, shares_of
from transfer_service.crypto.recovery_files import RecoveryPublic
from transfer_service.crypto.suites import RecoveryKey
from transfer_service.crypto.values import Seed
from transfer_service.db.models import Item, School, SchoolLink
from transfer_service.db.queries.schools import find_school_by_urn
from transfer_service.domain.errors import KeyMissing
from transfer_service.domain.events import Basis
from transfer_service.use_cases.keys.custodians import replace_recovery_key
from transfer_service.use_cases.keys.epochs import make_next_epoch
from transfer_service.use_cases.keys.exposure import report_exposure
from transfer_service.use_cases.keys.granting import compare_fingerprints, grant_school_keys
from transfer_service.use_cases.keys.recovery import approve_recovery, make_approval_receipt, request_recovery
from transfer_service.use_cases.keys.reencryption import reencrypt_all
from transfer_service.use_cases.keys.rotation import reseal_all, reseal_round
from transfer_service.use_cases.keys.waiting import complete_waiting_acts
from transfer_service.use_cases.oversight.approvals import approve_first_dsl, refuse_first_dsl
from transfer_service.use_cases.oversight.conversions import convert_school
from transfer_service.use_cases.oversight.recovery_bundles import export_for_request
from transfer_service.use_cases.oversight.recovery_imports import import_grants
from transfer_service.use_cases.people.beginning_again import begin_again
from transfer_service.use_cases.people.letting_begin_again import let_begin_again
from transfer_service.use_cases.people.memberships import end_membership, return_membership, suspend_membership
from transfer_service.use_cases.people.resetting import reset_password, reset_password_with_code
from transfer_service.use_cases.people.second_factor import confirm_second_factor, prepare_second_factor
from transfer_service.use_cases.transfers.delivering import deliver_waiting, find_deliverable

picks = st.integers(min_value=0, max_value=59)
MOST_PEOPLE = 14


class KeysWalk(Walk):
    """People come, are granted keys, forget, leave; keys are renewed, exposed, lost and recovered."""

    # --- people ---------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.model.leads) < MOST_PEOPLE)
    @rule(school=picks)
    def somebody_signs_up(self, school: int) -> None:
        self.join(chosen(self.schools, school))

    def join(self, school: UUID) -> Lead:
        member = self.world.join(school)
        lead = Lead(member.person_id, school)
        self.model.leads[member.person_id] = lead
        return lead

    def keyless_candidates(self) -> list[Lead]:
        """Those whom an officer may approve: they wait, and nobody at their school holds its key."""
        return [
            lead
            for lead in self.model.leads.values()
            if lead.state == WAITING and self.model.schools[lead.school].active is None and lead.has_password
        ]

    @precondition(lambda self: self.keyless_candidates())
    @rule(pick=picks)
    def an_officer_approves_the_first_lead(self, pick: int) -> None:
        self.approve(chosen(self.keyless_candidates(), pick))

    def approve(self, lead: Lead) -> None:
        # Not the one who ends and suspends: whoever took a school's key does not choose who holds the next.
        officer = self.world.who(self.world.template.otto.person_id).actor
        with self.writing() as session:
            approve_first_dsl(session, self.at, officer, membership_id=self.membership(lead))
        self.model.approve(lead)

    @precondition(lambda self: self.keyless_candidates())
    @rule(pick=picks)
    def an_officer_refuses_who_waits(self, pick: int) -> None:
        lead = chosen(self.keyless_candidates(), pick)
        officer = self.officer.actor
        with self.writing() as session:
            refuse_first_dsl(session, self.at, officer, membership_id=self.membership(lead))
        self.end(lead)

    def grantable(self) -> list[tuple[Lead, Lead]]:
        """Pairs of a holder and a colleague whom something can be granted."""
        return [
            (holder, lead)
            for holder in self.model.leads.values()
            if holder.has_password and holder in self.model.holders(holder.school)
            for lead in self.model.staff(holder.school, WAITING, ACTIVE)
            if lead is not holder and lead.has_password and (lead.state == WAITING or holder.holds - lead.holds)
        ]

    @precondition(lambda self: self.grantable())
    @rule(pick=picks)
    def a_colleague_is_granted_the_key(self, pick: int) -> None:
        self.grant(*chosen(self.grantable(), pick))

    def grant(self, holder: Lead, lead: Lead) -> None:
        member, keys = self.with_keys(holder)
        with self.writing() as session:
            pair = compare_fingerprints(session, self.at, member.actor, membership_id=self.membership(lead))
            granted = grant_school_keys(
                session,
                self.at,
                member.actor,
                school_keys=keys,
                membership_id=self.membership(lead),
                confirmed_words=pair.colleague_words,
                basis=Basis.IN_PERSON_CHECK,
            )
        assert granted == len(holder.holds - lead.holds)
        self.model.give(lead, holder.holds)
        self.model.approve(lead)

    @precondition(lambda self: self.removable())
    @rule(pick=picks, way=st.sampled_from(["colleague", "officer"]))
    def somebody_leaves(self, pick: int, way: str) -> None:
        lead = chosen(self.removable(), pick)
        school = self.model.schools[lead.school]
        colleagues = [one for one in self.model.holders(lead.school) if one is not lead and one.has_password]
        renews = bool(colleagues) and way == "colleague"
        actor, keys = self.officer.actor, None
        if renews:
            member, keys = self.with_keys(colleagues[0])
            actor = member.actor
        was_vouched = lead.vouched
        with self.writing() as session:
            renewed = end_membership(session, self.at, actor, membership_id=self.membership(lead), school_keys=keys)
        self.end(lead)
        assert renewed == (renews and was_vouched)
        if renewed:
            assert school.active is not None
            self.model.renew_epoch(lead.school, self.now)

    def removable(self) -> list[Lead]:
        return [lead for lead in self.model.leads.values() if lead.state != ENDED]

    def end(self, lead: Lead) -> None:
        person, held_some = lead.person, bool(lead.holds)
        self.model.take(lambda model: model.end(person))
        if held_some:
            self.model.settle(lead.school, self.now)

    @precondition(lambda self: self.model_leads(ACTIVE, WAITING))
    @rule(pick=picks)
    def somebody_is_suspended(self, pick: int) -> None:
        lead = chosen(self.model_leads(ACTIVE, WAITING), pick)
        officer = self.officer.actor
        with self.writing() as session:
            suspend_membership(session, self.at, officer, membership_id=self.membership(lead))
        person, held_some = lead.person, bool(lead.holds)
        self.model.take(lambda model: model.suspend(person))
        if held_some:
            self.model.settle(lead.school, self.now)

    @precondition(lambda self: self.model_leads(SUSPENDED))
    @rule(pick=picks)
    def somebody_comes_back(self, pick: int) -> None:
        lead = chosen(self.model_leads(SUSPENDED), pick)
        officer = self.officer.actor
        with self.writing() as session:
            return_membership(session, self.at, officer, membership_id=self.membership(lead))
        lead.state = WAITING

    @rule(pick=picks)
    def somebody_forgets_the_password(self, pick: int) -> None:
        candidates = [lead for lead in self.model.leads.values() if lead.state != ENDED]
        if candidates:
            self.forget(chosen(candidates, pick))

    def forget(self, lead: Lead) -> None:
        """A mailed link alone: the person signs in again, and holds nothing."""
        member, person = self.world.people[lead.person], lead.person
        token = self.world.reset_token(member.email)
        reset_password(self.world.database, self.at, WORK, token=token, password=NEW_PASSWORD, device=HOME)
        self.world.people[person] = replace(member, password=NEW_PASSWORD)
        held_some = bool(lead.holds)
        self.model.take(lambda model: model.forget_password(person, key_too=True))
        lead.has_password, lead.approved = True, False
        if held_some:
            self.model.settle(lead.school, self.now)
        self.world.sign_in(person)

    @precondition(lambda self: self.model_leads(ACTIVE, WAITING, SUSPENDED))
    @rule(pick=picks)
    def somebody_loses_everything_and_begins_again(self, pick: int) -> None:
        """Device, codes on paper and password: the role ends, and is offered anew to the same address."""
        lead = chosen(self.model_leads(ACTIVE, WAITING, SUSPENDED), pick)
        person, officer = lead.person, self.officer.actor
        with self.writing() as session:
            let = let_begin_again(
                session, self.at, officer, membership_id=self.membership(lead), basis=Basis.TELEPHONE_CHECK
            )
        self.end(lead)
        (invited,) = let.offered
        begun = begin_again(self.world.database, self.at, WORK, token=invited.token, password=NEW_PASSWORD, device=HOME)
        with self.writing() as session:
            secret = prepare_second_factor(session, self.at, cookie=begun.cookie).secret
        code = pyotp.TOTP(secret).at(self.now)
        confirm_second_factor(self.world.database, self.at, cookie=begun.cookie, code=code, device=HOME)
        self.world.people[person] = replace(
            self.world.people[person],
            password=NEW_PASSWORD,
            totp_secret=secret,
            recovery_code="",
            membership_id=invited.membership_id,
        )
        self.model.take(lambda model: model.forget_password(person, key_too=True))
        lead.state, lead.has_password, lead.vouched, lead.approved = WAITING, True, False, False
        self.world.sign_in(person)

    @precondition(lambda self: [lead for lead in self.model_leads(ACTIVE, WAITING) if lead.has_code])
    @rule(pick=picks)
    def somebody_forgets_the_password_and_has_the_recovery_code(self, pick: int) -> None:
        lead = chosen([lead for lead in self.model_leads(ACTIVE, WAITING) if lead.has_code], pick)
        member, person = self.world.people[lead.person], lead.person
        reset_password_with_code(
            self.world.database,
            self.at,
            WORK,
            token=self.world.reset_token(member.email),
            password=NEW_PASSWORD,
            recovery_code=member.recovery_code,
            device=HOME,
        )
        self.world.people[person] = replace(member, password=NEW_PASSWORD)
        self.model.take(lambda model: model.forget_password(person, key_too=False))
        self.model.take(lambda model: model.lose_code(person))
        lead.has_password = True
        signed_in = self.world.sign_in(person)
        assert signed_in.person_key.public == member.person_key.public

    @precondition(lambda self: [lead for lead in self.model_leads(ACTIVE, WAITING) if self.needs_code(lead)])
    @rule(pick=picks)
    def somebody_writes_a_new_recovery_code_down(self, pick: int) -> None:
        lead = chosen([lead for lead in self.model_leads(ACTIVE, WAITING) if self.needs_code(lead)], pick)
        member, person = self.world.who(lead.person), lead.person
        code = write_recovery_code_down(self.world.service, member)
        self.world.people[person] = replace(member, recovery_code=code)
        self.model.take(lambda model: model.lose_code(person))
        lead.has_code = True

    def needs_code(self, lead: Lead) -> bool:
        return lead.has_password and not lead.has_code

    # --- keys -----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.awake())
    @rule(pick=picks)
    def somebody_unlocks(self, pick: int) -> None:
        self.unlock(chosen(self.awake(), pick))

    def awake(self) -> list[Lead]:
        return [lead for lead in self.model_leads(ACTIVE) if lead.has_password]

    def unlock(self, lead: Lead) -> None:
        """What every page does after a sign-in: complete what waits, deliver what waits."""
        member = self.world.who(lead.person)
        expected = self.model.waiting_acts(lead, self.now)
        with self.writing() as session:
            done = complete_waiting_acts(session, self.at, member.actor, person_key=member.person_key)
        assert [act.value for act in done] == expected
        for act in expected:
            self._complete(act, lead)
        self._deliver(lead)

    def _complete(self, act: str, lead: Lead) -> None:
        if act == "first_epoch":
            self.model.begin_epoch(lead, self.now)
        elif act == "next_epoch":
            self.model.renew_epoch(lead.school, self.now)
        elif act == "escrow":
            self.model.escrow(lead)
        else:
            self.model.destroy(lead.school, self.model.empty_epochs(lead.school, self.now))

    def _deliver(self, lead: Lead) -> None:
        if not lead.holds:
            return
        member, keys = self.with_keys(lead)
        with self.world.database.reading() as session:
            if not find_deliverable(session, member.actor):
                return
        if keys.active_number is None:
            with pytest.raises(KeyMissing), self.writing() as session:
                deliver_waiting(session, self.at, member.actor, keys, storage=self.world.storage)
            return
        with self.writing() as session:
            delivery = deliver_waiting(session, self.at, member.actor, keys, storage=self.world.storage)
        due = [
            parcel
            for parcel in self.model.parcels.values()
            if parcel.sender == lead.school
            and not parcel.shredded
            and not parcel.delivered
            and (parcel.status in ("waiting", "sent") or (parcel.status == "acknowledged" and not parcel.nil))
            and self.model.schools[parcel.receiver].active is not None
        ]
        going = [parcel for parcel in due if self.model.opens_all(lead, parcel)]
        assert (delivery.delivered, delivery.failed) == (len(going), len(due) - len(going))
        for parcel in going:
            self.hand_over(parcel, own=parcel.status != "acknowledged")
            parcel.delivered = True
            if parcel.status == "waiting":
                parcel.status = "sent"

    @precondition(lambda self: self.acting())
    @rule(pick=picks)
    def a_school_renews_its_key(self, pick: int) -> None:
        lead = chosen(self.acting(), pick)
        member, keys = self.with_keys(lead)
        with self.writing() as session:
            make_next_epoch(session, self.at, member.actor, school_keys=keys)
        self.model.renew_epoch(lead.school, self.now)

    @precondition(lambda self: self.acting())
    @rule(pick=picks, rounds=st.integers(min_value=1, max_value=3))
    def some_grants_are_sealed_to_the_key_in_use(self, pick: int, rounds: int) -> None:
        """The second level of renewal, interrupted after some rounds."""
        lead = chosen(self.acting(), pick)
        member, after = self.world.who(lead.person), None
        for _ in range(rounds):
            with self.writing() as session:
                done = reseal_round(session, self.at, member.actor, person_key=member.person_key, after=after)
            self._note_resealing(lead)
            after = done.last
            if after is None:
                break

    @precondition(lambda self: self.acting())
    @rule(pick=picks)
    def everything_is_sealed_to_the_key_in_use(self, pick: int) -> None:
        self.reseal(chosen(self.acting(), pick))

    def reseal(self, lead: Lead) -> None:
        member = self.world.who(lead.person)
        could_open = {
            place for place, by_school in self.model.sealed.items() if by_school.get(lead.school, set()) & lead.holds
        }
        reseal_all(self.world.database, self.at, member.actor, person_key=member.person_key, rounds=400)
        self._note_resealing(lead)
        active = self.model.schools[lead.school].active
        for place in could_open:
            assert not (self.model.sealed[place][lead.school] & lead.holds) - {active}
        self.model.destroy(lead.school, self.model.empty_epochs(lead.school, self.now))

    def _note_resealing(self, lead: Lead) -> None:
        """Which grants a round reached is the service's own affair; what it may do to each is not."""
        active = self.model.schools[lead.school].active
        for place, now_sealed in self.grants_of(lead.school).items():
            before = self.model.sealed[place][lead.school]
            gone = before - now_sealed
            assert now_sealed - before <= {active}
            assert not gone or active in now_sealed
            assert gone <= lead.holds - {active}
            assert now_sealed
            self.model.sealed[place][lead.school] = now_sealed

    @precondition(lambda self: self.acting())
    @rule(pick=picks, at_most=st.integers(min_value=1, max_value=8))
    def some_items_are_encrypted_under_new_keys(self, pick: int, at_most: int) -> None:
        """The third level of renewal: what the school holds is encrypted again, for everybody who holds it."""
        lead = chosen(self.acting(), pick)
        member, before = self.world.who(lead.person), self.revisions()
        due = self.model.due(lead.school)
        reencrypt_all(
            self.world.database,
            self.at,
            member.actor,
            person_key=member.person_key,
            storage=self.world.storage,
            at_most=at_most,
        )
        changed = {item for item, revision in self.revisions().items() if revision != before[item]}
        assert changed <= due
        can = {item for item in due if self.reaches(lead, item) and lead.school in self.model.holders_of(item)}
        assert changed <= can
        assert len(changed) >= min(at_most, len(can)) - len(due - can)
        for item in changed:
            self.model.encrypt_again(item, self.now)

    def reaches(self, lead: Lead, item: UUID) -> bool:
        """Whether some dispatch gives the lead's school this item by an epoch that the lead holds."""
        return any(
            carried == item and by_school.get(lead.school, set()) & lead.holds
            for (_, carried), by_school in self.model.sealed.items()
        )

    def revisions(self) -> dict[UUID, int]:
        with self.world.database.reading() as session:
            return {row.id: row.revision for row in session.scalars(select(Item))}

    @precondition(lambda self: self.acting())
    @rule(pick=picks)
    def a_key_may_have_become_known(self, pick: int) -> None:
        lead = chosen(self.acting(), pick)
        member = self.world.who(lead.person)
        people = [one.person for one in self.model.staff(lead.school)]
        with self.writing() as session:
            assert report_exposure(session, self.at, member.actor) == len(people)
        school, now = lead.school, self.now
        self.model.take(lambda model: model.expose(school, people, now))

    # --- custodians and the authority -----------------------------------------------------------------------

    def lost(self) -> list[Lead]:
        """Those for whom the custodians can be asked: something at their school opens for nobody."""
        found = []
        for lead in self.model_leads(ACTIVE, WAITING):
            epochs = self.model.schools[lead.school].epochs
            unheld = self.model.unheld(lead.school)
            if unheld and any(self.model.recovery in epochs[n].escrowed for n in self.undestroyed(lead.school)):
                found.append(lead)
        return [lead for lead in found if lead.has_password]

    def undestroyed(self, school: UUID) -> set[int]:
        return {n for n, epoch in self.model.schools[school].epochs.items() if epoch.state != "destroyed"}

    @precondition(lambda self: self.lost())
    @rule(pick=picks)
    def the_custodians_open_a_lost_key(self, pick: int) -> None:
        self.recover(chosen(self.lost(), pick))

    def recover(self, lead: Lead) -> None:
        officer = self.officer.actor
        with self.writing() as session:
            request = request_recovery(session, self.at, officer, membership_id=self.membership(lead))
        for approver in (self.template.otto, self.template.opal):
            member = self.world.who(approver.person_id)
            with self.writing() as session:
                approve_recovery(session, self.at, member.actor, request_id=request)
        self.world.sign_the_log()
        officer = self.officer.actor
        with self.writing() as session:
            bundle = export_for_request(session, self.at, officer, request_id=request, is_demo=True)
        with self.world.database.reading() as session:
            receipt = make_approval_receipt(session, self.at, officer, request_id=request)
        grants = self.world.open_bundle(bundle, receipt)
        self.world.clock.move(seconds=10)
        with self.writing() as session:
            import_grants(session, self.at, officer, text=grants)
        school = self.model.schools[lead.school]
        self.model.give(
            lead, {n for n in self.undestroyed(lead.school) if self.model.recovery in school.epochs[n].escrowed}
        )
        self.model.approve(lead)
        school.wants_epoch = school.wants_epoch or school.active is not None

    @precondition(lambda self: self.model.recovery < 3)
    @rule()
    def the_recovery_key_is_replaced(self) -> None:
        seed = bytes([0x40 + self.model.recovery]) * 32
        shares_of(seed)
        public = RecoveryKey.from_seed(Seed(seed)).public
        self.at.recovery_keys["937"] = public.fingerprint.hex  # type: ignore[index]
        with self.writing() as session:
            new = RecoveryPublic(public=public, authority="Warwickshire", demo=False)
            replace_recovery_key(session, self.at, la_code="937", recovery=new, is_demo=False)
        self.world.recovery_seeds.append(seed)
        self.model.recovery += 1

    @rule(pick=picks)
    def a_school_closes_and_goes_on_as_an_academy(self, pick: int) -> None:
        # What nobody ever used has nothing to keep: the register's own row is enough.
        school_id = chosen([school for school, state in self.model.schools.items() if state.epochs], pick)
        self.world.made += 1
        urn = str(149000 + self.world.made)
        add_school(self.world.service, self.cast.warwickshire, urn=urn, name=f"Academy {urn}", town="Rugby")
        with self.writing() as session:
            school = session.get_one(School, school_id)
            before, school.status, school.closed_on = school.urn, "Closed", date(2026, 8, 31)
            link = SchoolLink(id=self.at.new_id(), urn=before, link_urn=urn, kind="Successor")
            session.add(link)
        officer = self.officer.actor
        with self.writing() as session:
            convert_school(session, self.at, officer, urn=before, successor_urn=urn)
        with self.world.database.reading() as session:
            found = find_school_by_urn(session, urn)
            assert found is not None
            assert found.id == school_id

    # --- what the rules share -------------------------------------------------------------------------------

    @property
    def officer(self) -> Member:
        return self.world.who(self.cast.olive.person_id)

    def model_leads(self, *states: str) -> list[Lead]:
        return [lead for lead in self.model.leads.values() if lead.state in states]

    def membership(self, lead: Lead) -> UUID:
        return self.world.people[lead.person].membership_id
