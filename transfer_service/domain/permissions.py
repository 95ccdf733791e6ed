"""Who may do what: one table, deny by default."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from transfer_service.domain.errors import PermissionRefused
from transfer_service.domain.roles import Actor, Role, TokenScope
from transfer_service.domain.transfer import Action, DispatchKind


class Permission(StrEnum):
    """Everything that the service lets somebody do, as noun and verb."""

    # A school's pupils and moves
    PUPIL_RECORD = "pupil_record"
    COHORT_UPLOAD = "cohort_upload"
    TRANSFER_LIST = "transfer_list"
    """See the school's own transfers as "in hand" or "done", and nothing finer."""
    DISPATCH_STATUS_READ = "dispatch_status_read"
    """See the exact state of a dispatch and whether it is a file or a nil declaration."""
    REQUEST_MAKE = "request_make"
    REQUEST_ANSWER = "request_answer"
    SCHOOL_CALENDAR_EDIT = "school_calendar_edit"
    SCHOOL_CONTACT_EDIT = "school_contact_edit"
    POSTER_ATTEST = "poster_attest"

    # What only the safeguarding leads of a school may do
    DISPATCH_DRAFT = "dispatch_draft"
    NOTES_SEAL = "notes_seal"
    DISPATCH_SEND = "dispatch_send"
    NIL_DECLARE = "nil_declare"
    DISPATCH_WITHDRAW = "dispatch_withdraw"
    DISPATCH_REDIRECT = "dispatch_redirect"
    COVER_READ = "cover_read"
    NOTES_OPEN = "notes_open"
    NOTES_DOWNLOAD = "notes_download"
    RECEIPT_ACKNOWLEDGE = "receipt_acknowledge"
    RECEIPT_READ = "receipt_read"
    DISPATCH_SEND_BACK = "dispatch_send_back"
    DISPATCH_FORWARD = "dispatch_forward"
    FILING_CONFIRM = "filing_confirm"
    """State that the whole file was exported and filed in the school's own system."""
    BREACH_RECORD = "breach_record"
    KEYS_GRANT = "keys_grant"
    TOKENS_GRANT = "tokens_grant"

    # People
    PEOPLE_LIST = "people_list"
    PEOPLE_INVITE = "people_invite"
    PEOPLE_END = "people_end"
    FIRST_DSL_APPROVE = "first_dsl_approve"
    ESCALATION_RECEIVE = "escalation_receive"
    RECOVERY_REQUEST = "recovery_request"
    """Ask for the help of the recovery custodians."""

    # The authority
    COMPLIANCE_READ = "compliance_read"
    MOVES_LOAD = "moves_load"
    MOVES_MATCH = "moves_match"
    AUDIT_READ = "audit_read"
    AUDIT_EXPORT = "audit_export"
    PUPIL_NAME_SHOW = "pupil_name_show"
    LEGAL_HOLD_SET = "legal_hold_set"
    LETTERS_ISSUE = "letters_issue"
    POSTER_EDIT = "poster_edit"
    CONTACTS_EDIT = "contacts_edit"
    GUIDANCE_EDIT = "guidance_edit"
    AUTHORITY_CALENDAR_EDIT = "authority_calendar_edit"
    AUTHORITY_SETTINGS_EDIT = "authority_settings_edit"
    ALERTS_READ = "alerts_read"
    ALERTS_RETRY = "alerts_retry"
    RECOVERY_APPROVE = "recovery_approve"
    CUSTODIANS_EDIT = "custodians_edit"
    """Record who the recovery custodians are, and their drills."""

    # The installation
    AUTHORITIES_EDIT = "authorities_edit"
    SCHOOLS_IMPORT = "schools_import"
    INSTALLATION_SETTINGS_EDIT = "installation_settings_edit"
    HEALTH_READ = "health_read"


_OFFICE = frozenset(
    {
        Permission.PUPIL_RECORD,
        Permission.COHORT_UPLOAD,
        Permission.TRANSFER_LIST,
        Permission.REQUEST_MAKE,
        Permission.SCHOOL_CALENDAR_EDIT,
        Permission.SCHOOL_CONTACT_EDIT,
        Permission.POSTER_ATTEST,
    }
)

_SAFEGUARDING_LEAD = _OFFICE | {
    Permission.DISPATCH_STATUS_READ,
    Permission.REQUEST_ANSWER,
    Permission.DISPATCH_DRAFT,
    Permission.NOTES_SEAL,
    Permission.DISPATCH_SEND,
    Permission.NIL_DECLARE,
    Permission.DISPATCH_WITHDRAW,
    Permission.DISPATCH_REDIRECT,
    Permission.COVER_READ,
    Permission.NOTES_OPEN,
    Permission.NOTES_DOWNLOAD,
    Permission.RECEIPT_ACKNOWLEDGE,
    Permission.RECEIPT_READ,
    Permission.DISPATCH_SEND_BACK,
    Permission.DISPATCH_FORWARD,
    Permission.FILING_CONFIRM,
    Permission.BREACH_RECORD,
    Permission.KEYS_GRANT,
    Permission.TOKENS_GRANT,
    Permission.PEOPLE_LIST,
    Permission.PEOPLE_INVITE,
    Permission.PEOPLE_END,
}

_HEAD_TEACHER = frozenset(
    {
        Permission.TRANSFER_LIST,
        Permission.PEOPLE_LIST,
        Permission.PEOPLE_INVITE,
        Permission.PEOPLE_END,
        Permission.ESCALATION_RECEIVE,
        Permission.RECOVERY_REQUEST,
        Permission.SCHOOL_CALENDAR_EDIT,
        Permission.SCHOOL_CONTACT_EDIT,
        Permission.POSTER_ATTEST,
    }
)

_AUTHORITY = frozenset(
    {
        Permission.PEOPLE_LIST,
        Permission.PEOPLE_INVITE,
        Permission.PEOPLE_END,
        Permission.FIRST_DSL_APPROVE,
        Permission.ESCALATION_RECEIVE,
        Permission.RECOVERY_REQUEST,
        Permission.RECOVERY_APPROVE,
        Permission.CUSTODIANS_EDIT,
        Permission.COMPLIANCE_READ,
        Permission.MOVES_LOAD,
        Permission.MOVES_MATCH,
        Permission.AUDIT_READ,
        Permission.AUDIT_EXPORT,
        Permission.PUPIL_NAME_SHOW,
        Permission.LEGAL_HOLD_SET,
        Permission.LETTERS_ISSUE,
        Permission.POSTER_EDIT,
        Permission.CONTACTS_EDIT,
        Permission.GUIDANCE_EDIT,
        Permission.AUTHORITY_CALENDAR_EDIT,
        Permission.AUTHORITY_SETTINGS_EDIT,
        Permission.ALERTS_READ,
        Permission.ALERTS_RETRY,
        Permission.HEALTH_READ,
    }
)

_ADMINISTRATOR = frozenset(
    {
        Permission.AUTHORITIES_EDIT,
        Permission.SCHOOLS_IMPORT,
        Permission.INSTALLATION_SETTINGS_EDIT,
        Permission.HEALTH_READ,
        Permission.ALERTS_READ,
        Permission.ALERTS_RETRY,
        Permission.PEOPLE_LIST,
        Permission.PEOPLE_INVITE,
        Permission.PEOPLE_END,
    }
)

GRANTS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.SCHOOL_OFFICE: _OFFICE,
        Role.DESIGNATED_SAFEGUARDING_LEAD: _SAFEGUARDING_LEAD,
        Role.DEPUTY_DSL: _SAFEGUARDING_LEAD,
        Role.HEAD_TEACHER: _HEAD_TEACHER,
        Role.HEAD_OF_SERVICE: _AUTHORITY,
        Role.AUTHORITY_OFFICER: _AUTHORITY,
        Role.ADMINISTRATOR: _ADMINISTRATOR,
    }
)

# A machine never acknowledges and never declares nil: those are statements that a person makes.
TOKEN_GRANTS: Mapping[TokenScope, frozenset[Permission]] = MappingProxyType(
    {
        TokenScope.READ: frozenset(
            {
                Permission.TRANSFER_LIST,
                Permission.DISPATCH_STATUS_READ,
                Permission.COVER_READ,
                Permission.NOTES_OPEN,
                Permission.NOTES_DOWNLOAD,
                Permission.RECEIPT_READ,
                Permission.DISPATCH_SEND_BACK,
                Permission.REQUEST_MAKE,
            }
        ),
        TokenScope.SEND: frozenset(
            {
                Permission.TRANSFER_LIST,
                Permission.DISPATCH_STATUS_READ,
                Permission.PUPIL_RECORD,
                Permission.DISPATCH_DRAFT,
                Permission.NOTES_SEAL,
                Permission.DISPATCH_SEND,
                Permission.DISPATCH_WITHDRAW,
                Permission.RECEIPT_READ,
                Permission.REQUEST_MAKE,
            }
        ),
    }
)

_PERMISSION_FOR: Mapping[Action, Permission] = MappingProxyType(
    {
        Action.SEND: Permission.DISPATCH_SEND,
        Action.DELIVER: Permission.DISPATCH_SEND,
        Action.OPEN: Permission.NOTES_OPEN,
        Action.ACKNOWLEDGE: Permission.RECEIPT_ACKNOWLEDGE,
        Action.WITHDRAW: Permission.DISPATCH_WITHDRAW,
        Action.SEND_BACK: Permission.DISPATCH_SEND_BACK,
        Action.REDIRECT: Permission.DISPATCH_REDIRECT,
        Action.DISCARD: Permission.DISPATCH_DRAFT,
        Action.WAIT_AGAIN: Permission.KEYS_GRANT,
    }
)


def permission_for(kind: DispatchKind, action: Action) -> Permission:
    """Return the permission that an act on a dispatch of this kind needs."""
    if kind is DispatchKind.NIL and action in (Action.SEND, Action.REDIRECT, Action.DISCARD):
        return Permission.NIL_DECLARE
    return _PERMISSION_FOR[action]


def granted_to(actor: Actor) -> frozenset[Permission]:
    """Return everything that the actor may do: by the token's scope for a machine, else by the roles."""
    if actor.token_scope is not None:
        return TOKEN_GRANTS[actor.token_scope]
    granted: frozenset[Permission] = frozenset()
    for role in actor.effective_roles:
        granted |= GRANTS[role]
    return granted


def can(actor: Actor, permission: Permission) -> bool:
    """Whether the actor may do it."""
    return permission in granted_to(actor)


def check(actor: Actor, permission: Permission) -> None:
    """Raise PermissionRefused unless the actor may do it."""
    if not can(actor, permission):
        raise PermissionRefused(permission)
