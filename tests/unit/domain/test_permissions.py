"""Roles and permissions: the whole table from literals, and the roles that may act on a dispatch."""

from dataclasses import FrozenInstanceError
from uuid import UUID

import pytest

from transfer_service.domain.errors import PermissionRefused
from transfer_service.domain.permissions import (
    GRANTS,
    Permission,
    can,
    check,
    granted_to,
    permission_for,
)
from transfer_service.domain.roles import (
    AUTHORITY_ROLES,
    KEY_HOLDING_ROLES,
    MEMBERSHIP_STATE_LABELS,
    ROLE_LABELS,
    ROLES_OF,
    SCHOOL_ROLES,
    Actor,
    MembershipState,
    OrganisationKind,
    Role,
)
from transfer_service.domain.transfer import Action, DispatchKind

OFFICE = "pupil_record transfer_list school_calendar_edit"
LEAD = (
    f"{OFFICE} "
    "dispatch_status_read dispatch_draft notes_seal dispatch_send nil_declare dispatch_withdraw "
    "dispatch_redirect cover_read notes_open notes_download receipt_acknowledge receipt_read dispatch_send_back "
    "dispatch_forward filing_confirm entries_export breach_read breach_record keys_grant people_list people_invite "
    "people_end"
)
HEAD = (
    "transfer_list entries_export breach_read people_list people_invite people_end recovery_request "
    "school_calendar_edit"
)
AUTHORITY = (
    "people_list people_invite people_end first_dsl_approve recovery_request recovery_approve "
    "custodians_edit compliance_read audit_read pupil_name_show "
    "legal_hold_set authority_calendar_edit authority_settings_edit alerts_read alerts_retry health_read"
)
ADMINISTRATOR = "authorities_edit health_read alerts_read alerts_retry people_list people_invite people_end"
EXPECTED = {
    "school_office": OFFICE,
    "designated_safeguarding_lead": LEAD,
    "deputy_dsl": LEAD,
    "head_teacher": HEAD,
    "head_of_service": AUTHORITY,
    "authority_officer": AUTHORITY,
    "administrator": ADMINISTRATOR,
}
KIND_OF = {role: kind for kind, roles in ROLES_OF.items() for role in roles}
CONTENTS = {
    Permission.NOTES_SEAL,
    Permission.NOTES_OPEN,
    Permission.NOTES_DOWNLOAD,
    Permission.COVER_READ,
    Permission.NIL_DECLARE,
    Permission.DISPATCH_SEND,
    Permission.RECEIPT_ACKNOWLEDGE,
    Permission.KEYS_GRANT,
}


def actor(*roles, kind=OrganisationKind.SCHOOL):
    return Actor(
        person_id=UUID(int=1),
        organisation_id=UUID(int=2),
        organisation_kind=kind,
        roles=frozenset(roles),
    )


@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_do_exactly_what_the_table_of_people_says(role):
    somebody = actor(role, kind=KIND_OF[role])
    allowed = {permission.value for permission in Permission if can(somebody, permission)}
    assert allowed == set(EXPECTED[role.value].split())


@pytest.mark.parametrize("permission", list(Permission))
def test_somebody_without_a_role_may_do_nothing(permission):
    with pytest.raises(PermissionRefused) as refused:
        check(actor(), permission)
    assert refused.value.permission == permission.value
    assert "Ask" in refused.value.sentence


def test_every_permission_is_given_to_somebody():
    assert frozenset().union(*GRANTS.values()) == set(Permission)


def test_nobody_but_a_safeguarding_lead_comes_near_the_contents():
    for role in set(Role) - KEY_HOLDING_ROLES:
        assert not GRANTS[role] & CONTENTS


def test_the_office_and_the_head_never_learn_whether_it_is_a_file_or_a_nil():
    for role in (Role.SCHOOL_OFFICE, Role.HEAD_TEACHER):
        assert Permission.DISPATCH_STATUS_READ not in GRANTS[role]


def test_the_head_sees_the_breach_that_she_is_told_of_and_ticks_nothing_off():
    assert Permission.BREACH_READ in GRANTS[Role.HEAD_TEACHER]
    assert Permission.BREACH_RECORD not in GRANTS[Role.HEAD_TEACHER]


def test_the_administrator_never_sees_a_pupil():
    seen = {Permission.TRANSFER_LIST, Permission.PUPIL_NAME_SHOW, Permission.AUDIT_READ, Permission.COMPLIANCE_READ}
    assert not GRANTS[Role.ADMINISTRATOR] & seen


def test_a_role_of_another_kind_of_organisation_counts_for_nothing():
    officer_at_a_school = actor(Role.AUTHORITY_OFFICER, kind=OrganisationKind.SCHOOL)
    assert granted_to(officer_at_a_school) == frozenset()
    lead_at_an_authority = actor(Role.DESIGNATED_SAFEGUARDING_LEAD, kind=OrganisationKind.AUTHORITY)
    assert not can(lead_at_an_authority, Permission.NOTES_OPEN)


def test_roles_add_up():
    head_who_is_also_lead = actor(Role.HEAD_TEACHER, Role.DESIGNATED_SAFEGUARDING_LEAD)
    check(head_who_is_also_lead, Permission.NOTES_OPEN)
    check(head_who_is_also_lead, Permission.RECOVERY_REQUEST)


@pytest.mark.parametrize(
    "action, of_a_file, of_a_nil",
    [
        ("send", "dispatch_send", "nil_declare"),
        ("deliver", "dispatch_send", "dispatch_send"),
        ("open", "notes_open", "notes_open"),
        ("acknowledge", "receipt_acknowledge", "receipt_acknowledge"),
        ("withdraw", "dispatch_withdraw", "dispatch_withdraw"),
        ("send_back", "dispatch_send_back", "dispatch_send_back"),
        ("redirect", "dispatch_redirect", "nil_declare"),
        ("discard", "dispatch_draft", "nil_declare"),
    ],
)
def test_each_act_needs_its_permission(action, of_a_file, of_a_nil):
    assert permission_for(DispatchKind.FILE, Action(action)).value == of_a_file
    assert permission_for(DispatchKind.NIL, Action(action)).value == of_a_nil


def test_every_role_belongs_to_one_kind_of_organisation():
    assert set(KIND_OF) == set(Role)
    assert sum(len(roles) for roles in ROLES_OF.values()) == len(Role)
    assert not SCHOOL_ROLES & AUTHORITY_ROLES


def test_every_role_and_every_state_of_a_membership_has_a_label():
    assert set(ROLE_LABELS) == set(Role)
    assert set(MEMBERSHIP_STATE_LABELS) == set(MembershipState)


def test_an_actor_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        actor().roles = frozenset({Role.ADMINISTRATOR})
