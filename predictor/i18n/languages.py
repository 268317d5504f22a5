"""The languages that there are: English, and one for each file `locale/XX/LC_MESSAGES/django.po`."""

from __future__ import annotations

from pathlib import Path

from django.conf.locale import LANG_INFO
from django.utils.translation import to_language

LOCALE = Path(__file__).resolve().parent.parent.parent / "locale"
ENGLISH = "en"
DOMAIN = "django"


def found() -> list[tuple[str, str]]:
    """Code and name of each language, in the language itself; English first."""
    codes = sorted(to_language(path.parent.parent.name) for path in po_files())
    return [(ENGLISH, "English"), *((code, own_name(code)) for code in codes if code != ENGLISH)]


def po_files() -> list[Path]:
    return sorted(LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def own_name(code: str) -> str:
    return str(LANG_INFO.get(code, {}).get("name_local", code))
