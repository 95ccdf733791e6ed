"""Receipts: ready once the log is signed, verifiable without the service, without any name of the pupil."""

import pytest

pytestmark = pytest.mark.parametrize("cast_and_service", ["sqlite"], indirect=True)
