"""Area is the number of facts: nothing is left out, nothing overlaps, nothing leaves the frame."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releve.model.finding import Explanation, LedgerNode
from releve.recovery.ledger.treemap import Box, draw_treemap, squarify
from tests.ledger.sample_ledger import make_tree, node

SIZES = st.lists(st.integers(1, 10_000), min_size=1, max_size=40)


def overlap(one: Box, other: Box) -> float:
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return width * height if width > 0 and height > 0 else 0.0


@settings(max_examples=60, deadline=None)
@given(sizes=SIZES, width=st.floats(10, 2000), height=st.floats(10, 2000))
def test_boxes_fill_the_whole_in_proportion(sizes: list[int], width: float, height: float) -> None:
    boxes = squarify(sizes, Box(0, 0, width, height))
    assert len(boxes) == len(sizes)
    for size, box in zip(sizes, boxes, strict=True):
        assert box.area == pytest.approx(size / sum(sizes) * width * height, rel=1e-6)
        assert box.x >= -1e-6
        assert box.y >= -1e-6
        assert box.x + box.width <= width * (1 + 1e-6)
        assert box.y + box.height <= height * (1 + 1e-6)
    for number, one in enumerate(boxes):
        for other in boxes[number + 1 :]:
            assert overlap(one, other) <= 1e-6 * width * height


def test_equal_parts_are_near_to_squares() -> None:
    for box in squarify([1] * 12, Box(0, 0, 400, 300)):
        assert max(box.width, box.height) / min(box.width, box.height) < 1.6


def test_nothing_has_no_area() -> None:
    assert squarify([], Box(0, 0, 10, 10)) == []
    assert [box.area for box in squarify([0, 0], Box(0, 0, 10, 10))] == [0, 0]
    drawing = draw_treemap(LedgerNode("blog", {}), width=100, height=100)
    assert (drawing.cells, drawing.marks, drawing.labels) == ([], [], [])


@pytest.mark.parametrize(("width", "height"), [(940.0, 470.0), (340.0, 460.0)])
def test_what_nothing_explains_is_drawn_large_enough_and_inside(
    width: float, height: float
) -> None:
    tree = make_tree()
    drawing = draw_treemap(tree, width=width, height=height)
    assert sum(mark.facts for mark in drawing.marks) == tree.counts[Explanation.UNEXPLAINED]
    for mark in drawing.marks:
        assert min(mark.box.width, mark.box.height) >= 5
        assert mark.box.x >= 0
        assert mark.box.y >= 0
        assert mark.box.x + mark.box.width <= width + 1e-6
        assert mark.box.y + mark.box.height <= height + 1e-6
    assert {"usr", "etc", "var"} <= {label.text for label in drawing.labels}
    assert len(drawing.cells) < 2_000


def test_a_label_is_never_wider_than_its_box() -> None:
    tree = node("blog", node("x" * 500, base=10), node("\u202eevil\n", base=10))
    drawing = draw_treemap(tree, width=200, height=100)
    assert len(drawing.labels) == 2
    for label in drawing.labels:
        assert len(label.text) * 6.4 <= 100
        assert label.text.isprintable()


def test_a_hostile_tree_is_drawn_within_bounds() -> None:
    wide = node("blog", *(node(f"d{number}", base=1, unexplained=1) for number in range(200)))
    deep = node("end", unexplained=1)
    for number in range(300):
        deep = node(f"d{number}", deep)
    for tree in (wide, deep):
        drawing = draw_treemap(tree, width=940, height=470)
        assert sum(mark.facts for mark in drawing.marks) == tree.counts[Explanation.UNEXPLAINED]
        assert len(drawing.cells) + len(drawing.marks) + len(drawing.frames) < 2_000
