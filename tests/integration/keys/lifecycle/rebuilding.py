"""Epochs and grants of schools' keys as the log's leaves tell them, also across restores; no other table is read.

A restore brings back the rows of its backup and takes away again what leaves newer than that say was taken away: what
they say was given since is lost.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from transfer_service.audit.leaf import LeafFields

Grant = tuple[UUID, int, UUID]
"""School, number of the epoch, and the person or recovery key that it was granted to."""


@dataclass
class Rebuilt:
    """What the leaves say, read in order. `restores` are (size of the log in the backup, index of `restored`)."""

    restores: list[tuple[int, int]] = field(default_factory=list)
    epochs: dict[tuple[UUID, int], tuple[str, str]] = field(default_factory=dict)
    """School and number → state and fingerprint."""
    people: set[Grant] = field(default_factory=set)
    escrow: set[Grant] = field(default_factory=set)
    unsure: set[tuple[UUID, int]] = field(default_factory=set)
    """Epochs that were destroyed after a backup: a restore does it again only where nothing needs them."""
    memberships: dict[UUID, tuple[UUID, UUID | None]] = field(default_factory=dict)
    """Membership → person and school, as invitations were accepted."""

    def read(self, leaves: Iterable[LeafFields]) -> Rebuilt:
        told = list(leaves)
        sizes = {size for size, _ in self.restores}
        kept: dict[int, Rebuilt] = {}
        ends = {end: size for size, end in self.restores}
        for idx, leaf in enumerate(told):
            if idx in sizes:
                kept[idx] = copy.deepcopy(self)
            self._read(leaf)
            if idx in ends:
                self._go_back(kept[ends[idx]], told[ends[idx] : idx + 1])
        return self

    def _go_back(self, backup: Rebuilt, since: list[LeafFields]) -> None:
        self.epochs, self.people, self.escrow = dict(backup.epochs), set(backup.people), set(backup.escrow)
        self.unsure = set(backup.unsure)
        for leaf in since:
            self._take(leaf)

    def _read(self, leaf: LeafFields) -> None:
        self._note_membership(leaf)
        if leaf.org is not None and leaf.epoch is not None and leaf.subject is not None:
            place, grant = (leaf.org, leaf.epoch), (leaf.org, leaf.epoch, leaf.subject)
            match leaf.event:
                case "epoch.created":
                    self.epochs[place] = ("active", leaf.key or "")
                case "key.granted":
                    self.people.add(grant)
                case "escrow.granted":
                    self.escrow.add(grant)
                case "epoch.destroyed":
                    self.unsure.discard(place)
                    self.epochs[place] = ("destroyed", self.epochs[place][1])
                    self.people = {one for one in self.people if one[:2] != place}
                    self.escrow = {one for one in self.escrow if one[:2] != place}
                case "epoch.retired":
                    self.epochs[place] = ("retired", self.epochs[place][1])
                case "key.revoked":
                    self.people.remove(grant)

    def _note_membership(self, leaf: LeafFields) -> None:
        if leaf.event == "invitation.accepted" and leaf.subject and leaf.actor:
            self.memberships[leaf.subject] = (leaf.actor, leaf.org)

    def _take(self, leaf: LeafFields) -> None:
        """Take away again what the leaf took away."""
        if leaf.event in ("membership.ended", "membership.suspended", "membership.refused") and leaf.subject:
            person, school = self.memberships[leaf.subject]
            self.people = {one for one in self.people if (one[0], one[2]) != (school, person)}
        elif leaf.event == "epoch.destroyed" and leaf.org and leaf.epoch and (leaf.org, leaf.epoch) in self.epochs:
            self.unsure.add((leaf.org, leaf.epoch))
        elif leaf.event == "person_key.replaced":
            self.people = {one for one in self.people if one[2] != leaf.subject}
        elif leaf.event == "key.revoked" and leaf.org and leaf.epoch and leaf.subject:
            self.people.discard((leaf.org, leaf.epoch, leaf.subject))
        elif leaf.event == "epoch.retired" and leaf.basis in ("suspected_exposure", "restore"):
            for place, (state, fingerprint) in self.epochs.items():
                is_meant = leaf.basis == "suspected_exposure" or place[1] == leaf.epoch
                if place[0] == leaf.org and is_meant and state == "active":
                    self.epochs[place] = ("retired", fingerprint)
        elif leaf.event == "epoch.restored" and leaf.org and leaf.epoch:
            self.epochs[leaf.org, leaf.epoch] = ("active", leaf.key or "")
