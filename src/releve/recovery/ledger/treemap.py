"""The tree of facts as rectangles: area is the number of facts, colour what explains them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from releve.model.finding import Explanation, LedgerNode
from releve.model.server_text import show_server_text

DEEPEST: Final = 4
_HEADING: Final = 15.0  # height of a group's name
_LEAST_WIDTH: Final = 46.0  # a group narrower or lower than this is not opened
_LEAST_HEIGHT: Final = 34.0
_LEAST_AREA: Final = 30.0  # a part smaller than this is drawn with its neighbours
_CHARACTER: Final = 6.4  # width of one, in the page's small letters
_SEEN: Final = 5.0  # what nothing explains is at least so wide and high, or nobody sees it
_MARKED: Final = frozenset({Explanation.UNEXPLAINED})


@dataclass(frozen=True)
class Box:
    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        return self.width * self.height


@dataclass(frozen=True)
class Cell:
    box: Box
    explanation: Explanation
    facts: int
    path: str


@dataclass(frozen=True)
class Label:
    x: float
    y: float
    text: str
    is_group: bool


@dataclass
class Treemap:
    width: float
    height: float
    cells: list[Cell] = field(default_factory=list)
    marks: list[Cell] = field(default_factory=list)  # drawn last, and never too small to be seen
    frames: list[Box] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)


def draw_treemap(tree: LedgerNode, *, width: float, height: float) -> Treemap:
    drawing = Treemap(width, height)
    if sum(tree.counts.values()):
        _draw_inside(drawing, tree, Box(0.0, 0.0, width, height), path="", depth=0)
    return drawing


def squarify(sizes: Sequence[float], box: Box) -> list[Box]:
    """Boxes with these areas in proportion, near to squares; largest first fits best."""
    total = sum(sizes)
    if total <= 0 or box.area <= 0:
        return [Box(box.x, box.y, 0.0, 0.0) for _ in sizes]
    areas = [size * box.area / total for size in sizes]
    placed: list[Box] = []
    while len(placed) < len(areas):
        row = _choose_row(areas[len(placed) :], min(box.width, box.height))
        boxes, box = _place_row(row, box)
        placed += boxes
    return placed


def _choose_row(areas: Sequence[float], side: float) -> Sequence[float]:
    """As many as make the worst of them squarer."""
    count, worst = 1, _worst_of(areas[:1], side)
    while count < len(areas):
        further = _worst_of(areas[: count + 1], side)
        if further > worst:
            break
        count, worst = count + 1, further
    return areas[:count]


def _worst_of(row: Sequence[float], side: float) -> float:
    """Long side to short side of the box that is least like a square."""
    total = sum(row)
    if total <= 0 or min(row) <= 0 or side <= 0:
        return float("inf")
    return max(side**2 * max(row) / total**2, total**2 / (side**2 * min(row)))


def _place_row(row: Sequence[float], box: Box) -> tuple[list[Box], Box]:
    """Along the short side; and what is left of the box."""
    total = sum(row)
    boxes = []
    if box.width >= box.height:
        thick, at = (total / box.height if box.height else 0.0), box.y
        for area in row:
            long = area / thick if thick else 0.0
            boxes.append(Box(box.x, at, thick, long))
            at += long
        return boxes, Box(box.x + thick, box.y, max(0.0, box.width - thick), box.height)
    thick, at = total / box.width, box.x
    for area in row:
        long = area / thick if thick else 0.0
        boxes.append(Box(at, box.y, long, thick))
        at += long
    return boxes, Box(box.x, box.y + thick, box.width, max(0.0, box.height - thick))


def _draw_inside(drawing: Treemap, node: LedgerNode, box: Box, *, path: str, depth: int) -> None:
    parts = [*node.children, *_own_part(node)]
    parts.sort(key=_size_of, reverse=True)
    boxes = squarify([_size_of(part) for part in parts], box)
    for part, place in zip(parts, boxes, strict=True):
        own = part is not node and not part.name
        _draw_part(drawing, part, place, path=path if own else f"{path}/{part.name}", depth=depth)


def _own_part(node: LedgerNode) -> Iterator[LedgerNode]:
    """The facts that lie right here and in no child, as a part without a name."""
    counts = dict(node.counts)
    for child in node.children:
        for explanation, count in child.counts.items():
            counts[explanation] = counts.get(explanation, 0) - count
    own = {explanation: count for explanation, count in counts.items() if count > 0}
    if own:
        yield LedgerNode("", own)


def _size_of(node: LedgerNode) -> int:
    return sum(node.counts.values())


def _draw_part(drawing: Treemap, node: LedgerNode, box: Box, *, path: str, depth: int) -> None:
    is_wide = box.width >= _LEAST_WIDTH and box.height >= _LEAST_HEIGHT
    if node.name and is_wide:
        drawing.frames.append(box)
    if not (is_wide and node.children and depth < DEEPEST):
        _draw_cells(drawing, node.counts, box, path=path)
        if node.name and is_wide:
            _add_label(drawing, node.name, box, is_group=False)
        return
    _add_label(drawing, node.name, box, is_group=True)
    inner = Box(
        x=box.x + 2,
        y=box.y + _HEADING + 1,
        width=max(0.0, box.width - 4),
        height=max(0.0, box.height - _HEADING - 3),
    )
    _draw_inside(drawing, node, inner, path=path, depth=depth + 1)


def _draw_cells(
    drawing: Treemap, counts: Mapping[Explanation, int], box: Box, *, path: str
) -> None:
    shares = sorted(
        ((count, explanation) for explanation, count in counts.items() if count),
        key=lambda share: share[0],
        reverse=True,
    )
    boxes = squarify([count for count, _ in shares], box)
    for (count, explanation), place in zip(shares, boxes, strict=True):
        if explanation in _MARKED:
            mark = _make_visible(place, drawing)
            drawing.marks.append(Cell(mark, explanation, count, path))
        elif place.area >= _LEAST_AREA or explanation is shares[0][1]:
            drawing.cells.append(Cell(place, explanation, count, path))


def _make_visible(box: Box, drawing: Treemap) -> Box:
    width, height = max(box.width, _SEEN), max(box.height, _SEEN)
    x = min(box.x, drawing.width - width)
    return Box(x, min(box.y, drawing.height - height), width, height)


def _add_label(drawing: Treemap, name: str, box: Box, *, is_group: bool) -> None:
    room = int((box.width - 8) / _CHARACTER)
    shown = show_server_text(name.replace("_", " "), limit=200)
    if len(shown) > room:
        shown = f"{shown[: room - 1]}…" if room > 3 else ""
    if shown:
        drawing.labels.append(Label(box.x + 4, box.y + 11.5, shown, is_group))
