"""The owner's wording on a published page: plain text with paragraphs, lists, **bold** and *emphasis*.

Everything is escaped first. There are no links: a page that everybody can open must not lead people elsewhere in the
name of this server.
"""

from __future__ import annotations

import re

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")
BOLD = re.compile(r"\*\*([^*\n]{1,500})\*\*")
EMPHASIS = re.compile(r"\*([^*\n]{1,500})\*")
ITEM = re.compile(r"[-*] +")


def formatted(text: str) -> SafeString:
    """The wording as HTML of p, ul, li, strong, em and br alone."""
    blocks = BLANK_LINES.split(text.replace("\r\n", "\n").strip())
    return mark_safe("".join(_block(block) for block in blocks if block.strip()))  # noqa: S308 (escaped by _inline)


def _block(block: str) -> str:
    lines = [line.strip() for line in block.split("\n") if line.strip()]
    if all(ITEM.match(line) for line in lines):
        items = "".join(f"<li>{_inline(ITEM.sub('', line, count=1))}</li>" for line in lines)
        return f"<ul>{items}</ul>"
    return f"<p>{'<br>'.join(map(_inline, lines))}</p>"


def _inline(line: str) -> str:
    return EMPHASIS.sub(r"<em>\1</em>", BOLD.sub(r"<strong>\1</strong>", str(escape(line))))
