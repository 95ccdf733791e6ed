"""The application over the cast's log, with a signer, a policy and a witness that the policy names."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask

from tests.html import StrictClient
from tests.integration.transfers.stage import Stage
from tests.shell import client_of, services_with, settings_in
from transfer_service.app import create_app
from transfer_service.audit.policy import write_policy
from transfer_service.audit.signer import SignOutcome, sign_committed
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.crypto.witness_keys import WitnessKey
from transfer_service.domain.events import Basis, Event
from transfer_service.use_cases.recording import record

ORIGIN = "tests/log"
KEY = LogSigningKey(name=ORIGIN, seed=b"\x07" * 32)
NORTH = WitnessKey("north.example", b"\x21" * 32)
POLICY = write_policy([KEY.verifier], witnesses={"north": NORTH.verifier})


@dataclass
class Following:
    """The log of the stage, its signer, and what serves it."""

    stage: Stage
    folder: Path
    app: Flask

    @property
    def client(self) -> StrictClient:
        return client_of(self.app)

    def write(self, count: int = 1) -> None:
        """Add leaves that say nothing much."""
        with self.stage.database.writing() as session:
            for _ in range(count):
                record(session, self.stage.at, None, Event.SCHOOLS_IMPORTED, basis=Basis.COMMAND_LINE.value)

    def sign(self) -> SignOutcome:
        return sign_committed(
            self.stage.database, key=KEY, state_file=self.folder / "state.json", now=self.stage.clock()
        )


def application(stage: Stage, folder: Path, *, policy: str = POLICY) -> Flask:
    folder.mkdir(exist_ok=True)
    settings = settings_in(folder, **({"LOG_POLICY": policy} if policy else {}))
    services = services_with(settings)
    changed = dataclasses.replace(services, database=stage.database, installation=stage.at)
    return create_app(settings, changed)


@pytest.fixture
def following(stage: Stage, tmp_path: Path) -> Following:
    return Following(stage, tmp_path, application(stage, tmp_path / "app"))
