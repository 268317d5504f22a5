"""Predict the rows of a CSV with the model beside this file, one JSON object a line: python predict.py rows.csv

Needs numpy and onnxruntime, and nothing else. It answers only after the files have the digests of manifest.json and
the golden rows get the answers that were stored with them.
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

HERE, START, DAY = Path(__file__).resolve().parent, datetime(1970, 1, 1), 86_400_000_000
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
CJK = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
TOKEN = re.compile(f"[{CJK}]|[^\\W_{CJK}]+")
CYCLES = {"month": 12, "weekday": 7, "hour": 24, "minute": 60}
TRUE, FALSE = {"true", "yes", "y", "t", "1"}, {"false", "no", "n", "f", "0"}


def features(step, value):
    """The numbers of one cell: a number, a text, microseconds since 1970, or None where there is no value."""
    kind, gap = step["kind"], value is None
    if kind == "number":
        x = (math.nan if step["fill"] is None else step["fill"]) if gap else value
        z = float(np.clip((x - step["mean"]) / step["scale"], -step["limit"], step["limit"]))
        bent = z if step["bend"] is None else z / math.sqrt(1 + (z / step["bend"]) * (z / step["bend"]))
        return [bent, float(gap)] if step["has_flag"] else [bent]
    if kind == "onehot":
        slots = [*step["levels"], *[...] * step["has_other"], *[None] * step["has_missing"]]
        return [float(slot == (value if gap or value in step["levels"] else ...)) for slot in slots]
    if kind == "code":
        code = step["missing"] if gap else step["other"]
        code = step["levels"].index(value) if value in step["levels"] else code
        return [math.nan if code is None else code]
    if kind == "target":
        means = dict(zip(step["levels"], step["means"], strict=True)).get(value, step["other"])
        return [(mean - step["mean"]) / step["scale"] for mean in (step["missing"] if gap else means)]
    return dates(step, value) if kind == "datetime" else words(step, value or "")


def dates(step, moment):
    names = [*step["parts"], *step["cyclic"]]
    if moment is None and step["fill"] is None:
        return [math.nan] * (1 + len(names) + len(step["cyclic"]) + step["has_flag"])
    at = step["fill"] if moment is None else moment
    day = START + timedelta(microseconds=at)
    part = {name: day.weekday() if name == "weekday" else getattr(day, name) for name in names}
    found = [(at - step["origin"]) / DAY, *(part[name] for name in step["parts"])]
    turns = [2 * np.pi * part[name] / CYCLES[name] for name in step["cyclic"]]
    found += [wave(turn) for turn in turns for wave in (np.sin, np.cos)]
    means, scales = step["means"] or [0.0] * len(found), step["scales"] or [1.0] * len(found)
    found = [(each - means[place]) / scales[place] for place, each in enumerate(found)]
    return [*found, float(moment is None)] if step["has_flag"] else found


def words(step, text):
    tokens = TOKEN.findall(text[:20_000].casefold())
    counts = [tokens.count(word) for word in step["words"]]
    found = [(1 + math.log(n)) * idf if n else 0.0 for n, idf in zip(counts, step["idf"], strict=True)]
    length = math.sqrt(sum(each * each for each in found)) or 1.0
    return [each / length for each in found]


def cell(field, text, line):
    """The value of a CSV cell; None where it is empty."""
    role, bare = field["role"], text.strip()
    if role in ("categorical", "text"):
        return text or None
    if not bare:
        return None
    if role == "numeric" and NUMBER.fullmatch(bare) and math.isfinite(float(bare)):
        return float(bare)
    if role == "boolean" and bare.lower() in TRUE | FALSE:
        return float(bare.lower() in TRUE)
    if role == "datetime" and re.match(r"\d{4}-\d{2}-\d{2}", bare):
        moment = datetime.fromisoformat(bare.replace(",", "."))
        moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
        return (moment - START) // timedelta(microseconds=1)
    raise SystemExit(f"Line {line}, column {field['name']!r}: {text!r} is not {role}.")


def load(name, digests):
    content = (HERE / name).read_bytes()
    if digests and hashlib.sha256(content).hexdigest() != digests[name]:
        raise SystemExit(f"{name} is not what the archive was made with: its SHA-256 differs.")
    return content if name.endswith(".onnx") else json.loads(content)


manifest = load("manifest.json", None)
spec, signature, golden, onnx = (load(name, manifest["sha256"]) for name in manifest["sha256"])
session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])


def answers(rows):
    """The graph's numbers, (n, 1) or (n, n_classes), for rows {column: value}."""
    steps = spec["features"]["steps"]
    matrix = [[x for step in steps for x in features(step, row[step["source"]])] for row in rows]
    return np.reshape(session.run(None, {"X": np.array(matrix, np.float32)})[0], (len(rows), -1))


def check():
    """Refuse to work where the arithmetic is another one."""
    columns = {name: stored["cells"] for name, stored in golden["rows"].items()}
    wanted = np.array(golden["answers"])
    found = answers([{name: cells[at] for name, cells in columns.items()} for at in range(len(wanted))])
    apart = float(np.max(np.abs(found - wanted) / np.maximum(np.abs(wanted), max(wanted.std(), 1e-38))))
    if not apart <= 1e-5:
        raise SystemExit(f"The golden rows get other answers here, by {apart:.1e} of their size.")
    return f"Checked: {len(wanted)} golden rows get their stored answers (within {apart:.1e})."


def main():
    print(check(), file=sys.stderr)
    if len(sys.argv) != 2:
        raise SystemExit("Usage: python predict.py rows.csv")
    with open(sys.argv[1], encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file, strict=True)
        known = table.fieldnames or ()
        required = [f["name"] for f in signature["fields"] if not f["has_missing"] and f["name"] not in known]
        if required:
            raise SystemExit(f"The CSV lacks the columns {required}.")
        rows = [
            {f["name"]: cell(f, row.get(f["name"]) or "", table.line_num) for f in signature["fields"]}
            for row in table
        ]
    short, classes = "{:.7g}".format, signature["classes"]
    for found in answers(rows) if rows else ():
        answer, bar = {"prediction": float(short(found[0]))}, spec["threshold"]
        if spec["task"] == "anomaly":
            is_unusual = bar is not None and found[0] >= bar
            answer = {"prediction": "unusual" if is_unusual else "usual", "score": answer["prediction"]}
        elif classes:
            code = int(np.argmax(found)) if bar is None else int(found[1] >= bar)
            answer = {"prediction": classes[code], "probabilities": [float(short(p)) for p in found]}
        print(json.dumps(answer, ensure_ascii=False))


if __name__ == "__main__":
    main()
