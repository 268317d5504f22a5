from __future__ import annotations

from predictor.web.charts.markup import element, percent, pixels, text_width, wrapped


def test_attributes_are_escaped_and_named_as_in_svg() -> None:
    assert (
        element("text", "a", class_="x", text_anchor="end", x='"<')
        == '<text class="x" text-anchor="end" x="&quot;&lt;">a</text>'
    )
    assert element("line", x1="0", d=None) == '<line x1="0"/>'


def test_positions_are_short() -> None:
    assert (percent(0.1234), percent(0.5), percent(0)) == ("12.34%", "50%", "0%")
    assert (pixels(1.0), pixels(1.25)) == ("1", "1.2")


def test_a_long_label_is_wrapped_and_nothing_of_it_is_lost() -> None:
    text = "monthly charges in EUR without value added tax " + "x" * 100

    lines = wrapped(text, 120)

    assert "".join("".join(lines).split()) == text.replace(" ", "")
    assert all(text_width(line) <= 120 for line in lines)
    assert wrapped("", 100) == [""]
