"""The words of mails about somebody's own account: each goes at once and by itself, and tells of no pupil either."""

from collections.abc import Mapping
from types import MappingProxyType

from transfer_service.alerts.words import Wording, single
from transfer_service.domain.alerts import AlertKind

_WORDINGS: dict[AlertKind, Wording] = {
    AlertKind.INVITATION: single(
        "You are invited to join a service for passing on safeguarding files",
        "Your school or authority has invited you. To accept, open the link and choose a password. It works once.",
        "If you did not expect this, ask the head teacher or the authority on a number that you already have. Do not "
        "pass the link on: it is meant for you alone.",
    ),
    AlertKind.PASSWORD_RESET: single(
        "Reset your password",
        "Somebody, we hope you, asked to reset your password. Open the link to choose a new one. It works once.",
        "A new password lets you sign in again. To read files you will also need a recovery code, or a colleague who "
        "grants you the school's key again.",
        "If you did not ask for this, do nothing: your password has not changed.",
    ),
    AlertKind.PASSWORD_CHANGED: single(
        "Your password was changed",
        "If you changed it, there is nothing that you need to do.",
        "If you did not, tell a colleague who can end your sessions, and your authority, at once by telephone.",
    ),
    AlertKind.ROLE_ENDED: single(
        "Your role in a service for passing on safeguarding files has ended",
        "A colleague or your authority ended it, and you are signed out. If you leave, or asked for this because you "
        "lost what you sign in with, there is nothing wrong: in the second case another email brings you a link.",
        "If you did not expect this, telephone your school or authority at once, on a number that you already have.",
    ),
    AlertKind.ACCOUNT_RENEWED: single(
        "Your account was begun again",
        "The link of an invitation was used to choose a new password and a new device for codes, with a new key. The "
        "old password, the old device and the old codes do not work any more.",
        "If it was you, there is nothing that you need to do. If it was not, somebody else reads your email: telephone "
        "your school and your authority at once, and let nobody compare words with whoever used the link.",
    ),
    AlertKind.SIGN_IN_LOCKED: single(
        "Signing in to your account is locked for a quarter of an hour",
        "A wrong password or a wrong code was entered ten times. The lock opens by itself. While it lasts, a browser "
        "in which you signed in before still works, unless the attempts came from there.",
        "If it was you: wait, then choose I forgot my password on the sign-in page, or use a backup code if your "
        "device for codes is not at hand.",
        "If it was not you, somebody tried, and was kept out. Choose another password if you use this one elsewhere "
        "too, and tell your authority by telephone if this email comes again.",
    ),
    AlertKind.SECOND_FACTOR_REPLACED: single(
        "The device for sign-in codes was replaced",
        "A recovery code was used to set up another device for sign-in codes. This is also told to the safeguarding "
        "leads of the school.",
        "If this was not you, or if you cannot confirm it with your colleague in person or by telephone, tell your "
        "authority at once.",
    ),
    AlertKind.RECOVERY_CODE_USED: single(
        "A recovery code was used",
        "A recovery code opened an account at your school. Each code works once, so this one is spent.",
        "If it was yours, sign in and make a new one. If you cannot confirm who used it, tell your authority at once "
        "by telephone.",
    ),
    AlertKind.BACKUP_CODES_MADE: single(
        "You have new backup codes for signing in",
        "If you made them, there is nothing that you need to do: those that you had before do not work any more.",
        "If you did not, somebody else knows your password. Sign in with your device for codes, change the password, "
        "make new backup codes, and tell your authority at once by telephone.",
    ),
    AlertKind.BACKUP_CODE_USED: single(
        "A backup code was used to sign in",
        "If it was you, there is nothing that you need to do. Each code works once: your page Account says how many "
        "are left.",
        "If it was not, somebody else knows your password and has your codes. Sign in with your device for codes, end "
        "the other sessions under Account, change the password, make new backup codes, and tell your authority at "
        "once by telephone.",
    ),
    AlertKind.NEW_DEVICE: single(
        "You signed in from a new device",
        "We had not seen this device or browser before. If it was you, there is nothing that you need to do.",
        "If it was not, sign in from a device that you trust, end the other sessions under Account, and change your "
        "password.",
    ),
}

ACCOUNTS: Mapping[AlertKind, Wording] = MappingProxyType(_WORDINGS)
