"""The worker asks the witnesses of the policy; one that is away or lies changes nothing."""

from pathlib import Path

import pytest
from sqlalchemy import select

from tests.cast import Service
from transfer_service.audit.asking import WebRefused
from transfer_service.audit.policy import write_policy
from transfer_service.audit.signer import sign_committed
from transfer_service.audit.witness import Witness
from transfer_service.cli.witness_serving import judge
from transfer_service.crypto.signing import LogSigningKey
from transfer_service.crypto.witness_keys import WitnessKey
from transfer_service.db.models import LogCosignature
from transfer_service.domain.events import Basis, Event
from transfer_service.jobs.witnessing import WitnessRound
from transfer_service.use_cases.recording import record

KEY = LogSigningKey(name="tests/log", seed=b"\x07" * 32)
NORTH = WitnessKey("north.example", b"\x21" * 32)
POLICY = write_policy([KEY.verifier], witnesses={"north": NORTH.verifier}).replace(
    f"witness north {NORTH.verifier.text}", f"witness north {NORTH.verifier.text} https://north.example/"
)


class Post:
    """Carries requests to a witness in this process, as HTTP would."""

    def __init__(self, witness: Witness, service: Service) -> None:
        self.witness = witness
        self.service = service
        self.addresses: list[str] = []

    def __call__(self, address: str, body: bytes) -> bytes:
        self.addresses.append(address)
        status, answer, _ = judge(self.witness, body, now=self.service.clock())
        if status != 200:
            raise WebRefused("refused", status=status, body=answer)
        return answer


@pytest.fixture
def post(service: Service, tmp_path: Path) -> Post:
    witness = Witness(name=NORTH.name, seed=NORTH.seed, logs=(KEY.verifier,), memory=tmp_path / "seen.json")
    return Post(witness, service)


def grow_and_sign(service: Service, folder: Path) -> int:
    with service.database.writing() as session:
        record(session, service.at, None, Event.SCHOOLS_IMPORTED, basis=Basis.COMMAND_LINE.value)
    return sign_committed(service.database, key=KEY, state_file=folder / "state.json", now=service.clock()).size


def ask(service: Service, post: Post, policy: str = POLICY) -> str:
    return WitnessRound(database=service.database, at=service.at, policy=policy, send=post).run(lambda: False)


def sizes(service: Service) -> list[int]:
    with service.database.reading() as session:
        return list(session.scalars(select(LogCosignature.size).order_by(LogCosignature.size)))


def test_a_witness_cosigns_each_new_checkpoint_once(service: Service, post: Post, tmp_path: Path):
    first = grow_and_sign(service, tmp_path)
    assert ask(service, post) == "cosigned by 1 of 1"
    assert ask(service, post) == ""
    second = grow_and_sign(service, tmp_path)
    assert ask(service, post) == "cosigned by 1 of 1"
    assert sizes(service) == [first, second]
    assert post.addresses == ["https://north.example/add-checkpoint"] * 2


def test_a_witness_that_stands_elsewhere_is_proven_the_growth_from_there(service: Service, post: Post, tmp_path: Path):
    grow_and_sign(service, tmp_path)
    lost = Post(post.witness, service)

    def answer_is_lost(address: str, body: bytes) -> bytes:
        lost(address, body)
        raise WebRefused("cut off")

    assert (
        WitnessRound(database=service.database, at=service.at, policy=POLICY, send=answer_is_lost).run(lambda: False)
        == ""
    )
    newest = grow_and_sign(service, tmp_path)
    assert ask(service, post) == "cosigned by 1 of 1"
    assert len(post.addresses) == 2
    assert sizes(service) == [newest]


def test_a_witness_that_is_away_or_answers_nonsense_changes_nothing(service: Service, tmp_path: Path):
    grow_and_sign(service, tmp_path)

    def away(_address: str, _body: bytes) -> bytes:
        raise WebRefused("cannot be reached")

    for send in (away, lambda _address, _body: b"hello\n", lambda _address, _body: "— north.example AAAA\n".encode()):
        job = WitnessRound(database=service.database, at=service.at, policy=POLICY, send=send)
        assert job.run(lambda: False) == ""
    assert sizes(service) == []


def test_without_a_policy_or_an_address_nobody_is_asked(service: Service, post: Post, tmp_path: Path):
    grow_and_sign(service, tmp_path)
    assert ask(service, post, "") == ""
    assert ask(service, post, write_policy([KEY.verifier], witnesses={"north": NORTH.verifier})) == ""
    assert post.addresses == []
