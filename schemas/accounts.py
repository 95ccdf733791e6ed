"""What people enter about their own account: signing in, passwords, second factor, recovery."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from marshmallow import ValidationError, validates_schema

from schemas.base import ValueSchema
from schemas.fields import Choice, Code, Email, Line, Name, Secret, Ticked, YesNo


@dataclass(frozen=True, slots=True)
class SignIn:
    """An email address and a password."""

    email: str
    password: str = field(repr=False)


class SignInSchema(ValueSchema[SignIn]):
    """The first page of signing in."""

    makes = SignIn
    email = Email("Enter your email address")
    password = Secret("Enter your password")


@dataclass(frozen=True, slots=True)
class OneTimeCode:
    """A code of an authenticator app, six digits."""

    code: str = field(repr=False)


class OneTimeCodeSchema(ValueSchema[OneTimeCode]):
    """The page on which an authenticator app is set up."""

    makes = OneTimeCode
    code = Code()


@dataclass(frozen=True, slots=True)
class SignInCode:
    """The same while signing in, where some people may ask to be trusted on the device for 30 days."""

    code: str = field(repr=False)
    trust_device: bool | None = None


class SignInCodeSchema(ValueSchema[SignInCode]):
    """The second page of signing in."""

    makes = SignInCode
    code = Code()
    trust_device = YesNo("Choose whether to trust this device", optional=True)


@dataclass(frozen=True, slots=True)
class SignInBackupCode:
    """A backup code as typed; the code's own module reads it tolerantly."""

    backup_code: str = field(repr=False)


class SignInBackupCodeSchema(ValueSchema[SignInBackupCode]):
    """The page for signing in when the device for codes is not at hand."""

    makes = SignInBackupCode
    backup_code = Secret("Enter a backup code from your sheet")


@dataclass(frozen=True, slots=True)
class OwnName:
    """One's own name, as colleagues see it."""

    name: str


class OwnNameSchema(ValueSchema[OwnName]):
    """The page for changing one's name."""

    makes = OwnName
    name = Name("Enter your full name", what="Full name")


@dataclass(frozen=True, slots=True)
class AcceptInvitation:
    """What an invited person gives to make an account."""

    name: str
    password: str = field(repr=False)


class AcceptInvitationSchema(ValueSchema[AcceptInvitation]):
    """The page behind an invitation's link."""

    makes = AcceptInvitation
    name = Name("Enter your full name", what="Full name")
    password = Secret("Enter a password")


@dataclass(frozen=True, slots=True)
class BeginAgain:
    """What somebody gives who begins an account again from an invitation's link."""

    password: str = field(repr=False)


class BeginAgainSchema(ValueSchema[BeginAgain]):
    """The page behind an invitation's link for an account that nobody can sign in to any more."""

    makes = BeginAgain
    password = Secret("Enter a password")


@dataclass(frozen=True, slots=True)
class ChoosePlace:
    """Where somebody with several places acts now."""

    place: str


class ChoosePlaceSchema(ValueSchema[ChoosePlace]):
    """The page for people who belong to more than one place."""

    makes = ChoosePlace
    place = Line("Choose where you are acting now", what="Place", limit=40)


@dataclass(frozen=True, slots=True)
class PasswordAgain:
    """The password of the person who is signed in already."""

    password: str = field(repr=False)


class PasswordAgainSchema(ValueSchema[PasswordAgain]):
    """The page before granting keys, exporting everything, or recovery."""

    makes = PasswordAgain
    password = Secret("Enter your password")


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """The old password and the new one."""

    current_password: str = field(repr=False)
    password: str = field(repr=False)


class ChangePasswordSchema(ValueSchema[ChangePassword]):
    """The page for changing one's password."""

    makes = ChangePassword
    current_password = Secret("Enter your password as it is now")
    password = Secret("Enter a new password")


@dataclass(frozen=True, slots=True)
class AskForReset:
    """The address to which a reset is mailed, if there is such an account."""

    email: str


class AskForResetSchema(ValueSchema[AskForReset]):
    """The page for a forgotten password."""

    makes = AskForReset
    email = Email("Enter your email address")


class ResetWay(StrEnum):
    """Whether a reset keeps the person's key, or gives them a new one that opens nothing yet."""

    WITH_CODE = "with_code"
    WITHOUT_CODE = "without_code"


@dataclass(frozen=True, slots=True)
class ResetPassword:
    """A new password, and a recovery code where the person has one: without it only sign-in comes back."""

    password: str = field(repr=False)
    way: ResetWay
    recovery_code: str | None = field(default=None, repr=False)
    lost_device: bool | None = None


class ResetPasswordSchema(ValueSchema[ResetPassword]):
    """The page behind a reset's link."""

    makes = ResetPassword
    password = Secret("Enter a new password")
    way = Choice(ResetWay, "Choose whether you have your recovery code")
    recovery_code = Secret("Enter your recovery code", optional=True)
    lost_device = YesNo("Choose whether you have lost the device for codes", optional=True)

    @validates_schema
    def _check_code(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("way") is ResetWay.WITH_CODE and not data.get("recovery_code"):
            raise ValidationError("Enter your recovery code", "recovery_code")


@dataclass(frozen=True, slots=True)
class RecoveryCode:
    """A recovery code as typed; the key's own module reads it tolerantly."""

    recovery_code: str = field(repr=False)


class RecoveryCodeSchema(ValueSchema[RecoveryCode]):
    """The page for using a recovery code."""

    makes = RecoveryCode
    recovery_code = Secret("Enter your recovery code")


@dataclass(frozen=True, slots=True)
class ConfirmRecoveryCode:
    """Two groups of a new recovery code, retyped, and that it was put in a safe place."""

    first_group_code: str = field(repr=False)
    second_group_code: str = field(repr=False)
    kept_safe: bool


class ConfirmRecoveryCodeSchema(ValueSchema[ConfirmRecoveryCode]):
    """The page after a recovery code was shown."""

    makes = ConfirmRecoveryCode
    first_group_code = Secret("Enter the first group that is asked for")
    second_group_code = Secret("Enter the second group that is asked for")
    kept_safe = Ticked("Confirm that you have put the recovery code in a safe place")
