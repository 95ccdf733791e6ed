import pytest

from transfer_service.domain.search import fold_for_search


@pytest.mark.parametrize(
    "typed, folded",
    [
        ("St. Joseph’s Catholic Primary School", "st josephs catholic primary school"),
        ("saint josephs", "st josephs"),
        ("All Saints' C of E", "all st c of e"),
        ("Smith & Jones", "smith and jones"),
        ("CV47 7RR", "cv47 7rr"),
        ("Zoë Élan", "zoe elan"),
        ("  ", ""),
        ("school/annexe-2", "school annexe 2"),
    ],
)
def test_names_are_folded_so_that_every_way_of_typing_compares(typed, folded):
    assert fold_for_search(typed) == folded
