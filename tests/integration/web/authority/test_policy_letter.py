"""The letter by which a school learns apart from its receipts whose signatures to believe."""

import hashlib
import io
import re
from dataclasses import replace

import pypdf
import pytest

from tests.integration.transfers.stage import Stage
from tests.integration.web.authority.looks import events_after, log_size
from transfer_service.audit.policy import write_policy
from transfer_service.crypto.signing import ED25519_COSIGNATURE, LogSigningKey, VerifierKey, public_key_of
from transfer_service.web.current import EXTENSION

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
KEY = LogSigningKey(name="transfer.example/log", seed=b"\x07" * 32)
WITNESSES = {
    name: VerifierKey(f"{name}.example", public_key_of(bytes([number]) * 32), ED25519_COSIGNATURE)
    for number, name in enumerate(("north", "south"), start=20)
}
POLICY = write_policy([KEY.verifier], witnesses=WITNESSES, needed=1)
ADDRESS = "/authority/schools/125580/log-letter.pdf"


@pytest.fixture(autouse=True)
def policy(app) -> None:
    services = app.extensions[EXTENSION]
    app.extensions[EXTENSION] = replace(services, settings=replace(services.settings, log_policy=POLICY))


def words_of(body: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(body)).pages
    return re.sub(r"\s+", "", "".join(page.extract_text() for page in pages))


def test_the_letter_holds_every_line_of_the_policy_its_fingerprint_and_where_to_check(stage: Stage, client_for):
    response = client_for(stage.cast.olive).get(ADDRESS)
    assert (response.status_code, response.mimetype) == (200, "application/pdf")
    assert response.headers["Content-Disposition"] == 'attachment; filename="log-letter-125580.pdf"'
    said = words_of(response.data)
    for line in POLICY.splitlines():
        assert line.replace(" ", "") in said
    assert hashlib.sha256(POLICY.encode()).hexdigest() in said
    for expected in ("AlderfordPrimarySchool", "URN125580", "1of2:north,south", "/log/policy", "/verifier.py"):
        assert expected in said


def test_its_printing_is_in_the_log_first(stage: Stage, client_for):
    before = log_size(stage)
    client_for(stage.cast.olive).get(ADDRESS)
    assert events_after(stage, before) == ["policy_letter.issued"]


def test_without_a_policy_there_is_no_letter(stage: Stage, client_for, app):
    services = app.extensions[EXTENSION]
    app.extensions[EXTENSION] = replace(services, settings=replace(services.settings, log_policy=""))
    response = client_for(stage.cast.olive).get(ADDRESS)
    assert response.status_code == 409
    assert "no policy of the log yet" in response.text


def test_another_authority_a_school_and_the_administrator_print_none(stage: Stage, client_for):
    statuses = [client_for(getattr(stage.cast, name)).get(ADDRESS).status_code for name in ("oscar", "alma", "ada")]
    assert statuses == [404, 403, 403]
