"""Who a person is while acting: the roles, the kinds of organisation, and the actor as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from transfer_service.domain.errors import NotFound


class Role(StrEnum):
    """What a person does in one organisation; what people are shown for each stands in ROLE_LABELS."""

    SCHOOL_OFFICE = "school_office"
    DESIGNATED_SAFEGUARDING_LEAD = "designated_safeguarding_lead"
    DEPUTY_DSL = "deputy_dsl"
    HEAD_TEACHER = "head_teacher"
    HEAD_OF_SERVICE = "head_of_service"
    AUTHORITY_OFFICER = "authority_officer"
    ADMINISTRATOR = "administrator"


class OrganisationKind(StrEnum):
    """The kinds of organisation that people belong to."""

    SCHOOL = "school"
    AUTHORITY = "authority"
    INSTALLATION = "installation"


class MembershipState(StrEnum):
    """Where one person's role at one organisation stands; only an active membership may act."""

    INVITED = "invited"
    AWAITING_APPROVAL = "awaiting_approval"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"


KEY_HOLDING_ROLES = frozenset({Role.DESIGNATED_SAFEGUARDING_LEAD, Role.DEPUTY_DSL})
SCHOOL_ROLES = KEY_HOLDING_ROLES | {Role.SCHOOL_OFFICE, Role.HEAD_TEACHER}
AUTHORITY_ROLES = frozenset({Role.HEAD_OF_SERVICE, Role.AUTHORITY_OFFICER})
INSTALLATION_ROLES = frozenset({Role.ADMINISTRATOR})

ROLES_OF: Mapping[OrganisationKind, frozenset[Role]] = MappingProxyType(
    {
        OrganisationKind.SCHOOL: SCHOOL_ROLES,
        OrganisationKind.AUTHORITY: AUTHORITY_ROLES,
        OrganisationKind.INSTALLATION: INSTALLATION_ROLES,
    }
)

ROLE_LABELS: Mapping[Role, str] = MappingProxyType(
    {
        Role.SCHOOL_OFFICE: "School office",
        Role.DESIGNATED_SAFEGUARDING_LEAD: "Designated safeguarding lead",
        Role.DEPUTY_DSL: "Deputy designated safeguarding lead",
        Role.HEAD_TEACHER: "Head teacher",
        Role.HEAD_OF_SERVICE: "Head of Service",
        Role.AUTHORITY_OFFICER: "Authority officer",
        Role.ADMINISTRATOR: "Administrator",
    }
)

MEMBERSHIP_STATE_LABELS: Mapping[MembershipState, str] = MappingProxyType(
    {
        MembershipState.INVITED: "Invited",
        MembershipState.AWAITING_APPROVAL: "Waiting for approval",
        MembershipState.ACTIVE: "Active",
        MembershipState.SUSPENDED: "Suspended",
        MembershipState.ENDED: "Ended",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who is acting, for which organisation, with which roles: what every use case is given.

    `organisation_id` is None only for the installation. `holds_keys` says whether the session can open what is sealed
    to the school.
    """

    person_id: UUID
    organisation_id: UUID | None
    organisation_kind: OrganisationKind
    roles: frozenset[Role]
    session_id: UUID | None = None
    request_id: str | None = None
    holds_keys: bool = False

    @property
    def effective_roles(self) -> frozenset[Role]:
        """The roles that fit the kind of organisation acted for: a role of another kind counts for nothing."""
        return self.roles & ROLES_OF[self.organisation_kind]


def school_of(actor: Actor) -> UUID:
    """Return the school that the actor acts for; raises NotFound for everybody else."""
    if actor.organisation_kind is not OrganisationKind.SCHOOL or actor.organisation_id is None:
        raise NotFound("school")
    return actor.organisation_id


def authority_of(actor: Actor) -> UUID:
    """Return the authority that the actor acts for; raises NotFound for everybody else."""
    if actor.organisation_kind is not OrganisationKind.AUTHORITY or actor.organisation_id is None:
        raise NotFound("authority")
    return actor.organisation_id
