"""The log's hashes in tiles, for anybody who wants to follow it without asking for proofs (C2SP tlog-tiles).

A tile of level L holds up to 256 hashes of full subtrees of 2**(8 L) leaves. Whoever has the tiles under a signed
checkpoint makes every proof without the service. They are hashes alone: the entries go to the authority and the
parties. Source: https://c2sp.org/tlog-tiles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from transfer_service.audit.errors import LogInconsistent, NoteMalformed
from transfer_service.audit.tree import HASH_LENGTH, Node, NodeReader, hash_children
from transfer_service.db.models.log import LogLeaf, LogNode

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
HIGHEST_LEVEL: Final = 7
"""A tree of 62 levels, which is what the stored nodes allow, has no tile above."""

_INDEX: Final = re.compile(r"(?:x[0-9]{3}/){0,6}[0-9]{3}")
_PARTIAL: Final = re.compile(r"(?P<index>.+)\.p/(?P<width>[1-9][0-9]{0,2})")


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: its level, its place in the level, and how many hashes of it are asked for (256 in a full one)."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """The address of the tile below the log's own, such as `tile/0/x001/234` or `tile/1/000.p/17`."""
        groups = [f"{self.index % 1000:03d}"]
        rest = self.index // 1000
        while rest:
            groups.append(f"x{rest % 1000:03d}")
            rest //= 1000
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{self.level}/{'/'.join(reversed(groups))}{partial}"

    def is_within(self, size: int) -> bool:
        """Tell whether a tree of `size` leaves has all of this tile."""
        return self.index * WIDTH + self.width <= size >> (HEIGHT * self.level)


def parse_tile(level: int, rest: str) -> Tile:
    """Read the part of a tile's address behind its level; raises NoteMalformed where it is not one."""
    partial = _PARTIAL.fullmatch(rest)
    text, width = (partial["index"], int(partial["width"])) if partial else (rest, WIDTH)
    if not _INDEX.fullmatch(text) or text.startswith("x000") or not 0 <= level <= HIGHEST_LEVEL:
        raise NoteMalformed("This is not the address of a tile. See c2sp.org/tlog-tiles.")
    if partial and width >= WIDTH:
        raise NoteMalformed("A partial tile has fewer than 256 hashes.")
    return Tile(level, int(text.replace("x", "").replace("/", "")), width)


def tile_of(level: int, index: int, size: int) -> Tile:
    """Return a tile as it is in a tree of `size` leaves: full, or as wide as that tree has it."""
    held = (size >> (HEIGHT * level)) - index * WIDTH
    if held <= 0:
        raise NoteMalformed("The tree is too small for this tile.")
    return Tile(level, index, min(held, WIDTH))


def read_tile(session: Session, tile: Tile) -> bytes:
    """Return the hashes of a tile, 32 bytes each; raises LogInconsistent where one is missing.

    The caller must have checked that a signed checkpoint covers the tile (`is_within`).
    """
    start, end = tile.index * WIDTH, tile.index * WIDTH + tile.width
    if tile.level == 0:
        rows = session.scalars(
            select(LogLeaf.hash).where(LogLeaf.idx >= start, LogLeaf.idx < end).order_by(LogLeaf.idx)
        ).all()
    else:
        rows = session.scalars(
            select(LogNode.hash)
            .where(LogNode.level == HEIGHT * tile.level, LogNode.idx >= start, LogNode.idx < end)
            .order_by(LogNode.idx)
        ).all()
    if len(rows) != tile.width:
        raise LogInconsistent("A part of the log's tree is missing. Run `transfer-service audit verify`.")
    return b"".join(rows)


def nodes_from_tiles(fetch: Callable[[Tile], bytes], size: int) -> NodeReader:
    """Return a reader of subtrees that is made of the tiles of a tree of `size` leaves.

    `fetch` gives a tile's bytes; each is fetched once. Raises NoteMalformed for a tile of a wrong length. What it
    reads is to be believed only where the proof made of it leads to a signed root.
    """
    kept: dict[Tile, bytes] = {}

    def hashes(tile: Tile) -> bytes:
        if tile not in kept:
            body = fetch(tile)
            if len(body) != tile.width * HASH_LENGTH:
                raise NoteMalformed("A tile of the log is longer or shorter than it must be.")
            kept[tile] = body
        return kept[tile]

    def node(level: int, index: int) -> bytes:
        tile_level, above = divmod(level, HEIGHT)
        first = index << above
        tile = tile_of(tile_level, first // WIDTH, size)
        place = first % WIDTH
        if place + (1 << above) > tile.width:
            raise NoteMalformed("The tree is too small for this subtree.")
        body = hashes(tile)
        row = [body[at : at + HASH_LENGTH] for at in range(place * 32, (place + (1 << above)) * 32, HASH_LENGTH)]
        while len(row) > 1:
            row = [hash_children(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
        return row[0]

    def read(nodes: Collection[Node]) -> Mapping[Node, bytes]:
        return {(level, index): node(level, index) for level, index in nodes}

    return read
