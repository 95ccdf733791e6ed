"""Each schema, from a literal to its value and back to what people are told."""

from dataclasses import FrozenInstanceError, is_dataclass
from datetime import date

import pytest
from marshmallow import RAISE, Schema
from werkzeug.datastructures import MultiDict

from schemas import accounts, authority, dispatches, oversight, people, school_pages, transfers
from schemas.base import Nothing, NothingSchema, ValueSchema, load_form, load_value
from transfer_service.domain.calendars import ClosureKind
from transfer_service.domain.deadlines import CalendarOf, ClockRule, ClockStart, ClockUnit
from transfer_service.domain.errors import Invalid
from transfer_service.domain.events import Basis
from transfer_service.domain.notes import WhyShared, WithheldReason
from transfer_service.domain.roles import Role
from transfer_service.domain.transfer import RejectionReason, TransferKind

PUPIL = {"forename": "Ann", "surname": "O'Lee", "date_of_birth": "2015-03-01"}

GOOD = [
    (accounts.SignInSchema, {"email": "A@example.org", "password": "x"}, accounts.SignIn("a@example.org", "x")),
    (accounts.OneTimeCodeSchema, {"code": "123 456"}, accounts.OneTimeCode("123456")),
    (
        accounts.AcceptInvitationSchema,
        {"name": "Mr Oak", "password": "three unrelated words"},
        accounts.AcceptInvitation("Mr Oak", "three unrelated words"),
    ),
    (accounts.BeginAgainSchema, {"password": "three words"}, accounts.BeginAgain("three words")),
    (accounts.PasswordAgainSchema, {"password": "x"}, accounts.PasswordAgain("x")),
    (accounts.ChangePasswordSchema, {"current_password": "x", "password": "y"}, accounts.ChangePassword("x", "y")),
    (accounts.AskForResetSchema, {"email": "a@example.org"}, accounts.AskForReset("a@example.org")),
    (
        accounts.ResetPasswordSchema,
        {"password": "y", "way": "without_code"},
        accounts.ResetPassword("y", accounts.ResetWay.WITHOUT_CODE),
    ),
    (
        accounts.ResetPasswordSchema,
        {"password": "y", "way": "with_code", "recovery_code": "abc", "lost_device": "yes"},
        accounts.ResetPassword("y", accounts.ResetWay.WITH_CODE, "abc", lost_device=True),
    ),
    (accounts.SignInCodeSchema, {"code": "123 456"}, accounts.SignInCode("123456")),
    (accounts.SignInCodeSchema, {"code": "123456", "trust_device": "yes"}, accounts.SignInCode("123456", True)),
    (accounts.SignInBackupCodeSchema, {"backup_code": "ab c-1"}, accounts.SignInBackupCode("ab c-1")),
    (accounts.ChoosePlaceSchema, {"place": "installation"}, accounts.ChoosePlace("installation")),
    (accounts.OwnNameSchema, {"name": " Ann  Lee "}, accounts.OwnName("Ann Lee")),
    (accounts.RecoveryCodeSchema, {"recovery_code": "abc"}, accounts.RecoveryCode("abc")),
    (
        accounts.ConfirmRecoveryCodeSchema,
        {"first_group_code": "AB12", "second_group_code": "CD34", "kept_safe": "on"},
        accounts.ConfirmRecoveryCode("AB12", "CD34", kept_safe=True),
    ),
    (
        people.InviteToSchoolSchema,
        {"email": "a@example.org", "role": "deputy_dsl"},
        people.InvitePerson("a@example.org", Role.DEPUTY_DSL),
    ),
    (
        people.ApproveFirstDslSchema,
        {"spoke_with": "Mr Oak", "telephoned": True},
        people.ApproveFirstDsl("Mr Oak", telephoned=True),
    ),
    (
        people.LetBeginAgainSchema,
        {"basis": "in_person_check", "has_spoken": "on"},
        people.LetBeginAgain(Basis.IN_PERSON_CHECK, has_spoken=True),
    ),
    (
        people.CompareKeySchema,
        {"basis": "telephone_check", "words_agree": "yes", "words": "academic acid acne"},
        people.CompareKey(Basis.TELEPHONE_CHECK, words_agree=True, words=("academic", "acid", "acne")),
    ),
    (
        people.InviteToInstallationSchema,
        {"email": "a@example.org", "role": "administrator"},
        people.InvitePerson("a@example.org", Role.ADMINISTRATOR),
    ),
    (
        authority.EditTermSchema,
        {"starts_on": "2026-09-01", "ends_on": "2026-10-23", "begins_new_term": "yes"},
        authority.EditTerm(date(2026, 9, 1), date(2026, 10, 23), begins_new_term=True),
    ),
    (
        authority.EditClosureSchema,
        {"closed_on": "2026-09-01", "kind": "inset"},
        authority.EditClosure(date(2026, 9, 1), ClosureKind.INSET),
    ),
    (
        authority.ShowPupilNameSchema,
        {"basis": "complaint"},
        authority.ShowPupilName(Basis.COMPLAINT),
    ),
    (
        transfers.PupilSchema,
        PUPIL | {"upn": "h801200001001"},
        transfers.Pupil("Ann", "O'Lee", date(2015, 3, 1), "H801200001001", upn_confirmed=False),
    ),
    (transfers.ReceivingSchoolSchema, {"receiving_school": "125500"}, transfers.ReceivingSchool("125500")),
    (
        transfers.MoveSchema,
        {
            "kind": "phase",
            "leaving_on": "2026-07-17",
            "starts_on": "2026-09-02",
            "destination_confirmed_on": "2026-03-02",
        },
        transfers.Move(TransferKind.PHASE, date(2026, 7, 17), date(2026, 9, 2), date(2026, 3, 2)),
    ),
    (
        dispatches.WithholdSchema,
        {"reason": "third_party", "words": "A letter"},
        dispatches.Withhold(WithheldReason.THIRD_PARTY, "A letter"),
    ),
    (authority.SetHoldSchema, {"basis": "court_order"}, authority.SetHold(Basis.COURT_ORDER)),
    (NothingSchema, {}, Nothing()),
    (
        dispatches.SendBackSchema,
        {"reason": "not_joining", "words": "Never came"},
        dispatches.SendBack(RejectionReason.NOT_JOINING, "Never came"),
    ),
    (
        dispatches.AcknowledgeSchema,
        {"statement_version": "ack/1", "confirmed": "on", "senco_told": "no", "key_staff_told": "yes"},
        dispatches.Acknowledge("ack/1", confirmed=True, senco_told=False, key_staff_told=True),
    ),
]
SCHEMAS = {
    one
    for module in (accounts, authority, dispatches, people, transfers)
    for one in vars(module).values()
    if isinstance(one, type) and issubclass(one, Schema) and one is not ValueSchema
} | {NothingSchema}


def facts(value):
    """Return a value's fields as they are, for values whose comparison or representation says nothing."""
    return {name: getattr(value, name) for name in type(value).__dataclass_fields__}


@pytest.mark.parametrize("schema, given, value", GOOD)
def test_what_is_right_becomes_one_frozen_value(schema, given, value):
    found = load_value(schema, given)
    assert type(found) is type(value)
    assert facts(found) == facts(value)
    with pytest.raises((FrozenInstanceError, TypeError)):
        setattr(found, next(iter(facts(found)), "anything"), None)


def test_every_schema_is_among_the_examples_and_refuses_unknown_fields():
    assert {schema for schema, _, _ in GOOD} == SCHEMAS
    for schema in SCHEMAS:
        assert schema().unknown == RAISE
        assert is_dataclass(schema.makes)


@pytest.mark.parametrize("schema", sorted(SCHEMAS, key=lambda one: one.__name__), ids=lambda one: one.__name__)
def test_whatever_is_required_is_asked_for_in_words(schema):
    required = {name for name, field in schema().fields.items() if field.required}
    if not required:
        assert is_dataclass(load_value(schema, {}))
        return
    with pytest.raises(Invalid) as refused:
        load_value(schema, {})
    assert set(refused.value.fields) == required
    for (sentence,) in refused.value.fields.values():
        assert sentence.split()[0] in {"Enter", "Choose", "Confirm", "Send", "Reload"}


@pytest.mark.parametrize("schema, given, value", GOOD)
def test_a_field_that_nobody_asked_for_is_refused(schema, given, value):
    with pytest.raises(Invalid) as refused:
        load_value(schema, given | {"id": 1})
    assert dict(refused.value.fields) == {"id": ("This field is not known here. Remove it",)}


@pytest.mark.parametrize(
    "schema, given, value",
    [one for one in GOOD if one[0] in {accounts.SignInSchema, accounts.AcceptInvitationSchema, transfers.PupilSchema,
                                      dispatches.SendBackSchema, accounts.RecoveryCodeSchema}],
)  # fmt: skip
def test_no_value_shows_a_secret_a_pupil_or_a_note(schema, given, value):
    shown = repr(load_value(schema, given))
    for secret in ("three unrelated", "Lee'", "2015", "H8012", "Two.", "whole file", "Never came", "abc", "plan.pdf"):
        assert secret not in shown


def test_no_representation_of_a_password_remains():
    assert repr(accounts.SignIn("a@example.org", "hunter2hunter2")) == "SignIn(email='a@example.org')"


@pytest.mark.parametrize(
    "schema, given, field",
    [
        (people.InviteToSchoolSchema, {"email": "a@b.org", "role": "head_of_service"}, "role"),
        (people.InviteToSchoolSchema, {"email": "a@b.org", "role": "administrator"}, "role"),
        (people.CompareKeySchema, {"basis": "leaver", "words_agree": "yes", "words": "acid"}, "basis"),
        (people.CompareKeySchema, {"basis": "telephone_check", "words_agree": "yes", "words": "Acid 1"}, "words"),
        (people.InviteToInstallationSchema, {"email": "a@b.org", "role": "head_of_service"}, "role"),
        (accounts.ResetPasswordSchema, {"password": "y"}, "way"),
        (accounts.ResetPasswordSchema, {"password": "y", "way": "with_code"}, "recovery_code"),
        (authority.ShowPupilNameSchema, {"basis": "role"}, "basis"),
        (transfers.PupilSchema, PUPIL | {"upn_confirmed": None}, "upn_confirmed"),
    ],
)
def test_choices_stay_inside_what_the_page_offers(schema, given, field):
    with pytest.raises(Invalid) as refused:
        load_value(schema, given)
    assert list(refused.value.fields) == [field]


def test_a_clock_that_starts_at_sending_is_not_offered_for_the_sender():
    given = {
        "unit": "weekdays",
        "start": "sent",
        "length": 5,
        "first_day_counts": True,
        "calendar": "sending_school",
    }
    with pytest.raises(Invalid) as refused:
        load_value(oversight.EditSenderClockSchema, given)
    assert dict(refused.value.fields) == {"start": ("Choose when the clock starts",)}


def test_a_clock_as_entered_gives_its_rule():
    entered = oversight.EditSenderClock(ClockUnit.WEEKDAYS, ClockStart.LEAVING, 7, False, CalendarOf.SENDING_SCHOOL)
    assert entered.rule == ClockRule(
        unit=ClockUnit.WEEKDAYS,
        start=ClockStart.LEAVING,
        length=7,
        first_day_counts=False,
        calendar=CalendarOf.SENDING_SCHOOL,
    )


NOTE = {"category": "risk", "dated_on": "2026-09-01", "text": "One."}


@pytest.mark.parametrize(
    "given, field",
    [
        ({}, "why_shared"),
        ({"why_shared": []}, "why_shared"),
        ({"why_shared": ["because"]}, "why_shared"),
        ({"why_shared": [["other"]]}, "why_shared"),
        ({"why_shared": {"other": True}}, "why_shared"),
        ({"why_shared": ["other"]}, "why_shared_words"),
        ({"why_shared": ["other"], "why_shared_words": " "}, "why_shared_words"),
    ],
)
def test_a_note_without_a_reason_is_refused(given, field):
    with pytest.raises(Invalid) as refused:
        load_value(school_pages.NoteEnteredSchema, NOTE | given)
    assert list(refused.value.fields) == [field]


def test_the_checkboxes_of_a_note_are_all_taken_in_the_order_of_the_list():
    form = MultiDict(
        [
            ("category", "risk"),
            ("dated_on-day", "1"),
            ("dated_on-month", "9"),
            ("dated_on-year", "2026"),
            ("text", "One."),
            ("why_shared", "support_in_place"),
            ("why_shared", "safeguard_child"),
        ]
    )
    note = load_form(school_pages.NoteEnteredSchema, form)
    assert note.why_shared == (WhyShared.SAFEGUARD_CHILD, WhyShared.SUPPORT_IN_PLACE)
    assert "One." not in repr(note)
