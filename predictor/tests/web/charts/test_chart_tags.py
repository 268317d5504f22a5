from __future__ import annotations

from django.template import Context, Template

from predictor.web.charts.chart_tags import bars


def rendered(source: str, **context: object) -> str:
    return Template("{% load charts %}" + source).render(Context(context))


def test_keys_show_the_colour_of_a_class_and_of_a_version() -> None:
    assert 'class="colour-key slot-2"' in rendered(
        "{% class_key name classes %}", name="no", classes=["yes", "no"]
    )
    assert 'class="colour-key slot-3"' in rendered("{% version_key 3 %}")


def test_the_tag_shows_a_chart_with_its_tools_and_its_data() -> None:
    data = {"labels": ["a"], "series": [{"name": "rows", "values": [2]}], "x": "rows"}

    page = rendered('{% chart "sizes" "bar" data "How large" title="Sizes" %}', data=data)

    assert 'id="sizes"' in page
    assert "<figcaption>Sizes</figcaption>" in page
    assert '<th scope="row">a</th><td>2</td>' in page
    assert 'data-do="csv"' in page
    # Rows of names have no part to zoom to.
    assert 'data-do="in"' not in page


def test_small_bars_fill_the_drawing() -> None:
    first, second = bars([1, 4])
    assert (first["x"], second["x"], first["height"], second["height"]) == (0, 50, 7.5, 30)
