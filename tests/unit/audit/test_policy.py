"""The policy file, as the service writes it and as both readers take it."""

import pytest

from transfer_service import verifier
from transfer_service.audit.errors import NoteMalformed
from transfer_service.audit.policy import parse_policy, write_policy
from transfer_service.crypto.signing import ED25519_COSIGNATURE, LogSigningKey, VerifierKey, public_key_of

LOG = LogSigningKey(name="transfer.example/log", seed=b"\x07" * 32).verifier
NEXT_LOG = LogSigningKey(name="transfer.example/log", seed=b"\x08" * 32).verifier
WITNESSES = {
    name: VerifierKey(f"{name}.example", public_key_of(bytes([number]) * 32), ED25519_COSIGNATURE)
    for number, name in enumerate(("north", "south", "east"), start=20)
}


def test_a_policy_names_the_log_and_asks_for_no_witness_by_default():
    text = write_policy([LOG])
    assert text.splitlines()[-2:] == [f"log {LOG.text}", "quorum none"]
    assert parse_policy(text).is_met_by([])
    assert verifier.read_policy(text.encode()).quorum == "none"


def test_after_a_rotation_both_keys_stand_in_the_policy():
    text = write_policy([LOG, NEXT_LOG])
    assert parse_policy(text).logs == (LOG, NEXT_LOG)
    assert [key.public for key in verifier.read_policy(text.encode()).logs] == [LOG.public_key, NEXT_LOG.public_key]


@pytest.mark.parametrize(("cosigned", "is_met"), [([], False), (["north"], False), (["north", "east"], True)])
def test_two_of_three_witnesses_are_asked_for(cosigned: list[str], is_met: bool):
    text = write_policy([LOG], witnesses=WITNESSES, needed=2)
    assert parse_policy(text).is_met_by(cosigned) is is_met
    assert verifier.read_policy(text.encode()).is_witnessed("witnesses", set(cosigned)) is is_met


def test_groups_of_groups_are_counted_as_the_format_says():
    lines = [
        f"log {LOG.text} https://somewhere",
        *(f"witness {name} {key.text} url" for name, key in WITNESSES.items()),
    ]
    lines += ["# a comment", "\t", "group pair any north south", "group whole all pair east", "quorum whole"]
    text = "\n".join(lines)
    for cosigned, is_met in ((["north"], False), (["east"], False), (["south", "east"], True)):
        assert parse_policy(text).is_met_by(cosigned) is is_met
        assert verifier.read_policy(text.encode()).is_witnessed("whole", set(cosigned)) is is_met


def test_a_single_witness_may_be_the_quorum():
    text = f"log {LOG.text}\nwitness north {WITNESSES['north'].text}\nquorum north\n"
    assert parse_policy(text).is_met_by(["north"])
    assert not parse_policy(text).is_met_by(["south"])


# The log under another name and kind of key: it would vouch for itself.
OWN_WITNESS = VerifierKey("independent.example", LOG.public_key, ED25519_COSIGNATURE)
WITNESS_LINE = f"witness north {WITNESSES['north'].text}\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "quorum none\n",
        f"log {LOG.text}\n",
        f"log {LOG.text}\nquorum none\nquorum none\n",
        f"log {LOG.text}\nquorum north\n",
        f"log {LOG.text}\nlog {LOG.text}\nquorum none\n",
        f"log {LOG.text[:-2]}\nquorum none\n",
        f"log {LOG.text.replace('+', '-')}\nquorum none\n",
        f"log other{LOG.text}\nquorum none\n",
        f"log {WITNESSES['north'].text}\nquorum none\n",
        f"log {LOG.text}\nwitness north {LOG.text}\nquorum none\n",
        f"log {LOG.text}\n{WITNESS_LINE}{WITNESS_LINE}quorum none\n",
        f"log {LOG.text}\n{WITNESS_LINE}group north any north\nquorum none\n",
        f"log {LOG.text}\n{WITNESS_LINE}group none any north\nquorum none\n",
        f"log {LOG.text}\n{WITNESS_LINE}group all-of 2 north\nquorum all-of\n",
        f"log {LOG.text}\n{WITNESS_LINE}group some ² north\nquorum some\n",
        f"log {LOG.text}\n{WITNESS_LINE}group some few north\nquorum some\n",
        f"log {LOG.text}\n{WITNESS_LINE}group a any north\ngroup b any north\nquorum a\n",
        f"log {LOG.text}\n{WITNESS_LINE}group a any north north\nquorum a\n",
        f"log {LOG.text}\ngroup a any north\n{WITNESS_LINE}quorum a\n",
        f"log {LOG.text}\nkey {NEXT_LOG.text}\nquorum none\n",
        f"log {LOG.text}\n{WITNESS_LINE}group some {'1' * 5000} north\nquorum some\n",
        f"log {LOG.text}\nwitness own {OWN_WITNESS.text}\nquorum own\n",
        f"witness own {OWN_WITNESS.text}\nlog {LOG.text}\nquorum own\n",
        f"log\nquorum none\nlog {LOG.text}\n",
    ],
)
def test_a_policy_that_departs_from_the_format_is_refused_by_both_readers(text: str):
    with pytest.raises(NoteMalformed):
        parse_policy(text)
    with pytest.raises(verifier.Usage):
        verifier.read_policy(text.encode())


def test_a_refusal_names_the_line():
    with pytest.raises(NoteMalformed, match="Line 2 of the policy"):
        parse_policy(f"log {LOG.text}\nnonsense\nquorum none\n")


def test_a_policy_with_control_characters_was_damaged_on_its_way():
    with pytest.raises(verifier.Usage, match="control characters"):
        verifier.read_policy(f"log {LOG.text}\rquorum none\n".encode())
    with pytest.raises(NoteMalformed):
        parse_policy(f"log {LOG.text}\rquorum none\n")


def test_a_policy_that_was_copied_out_of_a_mail_into_an_editor_of_windows_is_read_by_both():
    text = "\ufeff" + write_policy([LOG], witnesses=WITNESSES, needed=2).replace("\n", "\r\n")
    assert parse_policy(text) == parse_policy(write_policy([LOG], witnesses=WITNESSES, needed=2))
    read = verifier.read_policy(text.encode())
    assert [key.public for key in read.logs] == [LOG.public_key]
    assert read.groups == {"witnesses": (2, ["north", "south", "east"])}


def test_a_policy_that_asks_for_more_witnesses_than_there_are_is_not_written():
    with pytest.raises(NoteMalformed):
        write_policy([LOG], witnesses=WITNESSES, needed=4)
