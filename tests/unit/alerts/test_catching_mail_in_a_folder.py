from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from uuid import UUID

import pytest

from transfer_service.alerts.catcher import CaughtMail, FolderChannel, find_caught, list_caught
from transfer_service.alerts.channels import Delivered, Envelope, PermanentFailure, TemporaryFailure
from transfer_service.alerts.messages import Message

SENDER = Address("Pupil file transfer", "alerts", "example.org")
NOON = datetime(2026, 9, 3, 12, 0, tzinfo=UTC)


def envelope(number, **changes):
    given = {
        "alert_ids": (UUID(int=number),),
        "deployment": "demo",
        "recipient": "dsl@school.example",
        "message": Message(f"Subject {number}", "First line – ‘quoted’.\n\nLast line.\n"),
        "at": NOON + timedelta(minutes=number),
    }
    return Envelope(**(given | changes))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "demo" / "mails"


@pytest.fixture
def channel(folder):
    return FolderChannel(folder, sender=SENDER)


def test_a_mail_is_found_in_the_folder_as_it_was_sent(channel, folder):
    assert channel.send(envelope(1)) == Delivered()
    [caught] = list_caught(folder)
    assert caught == CaughtMail(
        name=caught.name,
        at=datetime(2026, 9, 3, 12, 1, tzinfo=UTC),
        recipient="dsl@school.example",
        subject="Subject 1",
        text="First line – ‘quoted’.\n\nLast line.\n",
    )
    assert (folder / f"{caught.name}.eml").is_file()
    assert find_caught(folder, caught.name) == caught


def test_mails_are_listed_newest_first_and_by_address(channel, folder):
    channel.send(envelope(1))
    channel.send(envelope(3))
    channel.send(envelope(2, recipient="head@school.example"))
    assert [mail.subject for mail in list_caught(folder)] == ["Subject 3", "Subject 2", "Subject 1"]
    assert [mail.subject for mail in list_caught(folder, recipient="HEAD@school.example")] == ["Subject 2"]


def test_a_mail_that_is_sent_twice_is_one_file(channel, folder):
    channel.send(envelope(1))
    channel.send(envelope(1, at=NOON + timedelta(hours=1)))
    assert len(list_caught(folder)) == 1


def test_the_folder_holds_whole_mails_alone(channel, folder):
    channel.send(envelope(1))
    assert [path.suffix for path in folder.iterdir()] == [".eml"]


def test_an_address_that_is_none_is_refused_for_good(channel, folder):
    assert channel.send(envelope(1, recipient="nobody")) == PermanentFailure("bad-address")
    assert list_caught(folder) == []


def test_a_folder_that_is_gone_is_tried_again_later(channel, folder):
    folder.rmdir()
    assert channel.send(envelope(1)) == TemporaryFailure("folder")


@pytest.mark.parametrize("name", ["unknown", "../secret", "", ".", "a/b"])
def test_a_name_that_is_not_of_a_mail_finds_nothing(channel, folder, name):
    (folder.parent / "secret.eml").write_text("From: x\n\nnot for you")
    assert find_caught(folder, name) is None
