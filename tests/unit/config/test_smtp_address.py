"""A mail server's address says whether mail is encrypted on the way."""

from config.secrets import Secret
from config.values import SmtpServer, parse_smtp_url


def test_smtp_means_starttls() -> None:
    assert parse_smtp_url("smtp://mail.example.org") == SmtpServer("mail.example.org", 587, "starttls", None, None)


def test_smtps_means_tls_from_the_first_byte() -> None:
    assert parse_smtp_url("smtps://mail.example.org") == SmtpServer("mail.example.org", 465, "tls", None, None)


def test_user_and_password_are_decoded_and_the_password_is_hidden() -> None:
    server = parse_smtp_url("smtp://alerts%40example.org:p%40ss@mail.example.org:2525?starttls=yes")

    assert server == SmtpServer("mail.example.org", 2525, "starttls", "alerts@example.org", Secret("p@ss"))
    assert "p@ss" not in repr(server)


def test_this_machine_may_take_mail_in_clear() -> None:
    assert parse_smtp_url("smtp://localhost:1025?starttls=no") == SmtpServer("localhost", 1025, "none", None, None)
