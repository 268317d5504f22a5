"""The base of our commands: help, output and errors in the language of the terminal; data stay as they are."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import base
from django.core.management.base import CommandError, CommandParser, OutputWrapper
from django.utils import translation

from ..i18n.languages import ENGLISH, of_terminal
from ..i18n.translation import translated

__all__ = ["BaseCommand", "CommandError", "CommandParser"]


def language() -> str:
    """MLWEB_LANGUAGE, else the terminal's."""
    return (
        settings.LANGUAGE_CODE if settings.LANGUAGE_CODE != ENGLISH else of_terminal(settings.TERMINAL_LOCALE)
    )


class TranslatedOutput(OutputWrapper):
    """Lines are sentences, and are translated; JSON, and what has an ending of its own, is data."""

    def write(self, msg: Any = "", style_func: Any = None, ending: str | None = None) -> None:
        if ending is None and not str(msg).startswith(("{", "[")):
            code = language()
            msg = "\n".join(translated(line, code) for line in str(msg).split("\n"))
        super().write(msg, style_func, ending)


class BaseCommand(base.BaseCommand):
    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._take_output(kwargs)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        code = language()
        parser.description = translated(parser.description, code)
        for action in parser._actions:
            action.help = translated(action.help, code)
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        self._take_output(options)
        code = language()
        with translation.override(code):
            try:
                return super().execute(*args, **{**options, "stdout": None, "stderr": None})
            except CommandError as error:
                raise CommandError(translated(str(error), code), returncode=error.returncode) from error

    def _take_output(self, given: dict[str, Any]) -> None:
        self.stdout = TranslatedOutput(given.get("stdout") or self.stdout._out)
        if given.get("stderr") or not isinstance(self.stderr, TranslatedOutput):
            self.stderr = TranslatedOutput(given.get("stderr") or self.stderr._out)
