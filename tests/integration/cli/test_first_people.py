from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.integration.cli.conftest import RECOVERY, Installation, single_sentence, write_recovery_file
from tests.integration.register import extract, row
from transfer_service.db.models import Alert, Authority, Membership
from transfer_service.db.session import Database
from transfer_service.domain.roles import MembershipState, Role


@pytest.fixture
def enrolled(any_installation: Installation, tmp_path: Path) -> Installation:
    """Schools imported and Warwickshire joined."""
    schools = tmp_path / "schools.csv"
    schools.write_bytes(extract(row("100001")).getvalue())
    any_installation.run("schools", "import", str(schools))
    file = write_recovery_file(tmp_path / "recovery-public.json")
    answer = any_installation.run("authority", "create", "--recovery-key", str(file), "--json")
    assert answer.code == 0, answer.err
    assert (answer.json["code"], answer.json["name"]) == ("937", "Warwickshire")
    assert answer.json["fingerprint"] == RECOVERY.fingerprint.hex
    assert len(answer.json["words"].split()) == 8
    return any_installation


def read(installation: Installation, kind: type) -> list:
    database = Database(installation.database.url)
    with database.reading() as session:
        rows = list(session.scalars(select(kind)))
    database.dispose()
    return rows


def test_an_authority_joins_with_its_name_from_the_register(enrolled: Installation):
    (authority,) = read(enrolled, Authority)
    assert (authority.la_code, authority.name) == ("937", "Warwickshire")
    assert authority.enrolled_at is not None


def test_joining_says_which_setting_makes_its_schools_keys_possible(installation: Installation, tmp_path: Path):
    file = write_recovery_file(tmp_path / "r.json", authority="")
    words = ("authority", "create", "--recovery-key", str(file), "--code", "331", "--name", "Coventry")
    answer = installation.run(*words)
    assert answer.code == 0
    assert f"TRANSFER_SERVICE_RECOVERY_KEYS=331:{RECOVERY.fingerprint.hex}" in answer.out
    again = installation.run(*words)
    assert (again.code, single_sentence(again)) == (3, "This authority has joined already. Nothing was changed.")


def test_the_key_must_be_the_one_that_the_setting_names(installation: Installation, tmp_path: Path):
    file = write_recovery_file(tmp_path / "r.json")
    words = ("authority", "create", "--recovery-key", str(file), "--name", "Warwickshire")
    answer = installation.run(*words, RECOVERY_KEYS="937:" + "0" * 64)
    assert answer.code == 3
    assert "another recovery key than RECOVERY_KEYS names" in single_sentence(answer)
    assert read(installation, Authority) == []
    assert installation.run(*words, RECOVERY_KEYS=f"937:{RECOVERY.fingerprint.hex}").code == 0


@pytest.mark.parametrize(
    ("changes", "code", "sentence"),
    [
        ({"demo": True}, 3, "This recovery key was made for a demonstration"),
        ({"authority": "Warwickshire"}, 2, "give the authority's three digits"),
        ({"authority": "331"}, 2, "the register of schools does not know this authority yet"),
    ],
)
def test_what_cannot_join_is_refused(enrolled: Installation, tmp_path: Path, changes: dict, code: int, sentence: str):
    answer = enrolled.run("authority", "create", "--recovery-key", str(write_recovery_file(tmp_path / "x", **changes)))
    assert answer.code == code
    assert sentence in answer.err


def test_a_file_that_no_ceremony_wrote_is_refused(installation: Installation, tmp_path: Path):
    (tmp_path / "x").write_text("{}")
    answer = installation.run("authority", "create", "--recovery-key", str(tmp_path / "x"), "--code", "937")
    assert answer.code == 3
    assert single_sentence(answer).startswith("The file is not one that this version's ceremony.py writes")


@pytest.mark.parametrize(
    ("place", "role"),
    [
        (("--authority", "937"), Role.HEAD_OF_SERVICE),
        (("--school", "100001"), Role.DESIGNATED_SAFEGUARDING_LEAD),
        ((), Role.ADMINISTRATOR),
    ],
)
def test_the_first_people_are_invited_by_a_mail_and_a_link_that_is_shown_once(
    enrolled: Installation, place: tuple[str, ...], role: Role
):
    answer = enrolled.run(
        "people", "invite", "first@example.org", "--role", role.value, *place, "--json",
        BASE_URL="https://transfer.example.org",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert answer.json["link"].startswith("https://transfer.example.org/invitations/")
    (membership,) = read(enrolled, Membership)
    assert (membership.role, membership.state) == (role, MembershipState.INVITED)
    (alert,) = read(enrolled, Alert)
    assert (alert.kind, alert.address) == ("invitation", "first@example.org")
    token = answer.json["link"].rpartition("/")[2]
    listed = enrolled.run("alerts", "list", "--json")
    assert token not in listed.out
    assert listed.json[0]["state"] == "pending"


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("nobody", "--role", "administrator"), 3, "Enter an email address in the correct format"),
        (("a@example.org", "--role", "king"), 2, "'king' is not one of"),
        (("a@example.org", "--role", "head_of_service", "--authority", "331"), 3, "No authority has this code."),
        (("a@example.org", "--role", "head_teacher", "--school", "999999"), 3, "No school has this URN."),
        (("a@example.org", "--role", "head_teacher", "--authority", "937"), 3, "Choose a role that exists"),
        (("a@example.org", "--role", "head_teacher", "--authority", "937", "--school", "1"), 2, "not both"),
    ],
)
def test_an_invitation_that_makes_no_sense_is_refused_with_what_to_do(
    enrolled: Installation, words: tuple[str, ...], code: int, sentence: str
):
    answer = enrolled.run("people", "invite", *words)
    assert answer.code == code
    assert sentence in single_sentence(answer)
    assert read(enrolled, Membership) == []


def test_an_administrator_without_a_colleague_begins_again_from_the_command_line(installation: Installation):
    invited = installation.run("people", "invite", "ada@example.org", "--role", "administrator", "--json")
    with_role = installation.run("people", "begin-again", "ada@example.org")
    assert with_role.code == 3, "only invited, and so still without a role"
    assert "Nobody with this email address has a role there" in single_sentence(with_role)
    database = Database(installation.database.url)
    with database.writing() as session:
        session.get_one(Membership, UUID(invited.json["membership"])).state = MembershipState.ACTIVE
    database.dispose()
    done = installation.run("people", "begin-again", "ada@example.org", "--json")
    assert done.code == 0, done.err
    assert len(done.json["invitations"]) == 1
    assert {one.state for one in read(installation, Membership)} == {MembershipState.ENDED, MembershipState.INVITED}
    said = installation.run("people", "begin-again", "ada@example.org", "--authority", "999")
    assert said.code == 3
