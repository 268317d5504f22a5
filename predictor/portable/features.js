// The feature specification in the browser: predictor/ml/features/tabular_steps.py, date_steps.py and text_steps.py for one row.
//
// The same arithmetic in float64, rounded to float32 once. Moments are BigInt microseconds since 1970, since they
// pass 2**53 in the year 2255; tables that a browser might compute otherwise (sines, case folding) come as data.

const DAY = 86400000000n;
const FARTHEST = 2n ** 61n;
const LONGEST_TEXT = 20000;
const TOKEN = /[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|(?:(?![\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])[\p{L}\p{N}])+/gu;

/** The matrix row {dims, data} of canonical values by column: numbers, texts, BigInt moments; null is missing. */
function featuresOf(steps, row) {
  const numbers = steps.flatMap((step) => STEPS[step.kind](step, row.get(step.source) ?? null));
  return { dims: [1, numbers.length], data: Float64Array.from(numbers, Math.fround) };
}

const isMissing = (value) => value === null || value === "";

function numberStep({ fill, has_flag, mean, scale, limit, bend }, value) {
  const x = value === null ? fill ?? NaN : value;
  let z = (x - mean) / scale;
  z = z > limit ? limit : z < -limit ? -limit : z;
  if (bend !== null) z /= Math.sqrt(1 + (z / bend) * (z / bend));
  return has_flag ? [z, value === null ? 1 : 0] : [z];
}

function oneHotStep({ levels, has_other, has_missing }, value) {
  const found = new Array(levels.length + has_other + has_missing).fill(0);
  const known = isMissing(value) ? -1 : levels.indexOf(value);
  let place = known;
  if (isMissing(value)) place = has_missing ? levels.length + has_other : -1;
  else if (known < 0) place = has_other ? levels.length : -1;
  if (place >= 0) found[place] = 1;
  return found;
}

function codeStep({ levels, other, missing }, value) {
  if (isMissing(value)) return [missing ?? NaN];
  const place = levels.indexOf(value);
  return [place < 0 ? other ?? NaN : place];
}

function targetStep({ levels, means, other, missing, mean, scale }, value) {
  const place = levels.indexOf(value);
  const found = isMissing(value) ? missing : place < 0 ? other : means[place];
  return found.map((each) => (each - mean) / scale);
}

/** Floor division of BigInt by a positive one. */
const floored = (a, b) => (a % b < 0n ? a / b - 1n : a / b);

/** Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days. */
function dateParts(moment) {
  const dayNumber = floored(moment, DAY);
  const days = Number(dayNumber), minutes = Number((moment - dayNumber * DAY) / 60000000n);
  const shifted = days + 719468, era = Math.floor(shifted / 146097), dayOfEra = shifted - era * 146097;
  const free = dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) - Math.floor(dayOfEra / 146096);
  const yearOfEra = Math.floor(free / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153), month = ((marchMonth + 2) % 12) + 1;
  return {
    year: yearOfEra + era * 400 + (month <= 2), month, day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
    weekday: (((days + 3) % 7) + 7) % 7, hour: Math.floor(minutes / 60), minute: minutes % 60,
  };
}

function datetimeStep({ origin, parts, fill, has_flag, means, scales, waves }, value) {
  const width = 1 + parts.length + waves.length + has_flag;
  if (value === null && fill === null) return new Array(width).fill(NaN);
  let moment = value === null ? BigInt(fill) : value;
  moment = moment > FARTHEST ? FARTHEST : moment < -FARTHEST ? -FARTHEST : moment;
  const found = dateParts(moment);
  const numbers = [Number(moment - BigInt(origin)) / Number(DAY), ...parts.map((part) => found[part])];
  for (const { part, table } of waves) numbers.push(table[found[part]]);
  const scaled = numbers.map((each, place) => (each - (means[place] ?? 0)) / (scales[place] ?? 1));
  return has_flag ? [...scaled, value === null ? 1 : 0] : scaled;
}

/** Python's str.casefold: letter by letter, the exceptions from a table. */
const folded = (text, exceptions) =>
  Array.from(text).slice(0, LONGEST_TEXT).map((letter) => exceptions[letter] ?? letter.toLowerCase()).join("");

function textStep({ words, idf, folding }, value) {
  const row = new Array(words.length).fill(0), counts = new Map();
  if (typeof value !== "string") return row;
  for (const token of folded(value, folding).match(TOKEN) ?? []) {
    const place = words.indexOf(token);
    if (place >= 0) counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  let squares = 0;
  for (const [place, count] of counts) {
    row[place] = (1 + Math.log(count)) * idf[place];
    squares += row[place] * row[place];
  }
  const length = Math.sqrt(squares);
  for (const place of counts.keys()) row[place] /= length;
  return row;
}

const STEPS = {
  number: numberStep, onehot: oneHotStep, code: codeStep, target: targetStep, datetime: datetimeStep, text: textStep,
};
