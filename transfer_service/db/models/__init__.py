"""Every table of the service; importing this package fills `Model.metadata`."""

from transfer_service.db.models.alerts import Alert, JobRun
from transfer_service.db.models.base import Model
from transfer_service.db.models.keys import KeyGrant, PersonKey, RecoveryKey, SchoolEpoch, Unlock
from transfer_service.db.models.log import LogCheckpoint, LogCosignature, LogDetail, LogHead, LogLeaf, LogNode
from transfer_service.db.models.organisations import Authority, Closure, FormerUrn, School, SchoolLink, Term
from transfer_service.db.models.people import (
    BackupCodeHash,
    HeldForm,
    Invitation,
    Membership,
    Person,
    SignInAttempt,
    SignInSession,
    TrustedDevice,
)
from transfer_service.db.models.recovery import Custodian, RecoveryDrill, RecoveryRequest
from transfer_service.db.models.transfers import (
    Acknowledgement,
    Breach,
    Dispatch,
    DispatchItem,
    Item,
    ItemGrant,
    ItemReencryption,
    Opening,
    Transfer,
)

__all__ = [
    "Acknowledgement",
    "Alert",
    "Authority",
    "BackupCodeHash",
    "Breach",
    "Closure",
    "Custodian",
    "Dispatch",
    "DispatchItem",
    "FormerUrn",
    "HeldForm",
    "Invitation",
    "Item",
    "ItemGrant",
    "ItemReencryption",
    "JobRun",
    "KeyGrant",
    "LogCheckpoint",
    "LogCosignature",
    "LogDetail",
    "LogHead",
    "LogLeaf",
    "LogNode",
    "Membership",
    "Model",
    "Opening",
    "Person",
    "PersonKey",
    "RecoveryDrill",
    "RecoveryKey",
    "RecoveryRequest",
    "School",
    "SchoolEpoch",
    "SchoolLink",
    "SignInAttempt",
    "SignInSession",
    "Term",
    "Transfer",
    "TrustedDevice",
    "Unlock",
]
