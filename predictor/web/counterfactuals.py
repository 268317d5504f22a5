"""What would have to change for another answer: asked by form, beneath an answered row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from ..errors import InvalidInput, MlwebError, NotFound, shown
from ..ml.types.schema import Signature
from ..services import counterfactuals
from ..services.counterfactuals import Hint, Wanted
from ..templatetags.mlweb import share
from .prediction_forms import RowForm
from .prediction_values import cell_text, number_of
from .predictions import ShownAnswer, shown_answer
from .what_if import RowPage, status_of


@dataclass(frozen=True)
class ShownHint:
    """A hint in words, and the whole changed row as a form that can be sent."""

    changes: tuple[tuple[str, str, str], ...]
    answer: ShownAnswer
    form: RowForm

    @classmethod
    def of(cls, hint: Hint, signature: Signature) -> ShownHint:
        changes = tuple((each.column, cell_text(each.old), cell_text(each.new)) for each in hint.changes)
        return cls(changes, shown_answer(hint.prediction.output), RowForm(signature, row=hint.row))

    @property
    def sentence(self) -> SafeString:
        """Each changed column with its old and its new value, then the answer and its probability."""
        changes = format_html_join(
            " and ",
            '<strong class="wrap">{}</strong> from {} to <strong>{}</strong>',
            ((clipped(column, 60), clipped(old), clipped(new)) for column, old, new in self.changes),
        )
        chances = [f", {share(bar.probability)}" for bar in self.answer.bars if bar.is_predicted]
        return format_html("{}: {}{}", changes, self.answer.label, "".join(chances))


def clipped(text: str, limit: int = 40) -> str:
    return Truncator(text).chars(limit)


class Counterfactuals(RowPage):
    def post(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        version, form = self.load_row(request, slug)
        signature = version.signature
        locked = [each.field.name for each in form.inputs if request.POST.get(f"lock{each.place}")]
        context: dict[str, Any] = {
            "version": version, "form": form, "locked": locked,
            "asked": {name: request.POST.get(name, "") for name in ("wanted", "side", "value")},
        }  # fmt: skip
        status = 200
        try:
            found = counterfactuals.find(
                registered_model=self.registered_model,
                row=form.row,
                wanted=wanted_of(request, signature),
                version=version.number,
                locked=locked,
            )
        except NotFound as error:
            raise Http404(error.message) from None
        except MlwebError as error:
            context["error"], status = error, status_of(error)
        else:
            context |= {"found": found, "hints": [ShownHint.of(each, signature) for each in found.hints]}
        return self.answered(
            "predictor/predictions/_counterfactual_result.html",
            "predictor/predictions/counterfactuals.html",
            context,
            status,
        )


def wanted_of(request: HttpRequest, signature: Signature) -> Wanted:
    """From the form: a class by its place, or a side and a number. Raises InvalidInput."""
    if signature.classes:
        place = request.POST.get("wanted", "")
        is_place = place.isascii() and place.isdecimal() and len(place) < 5
        if not is_place or int(place) >= len(signature.classes):
            raise InvalidInput("Choose the answer that is wanted.")
        return Wanted(label=signature.classes[int(place)])
    text = request.POST.get("value", "")
    value = number_of(text)
    try:
        end = None if value is None or isinstance(value, str) else float(value)
    except OverflowError:  # an integer of more digits than a number can be great
        end = None
    if end is None:
        raise InvalidInput(
            f"Give the wanted value as a number{f'; got {shown(text)}' if text.strip() else ''}."
        )
    is_least = request.POST.get("side") != "at_most"
    return Wanted(at_least=end) if is_least else Wanted(at_most=end)
