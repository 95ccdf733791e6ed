"""Bars as inline SVG, with a title and a description for those who do not see them; no script and no inline style.

A chart stands beside a table of the same figures, so that nothing is told by colour or length alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

BAR_HEIGHT = 24
ROW_HEIGHT = 36
LABEL_WIDTH = 200
BAR_SPACE = 360
VALUE_WIDTH = 80
KEY_HEIGHT = 32

# Five fills that differ in lightness too, so that they are told apart in grey; each at least 3:1 against white.
FILLS = ("#1d70b8", "#00703c", "#505a5f", "#d4351c", "#4c2c92")
LONGEST_LABEL = 28


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: its label, and one number (at least 0) for each series."""

    label: str
    values: tuple[int, ...]


def svg_bars(*, chart_id: str, title: str, description: str, series: Sequence[str], bars: Sequence[Bar]) -> str:
    """Draw horizontal bars, the numbers of each stacked in the order of `series`, all to one scale.

    Returns markup that is safe to place into a page as it is; `chart_id` must be unique on the page and plain.
    Raises ValueError for an identifier that is not plain, more series than fills, or a bar whose numbers do not fit.
    """
    if not chart_id.replace("-", "").isalnum() or not chart_id.isascii():
        raise ValueError("the identifier of a chart is made of letters, digits and hyphens")
    if not 1 <= len(series) <= len(FILLS):
        raise ValueError(f"a chart has from 1 to {len(FILLS)} series")
    if any(len(bar.values) != len(series) or min(bar.values) < 0 for bar in bars):
        raise ValueError("each bar has one number for each series, none below 0")
    top = KEY_HEIGHT if len(series) > 1 else 0
    width, height = LABEL_WIDTH + BAR_SPACE + VALUE_WIDTH, top + ROW_HEIGHT * max(len(bars), 1)
    longest = max((sum(bar.values) for bar in bars), default=0) or 1
    head = (
        f'<svg class="app-chart" role="img" aria-labelledby="{chart_id}-title {chart_id}-description" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" xmlns="http://www.w3.org/2000/svg">'
    )
    parts = [
        head,
        f'<title id="{chart_id}-title">{escape(title)}</title>',
        f'<desc id="{chart_id}-description">{escape(description)}</desc>',
        *(_key(series) if len(series) > 1 else ()),
    ]
    for row, bar in enumerate(bars):
        parts += _row(bar, top=top + row * ROW_HEIGHT, longest=longest, series=series)
    if not bars:
        parts.append(_text("Nothing to show", x=0, y=top + BAR_HEIGHT))
    return "\n".join([*parts, "</svg>"])


def _row(bar: Bar, *, top: int, longest: int, series: Sequence[str]) -> list[str]:
    """Draw one row: label, the parts of its bar, and the sum."""
    shown = bar.label if len(bar.label) <= LONGEST_LABEL else f"{bar.label[: LONGEST_LABEL - 1]}…"
    baseline = top + BAR_HEIGHT - 6
    parts = [_text(shown, x=0, y=baseline)]
    before = 0
    for name, value, fill in zip(series, bar.values, FILLS, strict=False):
        if value:
            # Edges are rounded, not lengths: neighbours then touch, without a gap or an overlap.
            left, right = (round(BAR_SPACE * edge / longest, 1) for edge in (before, before + value))
            parts.append(
                f'<rect x="{LABEL_WIDTH + left:g}" y="{top}" width="{right - left:.1f}" height="{BAR_HEIGHT}" '
                f'fill="{fill}"><title>{escape(bar.label)}: {escape(name)} {value}</title></rect>'
            )
        before += value
    parts.append(_text(str(before), x=LABEL_WIDTH + round(BAR_SPACE * before / longest) + 8, y=baseline))
    return parts


def _key(series: Sequence[str]) -> list[str]:
    """Draw the key of the fills."""
    step = (LABEL_WIDTH + BAR_SPACE + VALUE_WIDTH) // len(series)
    parts = []
    for place, (name, fill) in enumerate(zip(series, FILLS, strict=False)):
        parts.append(f'<rect x="{place * step}" y="0" width="16" height="16" fill="{fill}"/>')
        parts.append(_text(name, x=place * step + 24, y=14))
    return parts


def _text(text: str, *, x: int, y: int) -> str:
    """Write one text; the page's own style sheet says in which type."""
    return f'<text x="{x}" y="{y}" font-size="16" fill="#0b0c0c">{escape(text)}</text>'
