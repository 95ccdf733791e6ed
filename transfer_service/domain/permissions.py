"""Who may do what: one table, deny by default."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from transfer_service.domain.errors import PermissionRefused
from transfer_service.domain.roles import Actor, Role
from transfer_service.domain.transfer import Action, DispatchKind


class Permission(StrEnum):
    """Everything that the service lets somebody do, as noun and verb."""

    # A school's pupils and moves
    PUPIL_RECORD = "pupil_record"
    TRANSFER_LIST = "transfer_list"
    """See the school's own transfers as "in hand" or "done", and nothing finer."""
    DISPATCH_STATUS_READ = "dispatch_status_read"
    """See the exact state of a dispatch and whether it is a file or a nil declaration."""
    SCHOOL_CALENDAR_EDIT = "school_calendar_edit"

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
    ENTRIES_EXPORT = "entries_export"
    """Take away what the log says of one of the school's transfers, with proofs and without contents."""
    BREACH_READ = "breach_read"
    """See the record of a file that was opened at the wrong school: who saw it, and by when it is to be reported."""
    BREACH_RECORD = "breach_record"
    """Tick off what the school has done about it."""
    KEYS_GRANT = "keys_grant"

    # People
    PEOPLE_LIST = "people_list"
    PEOPLE_INVITE = "people_invite"
    PEOPLE_END = "people_end"
    FIRST_DSL_APPROVE = "first_dsl_approve"
    RECOVERY_REQUEST = "recovery_request"
    """Ask for the help of the recovery custodians."""

    # The authority
    COMPLIANCE_READ = "compliance_read"
    AUDIT_READ = "audit_read"
    PUPIL_NAME_SHOW = "pupil_name_show"
    LEGAL_HOLD_SET = "legal_hold_set"
    """Keep the sealed contents of a transfer from being shredded, without seeing them, and lift that again."""
    AUTHORITY_CALENDAR_EDIT = "authority_calendar_edit"
    AUTHORITY_SETTINGS_EDIT = "authority_settings_edit"
    ALERTS_READ = "alerts_read"
    ALERTS_RETRY = "alerts_retry"
    RECOVERY_APPROVE = "recovery_approve"
    CUSTODIANS_EDIT = "custodians_edit"
    """Record who the recovery custodians are, and their drills."""

    # The installation
    AUTHORITIES_EDIT = "authorities_edit"
    HEALTH_READ = "health_read"


_OFFICE = frozenset(
    {
        Permission.PUPIL_RECORD,
        Permission.TRANSFER_LIST,
        Permission.SCHOOL_CALENDAR_EDIT,
    }
)

_SAFEGUARDING_LEAD = _OFFICE | {
    Permission.DISPATCH_STATUS_READ,
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
    Permission.ENTRIES_EXPORT,
    Permission.BREACH_READ,
    Permission.BREACH_RECORD,
    Permission.KEYS_GRANT,
    Permission.PEOPLE_LIST,
    Permission.PEOPLE_INVITE,
    Permission.PEOPLE_END,
}

_HEAD_TEACHER = frozenset(
    {
        Permission.TRANSFER_LIST,
        Permission.ENTRIES_EXPORT,
        # The head answers for the school's data: told of a breach, she can see what it is and by when to report it.
        Permission.BREACH_READ,
        Permission.PEOPLE_LIST,
        Permission.PEOPLE_INVITE,
        Permission.PEOPLE_END,
        Permission.RECOVERY_REQUEST,
        Permission.SCHOOL_CALENDAR_EDIT,
    }
)

_AUTHORITY = frozenset(
    {
        Permission.PEOPLE_LIST,
        Permission.PEOPLE_INVITE,
        Permission.PEOPLE_END,
        Permission.FIRST_DSL_APPROVE,
        Permission.RECOVERY_REQUEST,
        Permission.RECOVERY_APPROVE,
        Permission.CUSTODIANS_EDIT,
        Permission.COMPLIANCE_READ,
        Permission.AUDIT_READ,
        Permission.PUPIL_NAME_SHOW,
        Permission.LEGAL_HOLD_SET,
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
    """Return everything that the actor's roles allow."""
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
