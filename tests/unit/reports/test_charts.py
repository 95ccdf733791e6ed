import re
import xml.etree.ElementTree as ET

import pytest

from transfer_service.reports.charts import FILLS, Bar, svg_bars

SVG = "{http://www.w3.org/2000/svg}"


def draw(**changes):
    given = {
        "chart_id": "on-time",
        "title": "Files by school",
        "description": "Ash 3 of 4 on time, Beech 2 of 2",
        "series": ["On time", "Overdue"],
        "bars": [Bar("Ash School", (3, 1)), Bar("Beech School", (2, 0))],
    }
    return svg_bars(**(given | changes))


def test_a_chart_has_a_title_and_a_description_for_those_who_do_not_see_it():
    root = ET.fromstring(draw())
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == "on-time-title on-time-description"
    assert root.find(f"{SVG}title").text == "Files by school"
    assert root.find(f"{SVG}title").attrib["id"] == "on-time-title"
    assert root.find(f"{SVG}desc").text == "Ash 3 of 4 on time, Beech 2 of 2"


def test_lengths_are_in_proportion_and_stacked_without_gaps():
    bars = [rect for rect in ET.fromstring(draw()).iter(f"{SVG}rect") if rect.find(f"{SVG}title") is not None]
    drawn = [(rect.find(f"{SVG}title").text, float(rect.attrib["x"]), float(rect.attrib["width"])) for rect in bars]
    assert drawn == [
        ("Ash School: On time 3", 200.0, 270.0),
        ("Ash School: Overdue 1", 470.0, 90.0),
        ("Beech School: On time 2", 200.0, 180.0),
    ]


def test_every_number_stands_as_text_too():
    texts = [text.text for text in ET.fromstring(draw()).iter(f"{SVG}text")]
    assert texts == ["On time", "Overdue", "Ash School", "4", "Beech School", "2"]


def test_one_series_needs_no_key():
    texts = [t.text for t in ET.fromstring(draw(series=["Sent"], bars=[Bar("Ash", (5,))])).iter(f"{SVG}text")]
    assert texts == ["Ash", "5"]


@pytest.mark.parametrize("bars", [[Bar("Ash", (0, 0))], []])
def test_nothing_to_count_is_drawn_all_the_same(bars):
    texts = [text.text for text in ET.fromstring(draw(bars=bars)).iter(f"{SVG}text")]
    assert texts[2:] == (["Ash", "0"] if bars else ["Nothing to show"])


def test_a_long_label_is_cut_but_told_whole_to_those_who_ask():
    label = "St Joseph's Catholic Voluntary Academy"
    root = ET.fromstring(draw(series=["Sent"], bars=[Bar(label, (1,))]))
    assert next(root.iter(f"{SVG}text")).text == "St Joseph's Catholic Volunt…"
    assert next(root.iter(f"{SVG}rect")).find(f"{SVG}title").text == f"{label}: Sent 1"


def test_a_chart_runs_under_a_policy_without_inline_script_and_style():
    drawn = draw()
    assert not re.search(r"<script|<style|style=|\son\w+=|href", drawn)


def test_hostile_words_stay_words():
    hostile = "<script>alert(1)</script>\"'&"
    drawn = draw(title=hostile, description=hostile, series=[hostile], bars=[Bar(hostile, (1,))])
    assert "<script" not in drawn
    assert ET.fromstring(drawn).find(f"{SVG}title").text == hostile


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"chart_id": 'x" onload="y'}, "letters, digits and hyphens"),
        ({"chart_id": ""}, "letters, digits and hyphens"),
        ({"series": []}, "from 1 to 5 series"),
        ({"series": list("abcdef")}, "from 1 to 5 series"),
        ({"bars": [Bar("Ash", (1,))]}, "one number for each series"),
        ({"bars": [Bar("Ash", (1, -1))]}, "one number for each series"),
    ],
)
def test_what_cannot_be_drawn_is_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        draw(**changes)


def test_fills_stand_out_from_white_at_least_three_to_one():
    def luminance(fill):
        channels = [int(fill[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    assert all(1.05 / (luminance(fill) + 0.05) >= 3 for fill in FILLS)
