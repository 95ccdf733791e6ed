"""What must hold for any bytes at all, not only for the examples that somebody thought of."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer_service import ceremony
from transfer_service.crypto import formats
from transfer_service.crypto.errors import CannotOpen, CryptoError, MalformedBytes, MalformedText
from transfer_service.crypto.formats import DispatchKind, GranteeKind
from transfer_service.crypto.items import ItemSealer, open_item, size_bucket
from transfer_service.crypto.manifest import Manifest, ManifestItem, ManifestRecipient
from transfer_service.crypto.recovery_codes import RecoveryCode
from transfer_service.crypto.sealing import open_bytes, seal_bytes
from transfer_service.crypto.suites import EpochKey, RecoveryKey, seal_to
from transfer_service.crypto.unlock import KdfParameters
from transfer_service.crypto.values import Fingerprint, Seed

hashes = st.binary(min_size=32, max_size=32)
fingerprints = hashes.map(Fingerprint)
numbers = st.integers(min_value=0, max_value=(1 << 32) - 1)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
manifests = st.builds(
    Manifest,
    deployment=names,
    transfer=st.uuids(),
    dispatch=st.uuids(),
    number=numbers,
    kind=st.sampled_from(DispatchKind),
    previous_hash=hashes,
    cover_digest=hashes,
    withheld_and_paper_digest=hashes,
    signer_org=st.uuids(),
    signer_epoch=numbers,
    items=st.lists(
        st.builds(ManifestItem, item=st.uuids(), revision=numbers, ciphertext_sha256=hashes, content_digest=hashes),
        max_size=3,
    ).map(tuple),
    recipients=st.lists(
        st.builds(ManifestRecipient, org=st.uuids(), epoch=numbers, fingerprint=fingerprints), max_size=3
    ).map(tuple),
)


@settings(deadline=None)
@given(manifest=manifests)
def test_a_manifest_is_read_back_as_it_was_written(manifest: Manifest):
    assert Manifest.decode(manifest.encode()) == manifest


@settings(deadline=None)
@given(manifest=manifests, data=st.data())
def test_no_two_encodings_mean_the_same_manifest(manifest: Manifest, data: st.DataObject):
    encoded = bytearray(manifest.encode())
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    try:
        read = Manifest.decode(bytes(encoded))
    except MalformedBytes:
        return
    assert read != manifest
    assert read.encode() == bytes(encoded)


@settings(deadline=None)
@given(encoded=st.binary(max_size=300))
def test_bytes_from_anywhere_are_a_manifest_or_are_refused(encoded: bytes):
    with pytest.raises(MalformedBytes):
        Manifest.decode(encoded)


@settings(max_examples=60, deadline=None)
@given(name=names, media_type=names, chunks=st.lists(st.binary(max_size=40_000), max_size=6))
def test_an_item_in_any_pieces_opens_to_the_whole(name: str, media_type: str, chunks: list[bytes]):
    sealer = ItemSealer(context=b"c", name=name, media_type=media_type)
    ciphertext = b"".join(sealer.update(chunk) for chunk in chunks)
    rest, facts = sealer.finish()
    opened = open_item(sealer.data_key, context=b"c", ciphertext=ciphertext + rest, expected=facts.expected)
    assert (opened.name, opened.media_type, opened.body) == (name, media_type, b"".join(chunks))
    assert facts.size_bucket >= sum(len(chunk) for chunk in chunks)


@settings(deadline=None)
@given(length=st.integers(0, 1 << 40))
def test_padding_costs_at_most_an_eighth_and_never_shrinks(length: int):
    bucket = size_bucket(length)
    assert bucket >= length
    assert bucket <= max(1024, length * 1.125)
    assert size_bucket(length + 1) >= bucket
    assert size_bucket(bucket) == bucket


@settings(deadline=None)
@given(plaintext=st.binary(max_size=200), data=st.data())
def test_no_changed_bit_of_a_ciphertext_opens(plaintext: bytes, data: st.DataObject):
    sealed = bytearray(seal_bytes(bytes(32), plaintext, context=b"c"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CannotOpen):
        open_bytes(bytes(32), bytes(sealed), context=b"c")


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_no_changed_bit_of_a_grant_opens(data: st.DataObject):
    key = RecoveryKey.from_seed(Seed(bytes(32)))
    sealed = bytearray(seal_to(key.public, Seed(bytes(32)), info=b"i"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CannotOpen):
        key.open_seed(bytes(sealed), info=b"i")


@settings(deadline=None)
@given(raw=st.binary(min_size=20, max_size=20), gaps=st.lists(st.sampled_from([" ", "-", "\t", ""]), min_size=36))
def test_a_recovery_code_survives_any_grouping(raw: bytes, gaps: list[str]):
    code = RecoveryCode(raw)
    letters = code.text.replace("-", "")
    typed = "".join(letter + gap for letter, gap in zip(letters, gaps, strict=False))
    assert RecoveryCode.from_text(typed.lower()) == code


@settings(deadline=None)
@given(typed=st.text(max_size=60))
def test_any_text_is_a_recovery_code_or_is_refused(typed: str):
    try:
        code = RecoveryCode.from_text(typed)
    except MalformedText:
        return
    assert RecoveryCode.from_text(code.text) == code


@settings(deadline=None)
@given(text=st.text(max_size=80))
def test_any_text_is_parameters_or_is_refused(text: str):
    with pytest.raises(CryptoError):
        KdfParameters.from_text(text)


@settings(max_examples=30, deadline=None)
@given(raw=hashes, organisation=st.uuids(), grantee=st.uuids(), epoch=numbers, version=numbers, deployment=names)
def test_the_ceremony_and_the_service_make_the_same_keys_and_bytes(
    *, raw: bytes, organisation: UUID, grantee: UUID, epoch: int, version: int, deployment: str
):
    school, recovery = EpochKey.from_seed(Seed(raw)), RecoveryKey.from_seed(Seed(raw))
    kem_public, signing_public = ceremony.epoch_publics(raw)
    assert (kem_public, signing_public) == (school.public.kem_public, school.public.signing_public)
    assert ceremony.hybrid_key(raw)[1] == recovery.public.kem_public
    assert ceremony.fingerprint_of(kem_public, signing_public) == school.fingerprint.digest
    assert ceremony.words_of(recovery.fingerprint.digest) == list(recovery.fingerprint.words())
    grant = ceremony.Grant(organisation, epoch, kem_public, signing_public, b"")
    bundle = ceremony.Bundle(
        "", deployment, recovery.fingerprint.digest, grantee, version, demo=False, grants=(), request=None
    )
    assert bundle.info(grant) == formats.key_grant_info(
        suite=2,
        deployment=deployment,
        org=organisation,
        epoch=epoch,
        epoch_fingerprint=school.fingerprint,
        grantee_kind=GranteeKind.RECOVERY,
        grantee=grantee,
        grantee_version=version,
        grantee_fingerprint=recovery.fingerprint,
    )
