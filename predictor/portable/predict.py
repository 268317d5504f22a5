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
    if role in ("categorical", "text"):
        return text or None
    bare = text.strip().lower()
    if not bare:
        return None
    if re.fullmatch(spec["patterns"][role], bare, re.ASCII | re.IGNORECASE):
        if role == "datetime":
            moment = datetime.fromisoformat(bare.upper().replace(",", "."))
            return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND
        if math.isfinite(number := float(spec["words"].get(bare, bare))):
            return number
    raise SystemExit(f"Line {line}, column {name!r}: {text!r} is not {role}.")


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
