import pytest

from transfer_service.web.assets import VENDOR_FILES, read_vendor_file, vendor_root


def test_every_file_that_may_be_served_is_there():
    assert [name for name, place in VENDOR_FILES.items() if not (vendor_root() / place).is_file()] == []


@pytest.mark.parametrize("name", sorted(VENDOR_FILES))
def test_what_is_served_asks_for_nothing_that_is_not(name: str):
    text = read_vendor_file(name).decode()
    assert len(text) > 2000
    assert "sourceMappingURL" not in text
    assert "@font-face" not in text


def test_text_is_set_in_arial_and_not_in_the_reserved_typeface():
    text = read_vendor_file("govuk-frontend.min.css").decode()
    assert "GDS Transport" not in text
    assert "font-family:arial,sans-serif" in text


@pytest.mark.parametrize("name", ["../../../pyproject.toml", "axe-core/axe.min.js", ""])
def test_no_other_file_is_served(name: str):
    with pytest.raises(KeyError):
        read_vendor_file(name)
