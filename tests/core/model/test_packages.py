import hashlib

import msgspec
import pytest

from aion_core.model.errors import InvalidId, InvalidPackage
from aion_core.model.packages import PackageRecord, check_package

ARCHIVE = b"PK archive"
RECORD = PackageRecord(
    version="ab" * 32,
    types=("checkout",),
    archive=ARCHIVE,
    manifest=b"{}",
    archive_digest=hashlib.sha256(ARCHIVE).hexdigest(),
    deployed_at=7,
)


def changed(**fields):
    return msgspec.structs.replace(RECORD, **fields)


def test_a_record_whose_bytes_hash_to_its_digest_is_accepted():
    assert check_package(RECORD) is RECORD


def test_tampered_bytes_are_refused():
    with pytest.raises(InvalidPackage) as caught:
        check_package(changed(archive=b"PK other"))
    assert str(caught.value).endswith("its bytes were changed on the way. Build and deploy it again.")
    assert caught.value.code == "invalid-package"


def test_a_package_without_types_is_refused():
    with pytest.raises(InvalidPackage, match="provides no workflow type"):
        check_package(changed(types=()))


def test_a_type_that_is_named_twice_is_refused():
    with pytest.raises(InvalidPackage, match="names a workflow type twice: a, a"):
        check_package(changed(types=("a", "a")))


def test_a_malformed_version_is_refused():
    with pytest.raises(InvalidId, match="package version 'v1' is not 64 lowercase hexadecimal digits"):
        check_package(changed(version="v1"))


def test_an_empty_type_name_is_refused():
    with pytest.raises(InvalidPackage, match="names a workflow type that is empty"):
        check_package(changed(types=("a", "")))
