from uuid import UUID

import pytest

from transfer_service.storage.keys import blob_key, check_blob_key, is_blob_key


def test_a_key_is_the_identifier_in_two_levels_of_folders_named_by_its_random_end():
    assert blob_key(UUID("018f6f70-1a2b-7c3d-8e4f-5a6b7c8d4f02")) == "4f/02/018f6f701a2b7c3d8e4f5a6b7c8d4f02"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "4f/02",
        "../02/018f6f701a2b7c3d8e4f5a6b7c8d4f02",
        "4f/02/../../../etc/passwd",
        "/4f/02/018f6f701a2b7c3d8e4f5a6b7c8d4f02",
        "4f/02/018f6f701a2b7c3d8e4f5a6b7c8d4f02\n",
        "4F/02/018F6F701A2B7C3D8E4F5A6B7C8D4F02",
        "4f/03/018f6f701a2b7c3d8e4f5a6b7c8d4f02",
        "incoming/tmpabc",
    ],
)
def test_anything_else_is_no_key(key):
    assert not is_blob_key(key)
    with pytest.raises(ValueError, match="make keys with blob_key"):
        check_blob_key(key)
