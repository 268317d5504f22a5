"""Reads and writes `.po` files and compiles them to `.mo`, without gettext: a fresh machine has none."""

from __future__ import annotations

import ast
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

CONTEXT_END = "\x04"


@dataclass(frozen=True)
class Message:
    """One message: `plural` is empty for those without number; `texts` are the translations, one for each form."""

    id: str
    plural: str = ""
    context: str = ""
    places: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    is_fuzzy: bool = field(default=False, compare=False)

    @property
    def key(self) -> tuple[str, str]:
        return self.context, self.id

    @property
    def is_translated(self) -> bool:
        return bool(self.texts) and all(self.texts) and not self.is_fuzzy


def read(path: Path) -> list[Message]:
    """The messages of a file; the first, with an empty id, is its header. Raises ValueError for another format."""
    messages: list[Message] = []
    for block in _blocks(path.read_text("utf-8")):
        message = _message(block)
        if message is not None:
            messages.append(message)
    return messages


def _blocks(text: str) -> Iterator[list[str]]:
    block: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.strip():
            block.append(line.strip())
        elif block:
            yield block
            block = []


def _message(lines: Iterable[str]) -> Message | None:
    parts: dict[str, str] = {}
    notes, places, name, is_fuzzy = [], [], "", False
    for line in lines:
        if line.startswith("#."):
            notes.append(line[2:].strip())
        elif line.startswith("#:"):
            places += line[2:].split()
        elif line.startswith("#,"):
            is_fuzzy = "fuzzy" in line
        elif not line.startswith("#"):
            keyword, _, text = line.partition('"')
            if keyword:
                name = keyword.strip()
                parts[name] = ""
            parts[name] += ast.literal_eval(f'"{text}')
    if "msgid" not in parts:
        return None
    texts = [text for name, text in parts.items() if name.startswith("msgstr")]
    return Message(
        parts["msgid"], parts.get("msgid_plural", ""), parts.get("msgctxt", ""), tuple(places), tuple(notes),
        tuple(texts), is_fuzzy,
    )  # fmt: skip


def text_of(messages: Iterable[Message]) -> str:
    """The text of a `.po` file."""
    return "\n".join(map(_written, messages))


def _written(message: Message) -> str:
    lines = [f"#. {note}" for note in message.notes] + [f"#: {place}" for place in message.places]
    if message.is_fuzzy:
        lines.append("#, fuzzy")
    elif message.id and "%(" in message.id:
        lines.append("#, python-format")
    if message.context:
        lines.append(f"msgctxt {_quoted(message.context)}")
    lines.append(f"msgid {_quoted(message.id)}")
    if message.plural:
        lines.append(f"msgid_plural {_quoted(message.plural)}")
        lines += [f"msgstr[{n}] {_quoted(text)}" for n, text in enumerate(message.texts or ("",))]
    else:
        lines.append(f"msgstr {_quoted(message.texts[0] if message.texts else '')}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("\n", "\\n")
    if "\\n" not in escaped[:-2]:
        return f'"{escaped}"'
    lines = escaped.split("\\n")
    lines = [line + "\\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    return "\n".join(['""', *(f'"{line}"' for line in lines)])


def merged(found: Iterable[Message], known: Iterable[Message], n_forms: int) -> list[Message]:
    """The messages that were found, with the translations that are known; those no longer found are dropped."""
    before = {message.key: message for message in known}
    result = []
    for message in found:
        old = before.get(message.key)
        wanted = n_forms if message.plural else 1
        texts = (
            old.texts if old and len(old.texts) == wanted and old.plural == message.plural else ("",) * wanted
        )
        result.append(replace(message, texts=texts, is_fuzzy=bool(old and old.is_fuzzy)))
    return result


def compiled(messages: Iterable[Message]) -> bytes:
    """The `.mo` file: the sorted ids and their translations, as GNU gettext describes it."""
    pairs = []
    for message in messages:
        if not message.is_translated:
            continue
        name = f"{message.context}{CONTEXT_END}{message.id}" if message.context else message.id
        if message.plural:
            name += "\0" + message.plural
        pairs.append((name.encode(), "\0".join(message.texts).encode()))
    pairs.sort()
    start = 7 * 4 + 16 * len(pairs)
    ids = b"".join(name + b"\0" for name, _ in pairs)
    texts = b"".join(text + b"\0" for _, text in pairs)
    places, at_id, at_text = [], start, start + len(ids)
    for name, text in pairs:
        places.append((len(name), at_id, len(text), at_text))
        at_id, at_text = at_id + len(name) + 1, at_text + len(text) + 1
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    table = b"".join(struct.pack("<2I", n, at) for n, at, _, _ in places)
    table += b"".join(struct.pack("<2I", n, at) for _, _, n, at in places)
    return head + table + ids + texts


def decompiled(content: bytes) -> list[Message]:
    """The messages of a `.mo` file that `compiled` wrote."""
    n_messages, at_ids, at_texts = struct.unpack_from("<3I", content, 8)
    messages = []
    for number in range(n_messages):
        name, text = (_string(content, start + 8 * number) for start in (at_ids, at_texts))
        context, _, name = name.rpartition(CONTEXT_END)
        one, _, plural = name.partition("\0")
        messages.append(Message(one, plural, context, texts=tuple(text.split("\0"))))
    return messages


def _string(content: bytes, at: int) -> str:
    size, start = struct.unpack_from("<2I", content, at)
    return content[start : start + size].decode()
