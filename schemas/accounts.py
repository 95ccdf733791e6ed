"""What people enter about their own account: signing in, passwords, second factor, recovery."""

from dataclasses import dataclass, field

from schemas.base import ValueSchema
from schemas.fields import Code, Email, Name, Secret, Ticked


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
    """The second page of signing in, and the enrolment of a second factor."""

    makes = OneTimeCode
    code = Code()


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


@dataclass(frozen=True, slots=True)
class ResetPassword:
    """A new password, and a recovery code where the person has one: without it only sign-in comes back."""

    password: str = field(repr=False)
    recovery_code: str | None = field(default=None, repr=False)


class ResetPasswordSchema(ValueSchema[ResetPassword]):
    """The page behind a reset's link."""

    makes = ResetPassword
    password = Secret("Enter a new password")
    recovery_code = Secret("Enter your recovery code", optional=True)


@dataclass(frozen=True, slots=True)
class RecoveryCode:
    """A recovery code as typed; the key's own module reads it tolerantly."""

    recovery_code: str = field(repr=False)


class RecoveryCodeSchema(ValueSchema[RecoveryCode]):
    """The page for using a recovery code."""

    makes = RecoveryCode
    recovery_code = Secret("Enter your recovery code")


@dataclass(frozen=True, slots=True)
class ReplaceSecondFactor:
    """A password with a recovery code replaces a lost second factor at once."""

    password: str = field(repr=False)
    recovery_code: str = field(repr=False)


class ReplaceSecondFactorSchema(ValueSchema[ReplaceSecondFactor]):
    """The page for a lost authenticator."""

    makes = ReplaceSecondFactor
    password = Secret("Enter your password")
    recovery_code = Secret("Enter your recovery code")


@dataclass(frozen=True, slots=True)
class ConfirmRecoveryCode:
    """Two groups of a new recovery code, retyped, and that it was put in a safe place."""

    first_group: str = field(repr=False)
    second_group: str = field(repr=False)
    kept_safe: bool


class ConfirmRecoveryCodeSchema(ValueSchema[ConfirmRecoveryCode]):
    """The page after a recovery code was shown."""

    makes = ConfirmRecoveryCode
    first_group = Secret("Enter the first group that is asked for")
    second_group = Secret("Enter the second group that is asked for")
    kept_safe = Ticked("Confirm that you have put the recovery code in a safe place")
