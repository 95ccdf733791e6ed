"""The Merkle tree of RFC 9162 (section 2.1; the hashing is that of RFC 6962): pure functions over hashes.

A *node* is `(level, index)`: the full subtree over the leaves `index * 2**level` up to `(index + 1) * 2**level`.
A *frontier* is the list of roots of the full subtrees that make up a tree, largest first; it is all that is needed
to append. Proofs are lists of 32-byte hashes in the order of the RFC.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

HASH_LENGTH: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
SIZE_LIMIT: Final = 2**64
"""Sizes and indexes are unsigned 64-bit numbers."""

Node = tuple[int, int]
NodeReader = Callable[[Collection[Node]], Mapping[Node, bytes]]
"""Reads the hashes of the full subtrees asked for."""


def hash_leaf(body: bytes) -> bytes:
    """Hash the bytes of a leaf; the leading 0 keeps a leaf from passing for an inner node."""
    return hashlib.sha256(b"\x00" + body).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into the one above them."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def append_to_frontier(frontier: list[bytes], size: int, leaf_hash: bytes) -> list[tuple[Node, bytes]]:
    """Add one leaf to the frontier of a tree of `size` leaves, in place.

    Returns the full subtrees of level 1 and above that this leaf completes, lowest first.
    """
    completed: list[tuple[Node, bytes]] = []
    level, index, digest = 0, size, leaf_hash
    while index & 1:
        digest = hash_children(frontier.pop(), digest)
        level, index = level + 1, index >> 1
        completed.append(((level, index), digest))
    frontier.append(digest)
    return completed


def root_of_frontier(frontier: Sequence[bytes]) -> bytes:
    """Return the root of the tree with this frontier; the empty tree's is the hash of nothing."""
    if not frontier:
        return EMPTY_ROOT
    root = frontier[-1]
    for left in reversed(frontier[:-1]):
        root = hash_children(left, root)
    return root


def split_frontier(stored: bytes) -> list[bytes]:
    """Read a frontier that was stored as one string of bytes."""
    return [stored[start : start + HASH_LENGTH] for start in range(0, len(stored), HASH_LENGTH)]


def full_subtrees(start: int, end: int) -> list[Node]:
    """Return the nodes that make up the leaves from `start` up to `end`, left to right.

    `start` must be a multiple of the smallest power of two that is not below `end - start`, as in every range that
    the RFC's proofs speak of.
    """
    nodes: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def prove_inclusion(index: int, size: int, read_nodes: NodeReader) -> list[bytes]:
    """Return the proof that leaf `index` is in the tree of `size` leaves (RFC 9162 section 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError("there is no such leaf in a tree of this size")
    ranges: list[tuple[int, int]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return _roots(ranges[::-1], read_nodes)


def prove_consistency(old_size: int, new_size: int, read_nodes: NodeReader) -> list[bytes]:
    """Return the proof that the tree of `new_size` begins with that of `old_size` (RFC 9162 section 2.1.4.1).

    `old_size` is at least 1: everything begins with the empty tree, so there is nothing to prove.
    """
    if not 0 < old_size <= new_size:
        raise ValueError("the older tree must have a leaf and be no larger than the newer one")
    ranges: list[tuple[int, int]] = []
    start, end, is_old_tree = 0, new_size, True
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start, is_old_tree = middle, False
    if not is_old_tree:
        ranges.append((start, end))
    return _roots(ranges[::-1], read_nodes)


def root_of_prefix(size: int, read_nodes: NodeReader) -> bytes:
    """Return the root of the first `size` leaves."""
    nodes = full_subtrees(0, size)
    found = read_nodes(nodes)
    return root_of_frontier([found[node] for node in nodes])


def verifies_inclusion(*, index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether the proof shows the leaf at `index` in the tree of `size` leaves with this root.

    RFC 9162 section 2.1.3.2; the proof's length is judged before anything is hashed.
    """
    if not 0 <= index < size < SIZE_LIMIT or not _are_hashes([leaf_hash, root, *proof]):
        return False
    inner = (index ^ (size - 1)).bit_length()
    if len(proof) != inner + (index >> inner).bit_count():
        return False
    number, last, digest = index, size - 1, leaf_hash
    for sibling in proof:
        if number & 1 or number == last:
            digest = hash_children(sibling, digest)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            digest = hash_children(digest, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and digest == root


def verifies_consistency(
    *, old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Tell whether the proof shows that the newer tree begins with the older one (RFC 9162 section 2.1.4.2).

    Every tree begins with the empty one, so a proof about that would show nothing and is refused.
    """
    if not 0 < old_size <= new_size < SIZE_LIMIT or not _are_hashes([old_root, new_root, *proof]):
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    if not proof:
        return False
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    number, last = old_size - 1, new_size - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            old, new = hash_children(sibling, old), hash_children(sibling, new)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            new = hash_children(new, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and old == old_root and new == new_root


def _split(size: int) -> int:
    """Return the largest power of two below `size`: where the RFC cuts a tree in two."""
    return 1 << ((size - 1).bit_length() - 1)


def _roots(ranges: Sequence[tuple[int, int]], read_nodes: NodeReader) -> list[bytes]:
    made_of = [full_subtrees(start, end) for start, end in ranges]
    found = read_nodes([node for nodes in made_of for node in nodes])
    return [root_of_frontier([found[node] for node in nodes]) for nodes in made_of]


def _are_hashes(values: Sequence[bytes]) -> bool:
    return all(len(value) == HASH_LENGTH for value in values)
