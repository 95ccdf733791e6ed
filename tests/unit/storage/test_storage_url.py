from pathlib import Path

import pytest

from transfer_service.storage.errors import StorageSettingRefused
from transfer_service.storage.settings import BucketLocation, FolderLocation, read_storage_url


def test_three_slashes_name_a_folder():
    assert read_storage_url("file:///var/lib/sealed%20files") == FolderLocation(Path("/var/lib/sealed files"))


def test_a_bucket_alone_leaves_keys_and_region_to_the_environment():
    assert read_storage_url("s3://sealed") == BucketLocation(bucket="sealed")


def test_a_bucket_takes_a_key_a_folder_an_endpoint_and_a_region():
    url = "s3://AKID:se%2Fcret@sealed/county/files/?endpoint=https://objects.example.org&region=eu-west-2"
    assert read_storage_url(url) == BucketLocation(
        bucket="sealed",
        prefix="county/files",
        endpoint="https://objects.example.org",
        region="eu-west-2",
        access_key_id="AKID",
        secret_access_key="se/cret",
    )


def test_the_secret_does_not_show_when_the_location_is_printed():
    assert "cret" not in repr(read_storage_url("s3://AKID:se%2Fcret@sealed"))


def test_an_endpoint_on_this_machine_may_be_plain_http():
    location = read_storage_url("s3://sealed?endpoint=http://127.0.0.1:9000")
    assert location == BucketLocation(bucket="sealed", endpoint="http://127.0.0.1:9000")


@pytest.mark.parametrize(
    "url, advice",
    [
        ("file://folder/blobs", "three slashes"),
        ("file:relative", "three slashes"),
        ("file:///folder?x=1", "three slashes"),
        ("ftp://host/folder", "begin with file:/// "),
        ("", "begin with file:/// "),
        ("s3:///prefix", "s3://bucket/prefix"),
        ("s3://bucket?colour=red", "takes no other option"),
        ("s3://bucket?region=a&region=b", "takes no other option"),
        ("s3://ONLYKEY@bucket", "without its secret"),
        ("s3://bucket?endpoint=http://objects.example.org", "must begin with https://"),
    ],
)
def test_a_setting_that_cannot_be_used_says_what_to_write(url, advice):
    with pytest.raises(StorageSettingRefused) as refused:
        read_storage_url(url)
    assert advice in refused.value.sentence


def test_a_refusal_never_repeats_the_secret():
    with pytest.raises(StorageSettingRefused) as refused:
        read_storage_url("s3://AKID:opensesame@bucket?colour=red")
    assert "opensesame" not in str(refused.value)
