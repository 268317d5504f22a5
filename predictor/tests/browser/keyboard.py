"""Keyboard navigation of a page."""

from __future__ import annotations

import re

from playwright.sync_api import Page

MAX_TABS = 80
# The accessible name of the focused element: label, aria-label or text.
NAME = """() => {
  const it = document.activeElement;
  if (!it || it === document.body) return "";
  const label = Array.from(it.labels || []).map(each => each.innerText).join(" ");
  const name = it.getAttribute("aria-label") || label || it.innerText || it.value || "";
  return name.replace(/\\s+/g, " ").trim();
}"""
HAS_RING = """() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1 || style.boxShadow !== "none";
}"""

# What lies over the middle of what is in the window of the focused element: "" when nothing does.
COVER = """() => {
  const it = document.activeElement;
  if (!it || it === document.body) return "";
  const box = (it.labels && it.labels[0] && it.matches(".btn-check") ? it.labels[0] : it).getBoundingClientRect();
  if (!box.width || !box.height) return "";
  const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
  const [above, below] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
  const top = document.elementFromPoint((left + right) / 2, (above + below) / 2);
  if (!top) return "the edge of the window";
  const own = [it, ...(it.labels || [])];
  return top.contains(it) || own.some(each => each.contains(top)) ? "" : top.outerHTML.slice(0, 120);
}"""


def covered_by_tabbing(page: Page) -> list[str]:
    """Go through the whole page by Tab: each focused element that is not seen, with what lies over it."""
    found = []
    # What arrives late, such as the answer of a form, would move what has the focus.
    page.wait_for_load_state("networkidle")
    page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0) }")
    for _ in range(MAX_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement === document.body"):
            break
        if page.evaluate(COVER):
            # Something that came late, after a pause in the typing, may have moved it: what is covered stays covered.
            page.keyboard.press("Shift+Tab")
            page.keyboard.press("Tab")
        if cover := page.evaluate(COVER):
            found.append(f"{page.evaluate(NAME)!r} lies under {cover}")
    return found


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the element with this name has the focus, and check that the focus is visible."""
    seen = []
    for _ in range(MAX_TABS):
        page.keyboard.press("Tab")
        found = page.evaluate(NAME)
        seen.append(found)
        if name.lower() in found.lower():
            assert page.evaluate(HAS_RING), f"The focus on {found!r} cannot be seen."
            return
    raise AssertionError(f"Tab never came to {name!r}; it came to {seen}.")


def follow(page: Page, name: str, to: str = "") -> None:
    """Tab to a link or a button, press Enter, and wait for a URL that matches `to`."""
    tab_to(page, name)
    page.keyboard.press("Enter")
    if to:
        page.wait_for_url(re.compile(to))
