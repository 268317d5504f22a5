// One value of the form: its canonical form, a remark, or a refusal; predictor/ml/inputs/value_readers.py for text from a form.

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
const DATE = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?[\t-\r ]*(Z|z|[+-]\d\d:?(?:\d\d)?)?)?$/;
const MISSING = new Set(["", "na", "n/a", "#n/a", "nan", "null", "none", "-", ".", "?", "#div/0!", "#name?", "#null!", "#num!", "#ref!",
  "#value!", "#getting_data", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"]);
const RANGE_MARGIN = 0.1;

class InvalidValue extends Error {}

/** {value, remark}: the value is a number, a text, a BigInt moment, or null for missing. Throws InvalidValue. */
function cellOf(field, text) {
  const { reading } = field;
  if (reading?.spellings) return categoryCell(field, categoryByReading(reading, text));
  const isText = field.role === "categorical" || field.role === "text", read = reading && !isText ? valueByReading(reading, text) : undefined;
  if (read !== undefined) return { value: read, remark: remarkOf(field, read) };
  // A text that the reading does not know may still have a plain form.
  const trimmed = reading ? bareOf(reading, text) : text.trim();
  if (isText ? text === "" : MISSING.has(trimmed.toLowerCase())) {
    return { value: null, remark: remarkOf(field, null) };
  }
  if (field.role === "numeric") return numberCell(field, trimmed);
  if (field.role === "boolean") {
    if (reading) throw new InvalidValue("this is neither true nor false");
    return { value: trimmed === "true" ? 1 : 0, remark: "" };
  }
  if (field.role === "datetime") return dateCell(field, trimmed);
  return categoryCell(field, text);
}

function categoryCell(field, text) {
  const knowsLevels = field.role === "categorical" && field.levels.length > 0;
  const value = knowsLevels && text !== null ? levelOf(field, text) : text;
  if (value === null) return { value, remark: remarkOf(field, value) };
  const isUnseen = knowsLevels && !field.levels.includes(value);
  return { value, remark: isUnseen ? "training had no such value" : "" };
}

/** level_reader of value_readers.py: 3.0 means 3 where training had 3, and TRUE means true; null for missing. Other texts stay. */
function levelOf({ levels, reading, is_typed, has_codes }, text) {
  const bare = reading ? bareOf(reading, text) : text.trim(), word = bare.toLowerCase();
  if (levels.includes(text) || levels.includes(bare)) return levels.includes(text) ? text : bare;
  if (bare === "" || (is_typed && MISSING.has(word))) return null;
  if (has_codes && /^[0-9]+[eE][0-9]+$/.test(bare)) return text;
  const isPlain = NUMBER.test(bare) && bare.length <= 400;
  const number = isPlain ? Number(bare) : reading?.number ? valueByReading(reading, bare) : undefined;
  const written = typeof number === "number" ? canonicalNumber(number) : undefined;
  return [written, ["true", "false"].includes(word) ? word : undefined].find((each) => levels.includes(each)) ?? text;
}

/** canonical_text of predictor/ml/types/schema.py for a number: as Python writes it, whole numbers without a point. */
function canonicalNumber(number) {
  const size = Math.abs(number);
  if (Number.isInteger(number) && size < 2 ** 53) return String(number);
  return size < 1e-4 || size >= 1e16 ? number.toExponential().replace(/e([+-])(\d)$/, "e$10$2") : String(number) + (Number.isInteger(number) ? ".0" : "");
}

function numberCell(field, text) {
  const value = Number(text);
  if (!NUMBER.test(text)) throw new InvalidValue("this is not a number");
  const kept = Number.isFinite(value) ? value : null;
  return { value: kept, remark: remarkOf(field, kept) };
}

function dateCell(field, text) {
  const value = momentOf(text, field.reading);
  return { value, remark: remarkOf(field, value) };
}

/** What is unusual about a value of this field that is no category. */
function remarkOf(field, value) {
  if (value === null) return field.has_missing ? "" : "no value; training had one in every row";
  if (field.role === "numeric") return outside(value, field.minimum, field.maximum);
  if (field.role !== "datetime") return "";
  const [low, high] = [field.minimum, field.maximum].map((end) => (end === null ? null : Number(momentOf(end, field.reading))));
  return outside(Number(value), low, high);
}

function outside(value, low, high) {
  if (low === null || high === null) return "";
  const margin = RANGE_MARGIN * (high - low);
  return value < low - margin || value > high + margin ? "far outside of what training saw" : "";
}

/** A number of the signature as text that the field's reading takes for the same number. */
const shownIn = (field, number) => String(number).replace(".", field.reading?.decimal ?? ".");

const bareOf = ({ blank }, text) => text.replace(new RegExp(`^${blank}+|${blank}+$`, "g"), "");

/** predictor/ml/types/reading.py by its patterns: the value, null for missing; undefined for a text that has none. */
function valueByReading(reading, text) {
  const bare = bareOf(reading, text), word = bare.toLowerCase();
  if (word === "" || reading.missing.includes(word)) return null;
  if (bare.length > reading.longest) return undefined;
  if (reading.words) return Object.hasOwn(reading.words, word) ? reading.words[word] : undefined;
  if (reading.number) return numberByReading(reading, new RegExp(`^(?:${reading.number})$`).exec(bare)?.groups);
  const dates = reading.dates.map((pattern) => new RegExp(`^(?:${pattern})$`, "iu").exec(bare)?.groups);
  return dates.map((parts) => momentByReading(reading, parts)).find((moment) => moment !== undefined);
}

/** predictor/ml/types/spellings.py: the category as training spelt it, null for a word that means missing. */
function categoryByReading(reading, text) {
  const tidy = bareOf(reading, text.normalize("NFC")).replace(new RegExp(`${reading.blank}+`, "g"), " ");
  if (tidy === "" || reading.missing.includes(tidy.toLowerCase())) return null;
  const whole = reading.ignores.includes("numbers") ? new RegExp(`^(?:${reading.whole})$`).exec(tidy) : null;
  const written = whole ? whole[1] : tidy, key = reading.ignores.includes("case") ? written.toLowerCase() : written;
  return Object.hasOwn(reading.spellings, key) ? reading.spellings[key] : tidy;
}

function numberByReading({ gaps, decimal, codes }, parts) {
  if (!parts) return undefined;
  const sign = (parts.sign ?? "") + (parts.inner ?? ""), isOpen = parts.open !== undefined;
  const digits = Array.from(parts.core).filter((each) => !gaps.includes(each)).join("").replace(decimal, ".");
  const isWhole = /^\d+$/.test(digits), isLong = sign === "+" && digits.length > 6 && isWhole;
  const isCode = !codes && (isLong || /^0\d/.test(parts.core));
  const isInexact = isWhole && (digits.length > 400 || BigInt(digits) > 2n ** 53n);
  if (isCode || isInexact || isOpen !== (parts.close !== undefined) || sign.length > 1) return undefined;
  const number = Number(digits);
  if (!Number.isFinite(number)) return undefined;
  return isOpen !== (sign === "-" || sign === "−") ? -number : number;
}

function momentByReading(reading, parts) {
  if (!parts) return undefined;
  if (parts.n) return BigInt(daysOf(1899, 12, 30)) * 86400000000n + BigInt(Math.floor(Number(parts.n) * 86400000 + 0.5)) * 1000n;
  const { months, quarters, pivot } = reading, name = parts.mon?.toLowerCase().replace(".", "");
  if (name && !Object.hasOwn(months, name)) return undefined;
  const century = parts.y.length > 2 ? 0 : Number(parts.y) >= pivot ? 1900 : 2000, year = century + Number(parts.y);
  const month = parts.q ? 3 * quarters[parts.q] - 2 : name ? months[name] : Number(parts.m ?? 1);
  const half = parts.half ?? parts.pre, hour = half ? hourOf(Number(parts.h), half) : Number(parts.h ?? 0);
  if (parts.wk) return dayOfWeek(year, Number(parts.wk), Number(parts.wd ?? 1));
  const numbers = [year, month, Number(parts.d ?? 1), hour, Number(parts.min ?? 0), Number(parts.s ?? 0)];
  return microsecondsOf(numbers, parts.us ?? "", parts.z ?? "", reading) ?? undefined;
}

/** Of 1 to 12 and am or pm; 24, which is no hour, for others. */
const hourOf = (hour, half) => (hour < 1 || hour > 12 ? 24 : (hour % 12) + (/^[p下]/i.test(half) ? 12 : 0));

/** Microseconds since 1970 of a day of a week of ISO 8601; undefined if the year has no such week. */
function dayOfWeek(year, week, weekday) {
  const start = daysOf(year, 1, 1), nextYear = daysOf(year + 1, 1, 1);
  const monday = start + 3 - ((((start + 6) % 7) + 7) % 7) + 7 * (week - 1), day = monday + weekday - 1;
  const isIn = year > 0 && week > 0 && monday + 3 < nextYear && day >= daysOf(1, 1, 1) && day < daysOf(10000, 1, 1);
  return isIn ? BigInt(day) * 86400000000n : undefined;
}

/** Microseconds since 1970 of a date such as 2024-05-31 or 2024-05-31T14:30:00+02:00, in the zone of the reading. */
function momentOf(text, reading) {
  const found = DATE.exec(text);
  if (!found) throw new InvalidValue("this is not a date such as 2024-05-31 or 2024-05-31T14:30");
  const numbers = found.slice(1, 7).map((part) => Number(part ?? 0)), zone = found[8] ?? "";
  const moment = Math.abs(offsetOf(zone)) < 1440 ? microsecondsOf(numbers, found[7] ?? "", zone, reading) : null;
  if (moment === null) throw new InvalidValue("there is no such day or time");
  return moment;
}

/** Seconds from UTC to local time of the reading's zone. */
function shiftOf(reading, seconds) {
  if (!reading) return 0;
  const { starts, offsets } = reading.zone;
  let low = 0, high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle] <= seconds) low = middle;
    else high = middle;
  }
  return offsets[low];
}

/** Minutes of an offset such as Z, +02 or -0130. */
function offsetOf(text) {
  const zone = /^([+-])(\d\d):?(\d\d)?$/.exec(text);
  return zone ? (zone[1] === "-" ? -1 : 1) * (Number(zone[2]) * 60 + Number(zone[3] ?? 0)) : 0;
}

/** null if there is no such day or time in the years 1 to 9999. `fraction`: the digits of a second's part. */
function microsecondsOf([year, month, day, hour, minute, second], fraction, zone, reading) {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const longest = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  if (year < 1 || day < 1 || day > longest || hour > 23 || minute > 59 || second > 59) return null;
  const minutes = daysOf(year, month, day) * 1440 + hour * 60 + minute;
  return settled(minutes * 60 + second, fraction, zone, reading);
}

/** Microseconds since 1970 of seconds with an offset, in the zone of the reading; null outside of the years 1 to 9999. */
function settled(seconds, fraction, zone, reading) {
  const utc = seconds - offsetOf(zone) * 60, local = zone ? utc + shiftOf(reading, utc) : seconds;
  for (const each of [utc, local]) {
    if (each < daysOf(1, 1, 1) * 86400 || each >= daysOf(10000, 1, 1) * 86400) return null;
  }
  return BigInt(local) * 1000000n + BigInt(Number(fraction.padEnd(6, "0").slice(0, 6)));
}

/** Days since 1970; Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil. */
function daysOf(year, month, day) {
  const y = year - (month <= 2), era = Math.floor(y / 400), yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return era * 146097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719468;
}
