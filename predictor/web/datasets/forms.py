"""The upload form: a CSV file and its import options."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

# The usual encodings of spreadsheets; the service knows more.
ENCODINGS = ("utf-8", "cp1252", "latin-1", "utf-16", "gb18030", "big5", "shift_jis", "cp1250", "cp1251")
ACCEPTED = ".csv,.tsv,.txt,text/csv,text/tab-separated-values,text/plain"
LINES = ("skip_lines", "comment", "units_lines", "footer_lines")
OPTIONS = ("encoding", "delimiter", "decimal", "skip_bad_rows", "infinite_as_missing", *LINES)
MAX_LINES = 100_000


class LinesForm(forms.Form):
    """Lines of a file that are no rows; an empty field is found."""

    skip_lines = forms.IntegerField(
        label=gettext_lazy("Lines above the header"),
        required=False,
        min_value=0,
        max_value=MAX_LINES,
        help_text=gettext_lazy("Titles, notes, blank lines."),
    )
    comment = forms.CharField(
        label=gettext_lazy("Comment lines begin with"),
        required=False,
        max_length=4,
        help_text=gettext_lazy("Such as #; “none”: there are none."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    units_lines = forms.IntegerField(
        label=gettext_lazy("Lines of units below the header"),
        required=False,
        min_value=0,
        max_value=MAX_LINES,
        help_text=gettext_lazy("Such as [kg];(m/s)."),
    )
    footer_lines = forms.IntegerField(
        label=gettext_lazy("Lines below the last row"),
        required=False,
        min_value=0,
        max_value=MAX_LINES,
        help_text=gettext_lazy("Totals and notes, not counting blank lines."),
    )


class UploadForm(LinesForm):
    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        allow_empty_file=True,  # the service says what an empty file lacks
        max_length=4_000,  # a long name is shortened, not refused
        error_messages={"required": gettext_lazy("Choose a CSV file first.")},
        widget=forms.FileInput(attrs={"accept": ACCEPTED}),
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("Empty: the name of the file."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    encoding = forms.CharField(
        label=gettext_lazy("Encoding"),
        required=False,
        max_length=40,
        help_text=gettext_lazy("Empty: UTF-8, or as the file says."),
        widget=forms.TextInput(attrs={"list": "encodings", "autocomplete": "off", "spellcheck": "false"}),
    )
    delimiter = forms.ChoiceField(
        label=gettext_lazy("Between cells"),
        required=False,
        choices=[
            ("", gettext_lazy("Find out")),
            (",", gettext_lazy("Comma ,")),
            (";", gettext_lazy("Semicolon ;")),
            ("\t", gettext_lazy("Tab")),
            ("|", gettext_lazy("Bar |")),
        ],
    )
    decimal = forms.ChoiceField(
        label=gettext_lazy("Decimal mark"),
        required=False,
        choices=[
            ("", gettext_lazy("Find out")),
            (".", gettext_lazy("Point: 1.5")),
            (",", gettext_lazy("Comma: 1,5")),
        ],
    )
    skip_bad_rows = forms.BooleanField(
        label=gettext_lazy("Leave out rows with too many or too few cells"),
        required=False,
    )

    infinite_as_missing = forms.BooleanField(
        label=gettext_lazy("Take infinite numbers (inf, 1e400) as missing"),
        required=False,
    )

    @property
    def encodings(self) -> tuple[str, ...]:
        return ENCODINGS

    @property
    def options(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in OPTIONS}

    @property
    def has_options(self) -> bool:
        """Whether an import option is set: then the page shows these fields."""
        return any(self[name].value() for name in OPTIONS)

    def with_option(self, option: str, value: str) -> UploadForm:
        """A copy of the form with one option set and the errors kept."""
        data = self.data.copy()
        data[option] = value
        form = UploadForm(data, self.files)
        form._errors = self.errors
        form.cleaned_data = self.cleaned_data
        return form
