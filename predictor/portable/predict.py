"""Predict with the model beside this file: python predict.py rows.csv, or python predict.py '[{"age": 40}]'.

Needs numpy and onnxruntime. Writes one JSON object a line, after two checks: the files have the digests of
manifest.json, and the golden rows get the predictions that are stored with them.
"""

import csv
import hashlib
import json
import math
import re
import sys
import unicodedata
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
    """Pairs (line, {column: cell}) from a JSON array, or from a CSV file."""
    if argument.startswith("["):
        return enumerate(json.loads(argument), start=1)
    with open(argument, encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file, strict=True)
        return [(table.line_num, row) for row in table]


def value_of(field, row, line):
    """Canonical value of a cell: a number, a text, or microseconds since 1970; None if it is empty."""
    name, role, cell = field["name"], field["role"], row.get(field["name"])
    if field["is_required"] and name not in row:
        raise SystemExit(f"Line {line} lacks the column {name!r}.")
    text = "" if cell is None else cell if isinstance(cell, str) else json.dumps(cell)
    if "spellings" in field.get("reading", ()):
        return category_by_reading(field["reading"], text)
    if role in ("categorical", "text"):
        return text or None
    if isinstance(cell, str) and "reading" in field:
        try:
            return value_by_reading(field["reading"], text)
        except ValueError:
            pass  # it may still have a plain form
    bare = text.strip().lower()
    if not bare:
        return None
    if re.fullmatch(spec["patterns"][role], bare, re.ASCII | re.IGNORECASE):
        if role == "datetime":
            return moment_of(bare, f"Line {line}, column {name!r}: {text!r}")
        if math.isfinite(number := float(spec["words"].get(bare, bare))):
            return number
    raise SystemExit(f"Line {line}, column {name!r}: {text!r} is not {role}.")


def value_by_reading(reading, text):
    """Canonical value of a text, read as the column was read in training. Raises ValueError if it has none."""
    bare = text.strip()
    word = bare.lower()
    if not word or word in reading["missing"] or text in reading["absent"]:
        return None
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
    is_inexact = digits.isdigit() and (len(digits) > 400 or int(digits) > 2**53)
    if is_code or is_inexact or is_open != bool(found["close"]) or len(sign) > 1 or math.isinf(float(digits)):
        raise ValueError(core)
    return -float(digits) if is_open != (sign in ("-", "−")) else float(digits)


def moment_by_reading(reading, parts):
    year, name = int(parts["y"]), parts.get("mon", "").lower().rstrip(".")
    if len(parts["y"]) == 2:
        year += 1900 if year >= reading["pivot"] else 2000
    month = reading["months"].get(name, 0) if name else int(parts["m"])
    hour, minute, second = (int(parts.get(each, 0)) for each in ("h", "min", "s"))
    micro = int(parts.get("us", "").ljust(6, "0")[:6])
    moment = datetime(year, month, int(parts.get("d", 1)), hour, minute, second, micro, UTC)
    if (zone := parts.get("z", "Z").replace(":", "").ljust(5, "0"))[0] in "+-":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
        moment = moment + offset if zone[0] == "-" else moment - offset
    return (moment - EPOCH) // MICROSECOND


def moment_of(bare, place):
    """Microseconds since 1970 of a date in ISO 8601."""
    try:
        moment = datetime.fromisoformat(bare.upper().replace(",", "."))
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (OverflowError, ValueError):
        raise SystemExit(f"{place} is not a date of the years 1 to 9999.") from None
    return (moment - EPOCH) // MICROSECOND


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
    code = int(np.argmax(output)) if bar is None else int(output[1] >= bar)
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
