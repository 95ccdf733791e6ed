"""The tree against an outside implementation (pymerkle), against itself, and at its edges."""

import hashlib

import pytest
from pymerkle import InmemoryTree

from transfer_service import verifier
from transfer_service.audit import tree

BODIES = [f"leaf {number}".encode() for number in range(600)]


class Stored:
    """A tree as the database keeps it: every full subtree by its node."""

    def __init__(self, bodies):
        self.nodes = {}
        self.frontier = []
        for index, body in enumerate(bodies):
            digest = tree.hash_leaf(body)
            self.nodes[0, index] = digest
            self.nodes.update(tree.append_to_frontier(self.frontier, index, digest))

    def read(self, nodes):
        return {node: self.nodes[node] for node in nodes}


@pytest.fixture(scope="module")
def stored():
    return Stored(BODIES)


def test_the_root_of_nothing_is_the_hash_of_nothing():
    assert tree.root_of_frontier([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert tree.root_of_prefix(0, lambda nodes: {}) == tree.EMPTY_ROOT
    assert verifier.Tree().root() == tree.EMPTY_ROOT


def test_a_leaf_and_a_node_are_told_apart_by_their_first_byte():
    # RFC 6962 section 2.1: MTH({d0}) = SHA-256(0x00 || d0), and 0x01 before two subtrees.
    assert tree.hash_leaf(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    left, right = tree.hash_leaf(b""), tree.hash_leaf(b"\x00")
    assert tree.hash_children(left, right).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"


def test_every_prefix_to_600_leaves_has_the_root_that_pymerkle_computes(stored):
    theirs = InmemoryTree(algorithm="sha256")
    frontier, second = [], verifier.Tree()
    for index, body in enumerate(BODIES):
        theirs.append_entry(body)
        tree.append_to_frontier(frontier, index, tree.hash_leaf(body))
        second.add(verifier.leaf_hash(body))
        assert tree.root_of_frontier(frontier) == theirs.get_root()
        assert second.root() == theirs.get_root()
        assert tree.root_of_prefix(index + 1, stored.read) == theirs.get_root()


def test_every_leaf_of_every_tree_to_70_leaves_has_a_proof_that_verifies(stored):
    for size in range(1, 71):
        root = tree.root_of_prefix(size, stored.read)
        for index in range(size):
            proof = tree.prove_inclusion(index, size, stored.read)
            leaf = stored.nodes[0, index]
            assert tree.verifies_inclusion(index=index, size=size, leaf_hash=leaf, proof=proof, root=root)
            verifier.check_inclusion(index, size, leaf, proof, root)


def test_every_pair_of_trees_to_70_leaves_has_a_proof_that_verifies(stored):
    roots = [tree.root_of_prefix(size, stored.read) for size in range(71)]
    for new in range(1, 71):
        for old in range(1, new + 1):
            proof = tree.prove_consistency(old, new, stored.read)
            assert tree.verifies_consistency(
                old_size=old, new_size=new, old_root=roots[old], new_root=roots[new], proof=proof
            )
            verifier.check_consistency(old, roots[old], new, roots[new], proof)


def test_only_leaves_that_are_there_can_be_proved(stored):
    for index, size in ((3, 3), (-1, 3), (0, 0)):
        with pytest.raises(ValueError, match="no such leaf"):
            tree.prove_inclusion(index, size, stored.read)


def test_consistency_is_proved_from_a_tree_with_a_leaf_to_one_no_smaller(stored):
    for old, new in ((0, 3), (4, 3)):
        with pytest.raises(ValueError, match="older tree"):
            tree.prove_consistency(old, new, stored.read)


def test_a_size_past_64_bits_is_refused_before_anything_is_hashed():
    digest = hashlib.sha256(b"x").digest()
    assert not tree.verifies_inclusion(index=2**64, size=2**64 + 1, leaf_hash=digest, proof=[], root=digest)
    assert not tree.verifies_inclusion(index=0, size=2**64, leaf_hash=digest, proof=[digest] * 64, root=digest)
    assert not tree.verifies_consistency(old_size=2**64, new_size=2**64, old_root=digest, new_root=digest, proof=[])
    with pytest.raises(verifier.Wrong, match="64-bit"):
        verifier.check_inclusion(0, 2**64, digest, [digest] * 64, digest)
    with pytest.raises(verifier.Wrong, match="64-bit"):
        verifier.check_consistency(1, digest, 2**64, digest, [])


def test_the_largest_tree_has_paths_of_64_hashes():
    digest = hashlib.sha256(b"x").digest()
    root = digest
    for _ in range(64):
        root = tree.hash_children(root, digest)
    size = 2**64 - 1
    assert tree.verifies_inclusion(index=0, size=size, leaf_hash=digest, proof=[digest] * 64, root=root)
    verifier.check_inclusion(0, size, digest, [digest] * 64, root)
    assert not tree.verifies_inclusion(index=0, size=size, leaf_hash=digest, proof=[digest] * 65, root=root)


def test_a_proof_cut_short_or_made_longer_does_not_verify(stored):
    old_root, new_root = (tree.root_of_prefix(size, stored.read) for size in (6, 13))
    proof = tree.prove_consistency(6, 13, stored.read)
    for wrong in (proof[:-1], [*proof, proof[0]], [], [*proof[:-1], b"short"]):
        assert not tree.verifies_consistency(old_size=6, new_size=13, old_root=old_root, new_root=new_root, proof=wrong)
        if all(len(digest) == 32 for digest in wrong):
            with pytest.raises(verifier.Wrong):
                verifier.check_consistency(6, old_root, 13, new_root, wrong)


def test_a_frontier_is_read_back_from_one_string_of_bytes(stored):
    assert tree.split_frontier(b"".join(stored.frontier)) == stored.frontier
