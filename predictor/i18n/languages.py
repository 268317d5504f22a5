"""The languages that there are: English, and one for each file `locale/XX/LC_MESSAGES/django.po`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.conf.locale import LANG_INFO
from django.utils.translation import (
    get_language_from_request,
    get_supported_language_variant,
    to_language,
    to_locale,
)

LOCALE = Path(__file__).resolve().parent.parent.parent / "locale"
ENGLISH = "en"
DOMAIN = "django"


def found() -> list[tuple[str, str]]:
    """Code and name of each language, in the language itself; English first."""
    codes = [code_of(path) for path in po_files()]
    return [(ENGLISH, "English"), *((code, own_name(code)) for code in codes if code != ENGLISH)]


def po_files() -> list[Path]:
    return sorted(LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def code_of(path: Path) -> str:
    return to_language(path.parent.parent.name)


def own_name(code: str) -> str:
    return str(LANG_INFO.get(code, {}).get("name_local", code))


def compiled_file(code: str) -> Path | None:
    path = LOCALE / to_locale(code) / "LC_MESSAGES" / f"{DOMAIN}.mo"
    return path if path.exists() else None


def language_of(request: Any) -> str:
    """The language of an answer: what the middleware found, else what the request asks for.

    The fast path has no such middleware: there, a request without Accept-Language costs one look.
    """
    known = getattr(request, "LANGUAGE_CODE", None)
    if known is not None:
        return str(known)
    headers = getattr(request, "META", {})
    if "HTTP_ACCEPT_LANGUAGE" not in headers and "HTTP_COOKIE" not in headers:
        return str(settings.LANGUAGE_CODE)
    return get_language_from_request(getattr(request, "_request", request))


def of_terminal(locale: str) -> str:
    """The language of a terminal with this locale, such as zh_CN.UTF-8; English when there is none such."""
    try:
        return get_supported_language_variant(to_language(locale.partition(".")[0].partition("@")[0]))
    except LookupError:
        return ENGLISH
