"""Counterfactuals, a form below an answered row: which changes of the row give another answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from ...errors import InvalidInput, MlwebError, NotFound, quoted
from ...ml.types.schema import Signature
from ...services.predictions import counterfactuals
from ...services.predictions.counterfactuals import Hint, Wanted
from ...templatetags.mlweb import share
from ..pages.value_texts import cell_text, number_of
from .predict import ShownAnswer, shown_answer
from .row_form import RowForm
from .what_if import RowPage


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
        one = _('<strong class="wrap">%(column)s</strong> from %(old)s to <strong>%(new)s</strong>')
        changes = [
            SafeString(
                one
                % {
                    "column": escape(clipped(column, 60)),
                    "old": escape(clipped(old)),
                    "new": escape(clipped(new)),
                }
            )
            for column, old, new in self.changes
        ]
        chances = [f", {share(bar.probability)}" for bar in self.answer.bars if bar.is_predicted]
        return format_html(
            "{}: {}{}", SafeString(_(" and ").join(changes)), self.answer.label, "".join(chances)
        )


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
        try:
            hints = counterfactuals.find(
                registered_model=self.registered_model,
                row=form.row,
                wanted=wanted_of(request, signature),
                version=version.number,
                locked=locked,
            )
        except NotFound as error:
            raise Http404(error.message) from None
        except MlwebError as error:
            context["error"] = error
        else:
            context |= {"found": hints, "hints": [ShownHint.of(each, signature) for each in hints.hints]}
        return self.answered(
            "predictor/predictions/_counterfactual_result.html",
            "predictor/predictions/counterfactuals.html",
            context,
        )


def wanted_of(request: HttpRequest, signature: Signature) -> Wanted:
    """The wanted answer of the form: a class by its index, or a side and a number. Raises InvalidInput."""
    if signature.classes:
        index = request.POST.get("wanted", "")
        is_index = index.isascii() and index.isdecimal() and len(index) < 5
        if not is_index or int(index) >= len(signature.classes):
            raise InvalidInput(_("Choose the answer that is wanted."))
        return Wanted(label=signature.classes[int(index)])
    text = request.POST.get("value", "")
    value = number_of(text)
    try:
        bound = None if value is None or isinstance(value, str) else float(value)
    except OverflowError:  # an integer beyond the range of a float
        bound = None
    if bound is None:
        if text.strip():
            raise InvalidInput(_("Give the wanted value as a number; got %(text)s.") % {"text": quoted(text)})
        raise InvalidInput(_("Give the wanted value as a number."))
    is_least = request.POST.get("side") != "at_most"
    return Wanted(at_least=bound) if is_least else Wanted(at_most=bound)
