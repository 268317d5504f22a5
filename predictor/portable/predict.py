"""Predict with the model beside this file: python predict.py rows.csv, or python predict.py '[{"age": 40}]'.

Needs numpy and onnxruntime. Writes one JSON object a line, after two checks: the files have the digests of
manifest.json, and the golden rows get the predictions that are stored with them.
"""

import bisect
import csv
import hashlib
import io
import json
import math
import re
import sys
import unicodedata
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import onnxruntime

EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def load(name, digests):
    content = Path(__file__).with_name(name).read_bytes()
    if digests and hashlib.sha256(content).hexdigest() != digests[name]:
        raise SystemExit(f"{name} is not what the archive was made with: its SHA-256 differs.")
    return content if name.endswith(".onnx") else json.loads(content)


def read(argument):
    """Pairs (line or row, {column: cell}) from a JSON array, or from a CSV file."""
    if argument.startswith("["):
        rows = [{clean(name): cell for name, cell in row.items()} for row in json.loads(argument)]
        return enumerate(rows, start=1)
    content = Path(argument).read_bytes()
    is_utf16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    return table_of(content.decode("utf-16" if is_utf16 else "utf-8-sig"))


def clean(name):
    return unicodedata.normalize("NFC", re.sub("[\t\r\n\v\f\x85\u2028\u2029]+", " ", name).strip())


def table_of(text):
    """The rows of a CSV text with their lines. The delimiter is that of a line such as sep=; or is found."""
    marks, n_lines = ",;\t|", 0
    while head := re.match(r"(?:sep=([^\r\n])|[^\S\r\n]*)(?:\r\n|\r|\n)", text, re.IGNORECASE):
        marks, text, n_lines = head[1] or marks, text[head.end() :], n_lines + 1
    mark = max(marks, key=lambda each: agreement(records_of(text[: 1 << 20], each)))
    header, *records = records_of(text, mark)
    names = [clean(cell) for cell in header[1]]
    if (
        len(records) >= 5
        and all(len(cells) == len(names) + 1 for _, cells in records)
        and any(cells[-1] for _, cells in records)
    ):
        names.insert(0, "")  # R writes no name for the names of the rows
    names[0] = names[0] or "column 1"
    rows = []
    for line, cells in records:
        if any(names[len(cells) :]) or any(cells[len(names) :]):
            raise SystemExit(f"Line {line + n_lines} has {len(cells)} cells instead of {len(names)}.")
        rows.append((line + n_lines, dict(zip(names, cells, strict=False))))
    return rows


def records_of(text, mark):
    """Pairs (line, cells) of the lines that are not blank. No cell has blanks at its quotes."""
    around = rf'(?:^|{re.escape(mark)})( *)"(?:[^"]|"")*"( *)(?={re.escape(mark)}|[\r\n]|\Z)'
    if any(found[1] or found[2] for found in re.finditer(around, text[: 1 << 16], re.MULTILINE)):
        parts = text.split('"')
        parts[::2] = [re.sub(rf"(^|[\r\n]|{re.escape(mark)}) +", r"\1", part) for part in parts[::2]]
        parts[2::2] = [re.sub(rf"^ +(?={re.escape(mark)}|[\r\n]|\Z)", "", part) for part in parts[2::2]]
        text = '"'.join(parts)
    table = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    return [(table.line_num, cells) for cells in table if cells]


def agreement(records):
    """The share of the first records that have as many cells as the header; more cells break a tie."""
    first = [cells for _, cells in records[:500]]
    width = len(first[0]) if first else 0
    same = [len(cells) == width or (len(cells) > width and not any(cells[width:])) for cells in first]
    return sum(same) / len(same) + min(width, 50) / 1_000 if width > 1 else 0


def value_of(field, row, line):
    """Canonical value of a cell: a number, a text, or microseconds since 1970; None if it is empty."""
    name, role, cell = field["name"], field["role"], row.get(field["name"])
    if field["is_required"] and name not in row:
        raise SystemExit(f"Line {line} lacks the column {name!r}.")
    text = "" if cell is None else cell if isinstance(cell, str) else json.dumps(cell)
    if "spellings" in field.get("reading", ()):
        text = category_by_reading(field["reading"], text) or ""
    if role in ("categorical", "text"):
        return level_of(field, text) if role == "categorical" else text or None
    if role == "datetime" and isinstance(cell, float):
        text = f"{cell:.15g}"
    if "reading" in field and (isinstance(cell, str) or role == "datetime"):
        try:
            return value_by_reading(field["reading"], text)
        except ValueError:
            pass  # it may still have a plain form
    bare = text.strip().lower()
    if bare in spec["missing"]:
        return None
    if re.fullmatch(spec["patterns"][role], bare, re.ASCII | re.IGNORECASE):
        if role == "datetime":
            return moment_of(bare, field.get("reading"), f"Line {line}, column {name!r}: {text!r}")
        number = float(spec["words"].get(bare, bare))
        if math.isfinite(number) or isinstance(cell, str):
            return number if math.isfinite(number) else None
    raise SystemExit(f"Line {line}, column {name!r}: {text!r} is not {role}.")


def level_of(field, text):
    """The level that a text means: 3.0 means 3 where training had 3, and TRUE means true. Other texts stay."""
    levels, bare = field["levels"], text.strip()
    if text in levels or not bare:
        return text if text in levels else None
    if bare in levels or (field["is_typed"] and bare.lower() in spec["missing"]):
        return bare if bare in levels else None
    if field["has_codes"] and re.fullmatch("[0-9]+[eE][0-9]+", bare):
        return text
    number = None
    if len(bare) <= 400 and re.fullmatch(spec["patterns"]["numeric"], bare, re.ASCII):
        number = float(bare)
    elif "number" in field.get("reading", ()):
        with suppress(ValueError):
            number = value_by_reading(field["reading"], bare)
    if number is not None:
        number = str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)
    lower = bare.lower() if bare.lower() in ("true", "false") else None
    return next((each for each in (number, lower) if each in levels), text)


def value_by_reading(reading, text):
    """Canonical value of a text, read as the column was read in training. Raises ValueError if it has none."""
    bare = text.strip()
    word = bare.lower()
    if not word or word in reading["missing"]:
        return None
    if len(bare) > reading["longest"]:
        raise ValueError(bare)
    if "words" in reading and word in reading["words"]:
        return reading["words"][word]
    if "number" in reading and (found := re.fullmatch(reading["number"], bare, re.ASCII)):
        return number_by_reading(reading, found)
    for pattern in reading.get("dates", ()):
        if found := re.fullmatch(pattern, bare, re.IGNORECASE):
            parts = {name: part for name, part in found.groupdict().items() if part}
            try:
                return moment_by_reading(reading, parts)
            except (OverflowError, ValueError):
                pass  # not in this form
    raise ValueError(bare)


def category_by_reading(reading, text):
    """The category of a text, as training spelt it; None for a word that means missing."""
    key = tidy = " ".join(unicodedata.normalize("NFC", text).split())
    if not tidy or tidy.lower() in reading["missing"]:
        return None
    if "numbers" in reading["ignores"] and (found := re.fullmatch(reading["whole"], key)):
        key = found[1]
    if "case" in reading["ignores"]:
        key = key.lower()
    return reading["spellings"].get(key, tidy)


def number_by_reading(reading, found):
    sign, core, is_open = (found["sign"] or "") + (found["inner"] or ""), found["core"], bool(found["open"])
    digits = core.translate(dict.fromkeys(map(ord, reading["gaps"]))).replace(reading["decimal"], ".")
    is_code = re.match("0[0-9]", core) or (sign == "+" and len(digits) > 6 and digits.isdigit())
    is_code = is_code and not reading["codes"]
    is_inexact = digits.isdigit() and (len(digits) > 400 or int(digits) > 2**53)
    if is_code or is_inexact or is_open != bool(found["close"]) or len(sign) > 1 or math.isinf(float(digits)):
        raise ValueError(core)
    return -float(digits) if is_open != (sign in ("-", "−")) else float(digits)


def moment_by_reading(reading, parts):
    if "n" in parts:
        day = datetime(1899, 12, 30, tzinfo=UTC) + timedelta(
            milliseconds=int(float(parts["n"]) * 86_400_000 + 0.5)
        )
        return (day - EPOCH) // MICROSECOND
    year, name = int(parts["y"]), parts.get("mon", "").lower().rstrip(".")
    if len(parts["y"]) == 2:
        year += 1900 if year >= reading["pivot"] else 2000
    month = reading["months"].get(name, 0) if name else int(parts.get("m", 1))
    month = 3 * reading["quarters"][parts["q"]] - 2 if "q" in parts else month
    hour, minute, second = (int(parts.get(each, 0)) for each in ("h", "min", "s"))
    if half := parts.get("half") or parts.get("pre"):
        hour = hour % 12 + 12 * (half[0] in "pP下") if 1 <= hour <= 12 else 24
    micro = int(parts.get("us", "").ljust(6, "0")[:6])
    day = datetime(year, month, int(parts.get("d", 1)), tzinfo=UTC)
    if "wk" in parts:
        day = datetime.fromisocalendar(year, int(parts["wk"]), int(parts.get("wd", 1)))
    moment = datetime(day.year, day.month, day.day, hour, minute, second, micro, UTC)
    if "z" not in parts:
        return (moment - EPOCH) // MICROSECOND
    zone = parts["z"].replace(":", "").ljust(5, "0")
    if zone[0] in "+-":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
        moment = moment + offset if zone[0] == "-" else moment - offset
    return in_zone(reading, moment)


def moment_of(bare, reading, place):
    """Microseconds since 1970 of a date in ISO 8601."""
    try:
        moment = datetime.fromisoformat(bare.upper().replace(",", "."))
        if moment.tzinfo:
            return in_zone(reading, moment.astimezone(UTC))
    except (OverflowError, ValueError):
        raise SystemExit(f"{place} is not a date of the years 1 to 9999.") from None
    return (moment.replace(tzinfo=UTC) - EPOCH) // MICROSECOND


def in_zone(reading, moment):
    """Microseconds since 1970 in local time of the column's zone, or UTC where it has none."""
    zone = reading["zone"] if reading else {"starts": [], "offsets": [0]}
    place = bisect.bisect_right(zone["starts"], (moment - EPOCH) // timedelta(seconds=1)) - 1
    return (moment + timedelta(seconds=zone["offsets"][place]) - EPOCH) // MICROSECOND


def numbers_of(step, value):
    """Features of a value, by one step of the feature specification."""
    if value is None:
        return step["missing"]
    if step["kind"] == "table":
        return step["table"].get(value, step["other"])
    if step["kind"] == "number":
        z = min(max((value - step["mean"]) / step["scale"], -step["limit"]), step["limit"])
        return [z / math.sqrt(1 + (z / step["bend"]) ** 2), *step["flag"]]
    if step["kind"] == "text":
        tokens = re.findall(spec["token"], value[:20_000].casefold())
        counts = [(tokens.count(word), idf) for word, idf in step["words"].items()]
        weights = [(1 + math.log(count)) * idf if count else 0 for count, idf in counts]
        length = math.sqrt(sum(each * each for each in weights)) or 1
        return [each / length for each in weights]
    day = (EPOCH + value * MICROSECOND).timetuple()
    features = [(value - step["origin"]) / 86_400_000_000, *(getattr(day, part) for part in step["parts"])]
    features += [table[getattr(day, part)] for part, table in step["waves"]]
    return [*((np.array(features) - step["means"]) / step["scales"]), *step["flag"]]


def answers(rows):
    """Model output (n_rows, n_outputs) for rows {column: value}: a value, or a probability for each class."""
    matrix = [[x for step in spec["steps"] for x in numbers_of(step, row[step["source"]])] for row in rows]
    return session.run(None, {"X": np.array(matrix, np.float32)})[0].reshape(len(rows), -1)


def in_words(output):
    numbers, bar, classes = [float(f"{x:.7g}") for x in output], spec["threshold"], spec["classes"]
    if spec["task"] == "anomaly":
        return {"prediction": classes[int(bar is not None and output[0] >= bar)], "score": numbers[0]}
    if not classes:
        return {"prediction": numbers[0]}
    positive = spec["positive"]
    code = int(np.argmax(output)) if bar is None else positive if output[positive] >= bar else 1 - positive
    return {"prediction": classes[code], "probabilities": numbers}


digests = load("manifest.json", None)["sha256"]
spec, golden, onnx = (load(name, digests) for name in ("spec.json", "golden.json", "model.onnx"))
session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
expected = np.array(golden["answers"])
apart = np.max(np.abs(answers(golden["rows"]) - expected) / np.maximum(np.abs(expected), expected.std() or 1))
if not apart <= 1e-5:
    raise SystemExit(f"The golden rows get other answers here, by {apart:.1e} of their size.")
print(f"Checked: {len(expected)} golden rows get their stored answers (within {apart:.1e}).", file=sys.stderr)
for argument in sys.argv[1:]:
    rows = [{f["name"]: value_of(f, row, line) for f in spec["fields"]} for line, row in read(argument)]
    for output in answers(rows) if rows else ():
        print(json.dumps(in_words(output), ensure_ascii=False))
