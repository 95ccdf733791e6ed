"""Properties of the tree: appending is recomputing, proofs verify, and no altered proof does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer_service import verifier
from transfer_service.audit import tree

bodies = st.lists(st.binary(max_size=40), min_size=1, max_size=80)


def root_by_definition(leaves: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word for word."""
    if not leaves:
        return tree.EMPTY_ROOT
    if len(leaves) == 1:
        return tree.hash_leaf(leaves[0])
    cut = 1
    while cut * 2 < len(leaves):
        cut *= 2
    return tree.hash_children(root_by_definition(leaves[:cut]), root_by_definition(leaves[cut:]))


def stored(leaves: list[bytes]):
    nodes, frontier = {}, []
    for index, body in enumerate(leaves):
        nodes[0, index] = tree.hash_leaf(body)
        nodes.update(tree.append_to_frontier(frontier, index, nodes[0, index]))
    return frontier, lambda wanted: {node: nodes[node] for node in wanted}


def altered(draw_bytes: st.DataObject, proof: list[bytes]) -> list[bytes]:
    """The proof with one bit turned, one hash dropped, doubled, or two exchanged; never the same proof."""
    way = draw_bytes.draw(st.sampled_from(["turn", "drop", "double", "add"]))
    place = draw_bytes.draw(st.integers(0, len(proof) - 1)) if proof else 0
    if way == "add" or not proof:
        return [*proof, bytes(32)]
    if way == "drop":
        return proof[:place] + proof[place + 1 :]
    if way == "double":
        return [*proof[:place], proof[place], *proof[place:]]
    bit = draw_bytes.draw(st.integers(0, 255))
    turned = bytearray(proof[place])
    turned[bit // 8] ^= 1 << (bit % 8)
    return [*proof[:place], bytes(turned), *proof[place + 1 :]]


@given(bodies)
def test_appending_one_by_one_gives_the_root_by_definition(leaves: list[bytes]):
    frontier, read = stored(leaves)
    assert tree.root_of_frontier(frontier) == root_by_definition(leaves)
    assert tree.root_of_prefix(len(leaves), read) == root_by_definition(leaves)
    second = verifier.Tree()
    for body in leaves:
        second.add(verifier.leaf_hash(body))
    assert second.root() == root_by_definition(leaves)


@given(bodies, st.data())
def test_an_inclusion_proof_verifies_and_no_altered_one_does(leaves: list[bytes], data: st.DataObject):
    _, read = stored(leaves)
    index, size, root = data.draw(st.integers(0, len(leaves) - 1)), len(leaves), root_by_definition(leaves)
    proof, leaf = tree.prove_inclusion(index, size, read), tree.hash_leaf(leaves[index])
    assert tree.verifies_inclusion(index=index, size=size, leaf_hash=leaf, proof=proof, root=root)
    verifier.check_inclusion(index, size, leaf, proof, root)
    wrong = altered(data, proof)
    assert not tree.verifies_inclusion(index=index, size=size, leaf_hash=leaf, proof=wrong, root=root)
    with pytest.raises(verifier.Wrong):
        verifier.check_inclusion(index, size, leaf, wrong, root)


@given(bodies, st.data())
def test_a_consistency_proof_verifies_and_no_altered_one_does(leaves: list[bytes], data: st.DataObject):
    _, read = stored(leaves)
    new = len(leaves)
    old = data.draw(st.integers(1, new))
    roots = {"old_root": root_by_definition(leaves[:old]), "new_root": root_by_definition(leaves)}
    proof = tree.prove_consistency(old, new, read)
    assert tree.verifies_consistency(old_size=old, new_size=new, proof=proof, **roots)
    verifier.check_consistency(old, roots["old_root"], new, roots["new_root"], proof)
    wrong = altered(data, proof)
    assert not tree.verifies_consistency(old_size=old, new_size=new, proof=wrong, **roots)
    with pytest.raises(verifier.Wrong):
        verifier.check_consistency(old, roots["old_root"], new, roots["new_root"], wrong)


@settings(max_examples=300)
@given(
    st.integers(-1, 2**65),
    st.integers(-1, 2**65),
    st.lists(st.sampled_from([bytes(32), b"\x01" * 32]), max_size=70),
    st.sampled_from([bytes(32), b"\x01" * 32]),
)
def test_the_two_implementations_agree_about_anything(first: int, second: int, proof: list[bytes], root: bytes):
    def is_accepted(check, *arguments) -> bool:
        try:
            check(*arguments)
        except verifier.Wrong:
            return False
        return True

    leaf = bytes(32)
    ours = tree.verifies_inclusion(index=first, size=second, leaf_hash=leaf, proof=proof, root=root)
    assert ours == is_accepted(verifier.check_inclusion, first, second, leaf, proof, root)
    ours = tree.verifies_consistency(old_size=first, new_size=second, old_root=leaf, new_root=root, proof=proof)
    assert ours == is_accepted(verifier.check_consistency, first, leaf, second, root, proof)
