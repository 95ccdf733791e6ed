"""Tiles: their addresses, and proofs made of nothing but tiles."""

import hashlib

import pytest

from transfer_service.audit.errors import NoteMalformed
from transfer_service.audit.tiles import Tile, nodes_from_tiles, parse_tile, tile_of
from transfer_service.audit.tree import (
    append_to_frontier,
    hash_children,
    prove_consistency,
    prove_inclusion,
    root_of_frontier,
    root_of_prefix,
    verifies_consistency,
    verifies_inclusion,
)

ADDRESSES = [
    ("tile/0/000", Tile(0, 0)),
    ("tile/0/067", Tile(0, 67)),
    ("tile/3/x001/x234/067", Tile(3, 1234067)),
    ("tile/1/x001/000.p/17", Tile(1, 1000, 17)),
]


@pytest.mark.parametrize(("path", "tile"), ADDRESSES)
def test_a_tiles_address_is_written_and_read_alike(path: str, tile: Tile):
    level, rest = path.removeprefix("tile/").split("/", 1)
    assert tile.path == path
    assert parse_tile(int(level), rest) == tile


@pytest.mark.parametrize("rest", ["", "0", "0000", "x000/001", "001/x002", "x001", "000.p/256", "000.p/0", "000.p/01"])
def test_what_is_no_address_of_a_tile_is_refused(rest: str):
    with pytest.raises(NoteMalformed):
        parse_tile(0, rest)


def test_there_is_no_tile_above_the_highest_level():
    with pytest.raises(NoteMalformed):
        parse_tile(8, "000")


@pytest.mark.parametrize(
    ("tile", "size", "within"),
    [
        (Tile(0, 0, 3), 3, True),
        (Tile(0, 0, 4), 3, False),
        (Tile(0, 1), 512, True),
        (Tile(0, 1), 511, False),
        (Tile(1, 0, 1), 256, True),
        (Tile(1, 0, 1), 255, False),
    ],
)
def test_a_tile_is_shown_only_where_the_tree_has_all_of_it(tile: Tile, size: int, within: bool):
    assert tile.is_within(size) is within


def test_the_last_tile_of_a_tree_is_partial():
    assert tile_of(0, 1, 300) == Tile(0, 1, 44)
    assert tile_of(1, 0, 300) == Tile(1, 0, 1)
    with pytest.raises(NoteMalformed):
        tile_of(1, 1, 300)


LEAVES = [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(70_000)]


def tiles_of(size: int) -> dict[Tile, bytes]:
    """Every tile of the tree of the first `size` leaves, made from nothing but the leaves."""
    made: dict[Tile, bytes] = {}
    level, row = 0, LEAVES[:size]
    while row:
        for start in range(0, len(row), 256):
            held = row[start : start + 256]
            made[Tile(level, start // 256, len(held))] = b"".join(held)
        for _ in range(8):
            row = [hash_children(left, right) for left, right in zip(row[::2], row[1::2], strict=False)]
        level += 1
    return made


def root_of(size: int) -> bytes:
    frontier: list[bytes] = []
    for number, leaf in enumerate(LEAVES[:size]):
        append_to_frontier(frontier, number, leaf)
    return root_of_frontier(frontier)


@pytest.mark.parametrize(("old", "new"), [(1, 2), (3, 255), (255, 256), (256, 257), (300, 5000), (65_536, 70_000)])
def test_tiles_alone_give_roots_and_proofs(old: int, new: int):
    reader = nodes_from_tiles(tiles_of(new).__getitem__, new)
    old_root, new_root = root_of(old), root_of(new)
    assert root_of_prefix(new, reader) == new_root
    consistency = prove_consistency(old, new, reader)
    assert verifies_consistency(old_size=old, new_size=new, old_root=old_root, new_root=new_root, proof=consistency)
    inclusion = prove_inclusion(old - 1, new, reader)
    assert verifies_inclusion(index=old - 1, size=new, leaf_hash=LEAVES[old - 1], proof=inclusion, root=new_root)


def test_a_tile_of_a_wrong_length_is_refused():
    reader = nodes_from_tiles(lambda tile: b"\0" * (32 * tile.width - 1), 5)
    with pytest.raises(NoteMalformed):
        reader([(0, 4)])


def test_a_subtree_that_the_tree_has_not_is_refused():
    reader = nodes_from_tiles(lambda tile: b"\0" * 32 * tile.width, 5)
    with pytest.raises(NoteMalformed):
        reader([(2, 1)])
