from __future__ import annotations

import gettext
from io import BytesIO
from pathlib import Path

from predictor.i18n import po

HEADER = po.Message(
    "", texts=("Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=n != 1;\n",)
)
SAVED = po.Message("Save “%(name)s”", "", "", ("a.html", "b.py"), texts=("保存“%(name)s”",))
ROWS = po.Message("%(n)s row", "%(n)s rows", "", ("c.py",), texts=("%(n)s Zeile", "%(n)s Zeilen"))
NOTE = po.Message('A "\\" \t and\ntwo lines.\n', "", "pattern", ("d.py",), ("pattern",), ("甲\n乙",))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "django.po"
    path.write_text(po.text_of([HEADER, SAVED, ROWS, NOTE]), "utf-8")

    assert po.read(path) == [HEADER, SAVED, ROWS, NOTE]


def test_python_reads_the_compiled_file() -> None:
    catalogue = gettext.GNUTranslations(BytesIO(po.compiled([HEADER, SAVED, ROWS, NOTE])))

    assert catalogue.gettext("Save “%(name)s”") == "保存“%(name)s”"
    assert [catalogue.ngettext("%(n)s row", "%(n)s rows", n) for n in (1, 2)] == [
        "%(n)s Zeile",
        "%(n)s Zeilen",
    ]
    assert catalogue.pgettext("pattern", NOTE.id) == "甲\n乙"
    assert catalogue.gettext(NOTE.id) == NOTE.id


def test_what_is_not_translated_or_doubtful_is_not_compiled() -> None:
    doubtful = po.Message("b", texts=("c",), is_fuzzy=True)

    assert po.decompiled(po.compiled([HEADER, po.Message("a", texts=("",)), doubtful])) == [HEADER]


def test_translations_are_kept_and_vanished_messages_dropped() -> None:
    found = [po.Message("Save “%(name)s”", places=("new.html",)), po.Message("New", "News")]

    merged = po.merged(found, [HEADER, SAVED, ROWS], 1)

    assert merged == [
        po.Message("Save “%(name)s”", places=("new.html",), texts=SAVED.texts),
        po.Message("New", "News", texts=("",)),
    ]


def test_a_message_with_another_plural_is_translated_anew() -> None:
    (merged,) = po.merged([po.Message("%(n)s row", "%(n)s lines")], [ROWS], 2)

    assert merged.texts == ("", "")
