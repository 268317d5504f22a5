// One value of the form: its canonical form, a remark, or a refusal; predictor/ml/inputs/value_readers.py for text from a form.

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
const DATE = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?[\t-\r ]*(Z|z|[+-]\d\d:?(?:\d\d)?)?)?$/;
const RANGE_MARGIN = 0.1;

class InvalidValue extends Error {}

/** {value, remark}: the value is a number, a text, a BigInt moment, or null for missing. Throws InvalidValue. */
function cellOf(field, text) {
  const { reading } = field;
  if (reading?.spellings) return categoryCell(field, categoryByReading(reading, text));
  const read = reading ? valueByReading(reading, text) : undefined;
  if (read !== undefined) return { value: read, remark: remarkOf(field, read) };
  // A text that the reading does not know may still have a plain form.
  const trimmed = reading ? bareOf(reading, text) : text.trim();
  if (field.role === "categorical" || field.role === "text" ? text === "" : trimmed === "") {
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

function categoryCell(field, value) {
  if (value === null) return { value, remark: remarkOf(field, value) };
  const isUnseen = field.role === "categorical" && field.levels.length > 0 && !field.levels.includes(value);
  return { value, remark: isUnseen ? "training had no such value" : "" };
}

function numberCell(field, text) {
  const value = Number(text);
  if (!NUMBER.test(text)) throw new InvalidValue("this is not a number");
  if (!Number.isFinite(value)) throw new InvalidValue("the number is too large");
  return { value, remark: remarkOf(field, value) };
}

function dateCell(field, text) {
  const value = momentOf(text);
  return { value, remark: remarkOf(field, value) };
}

/** What is unusual about a value of this field that is no category. */
function remarkOf(field, value) {
  if (value === null) return field.has_missing ? "" : "no value; training had one in every row";
  if (field.role === "numeric") return outside(value, field.minimum, field.maximum);
  if (field.role !== "datetime") return "";
  const [low, high] = [field.minimum, field.maximum].map((end) => (end === null ? null : Number(momentOf(end))));
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
  if (word === "" || reading.missing.includes(word) || reading.absent.includes(text)) return null;
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

function numberByReading({ gaps, decimal }, parts) {
  if (!parts) return undefined;
  const sign = (parts.sign ?? "") + (parts.inner ?? ""), isOpen = parts.open !== undefined;
  const digits = Array.from(parts.core).filter((each) => !gaps.includes(each)).join("").replace(decimal, ".");
  const isWhole = /^\d+$/.test(digits), isCode = /^0\d/.test(parts.core) || (sign === "+" && digits.length > 6 && isWhole);
  const isInexact = isWhole && (digits.length > 400 || BigInt(digits) > 2n ** 53n);
  if (isCode || isInexact || isOpen !== (parts.close !== undefined) || sign.length > 1) return undefined;
  const number = Number(digits);
  if (!Number.isFinite(number)) return undefined;
  return isOpen !== (sign === "-" || sign === "−") ? -number : number;
}

function momentByReading({ months, pivot }, parts) {
  if (!parts) return undefined;
  const name = parts.mon?.toLowerCase().replace(".", "");
  if (name && !Object.hasOwn(months, name)) return undefined;
  const century = parts.y.length > 2 ? 0 : Number(parts.y) >= pivot ? 1900 : 2000;
  const clock = [parts.h, parts.min, parts.s].map((part) => Number(part ?? 0));
  const numbers = [century + Number(parts.y), name ? months[name] : Number(parts.m), Number(parts.d ?? 1), ...clock];
  return microsecondsOf(numbers, parts.us ?? "", offsetOf(parts.z ?? "")) ?? undefined;
}

/** Microseconds since 1970, UTC, of a date such as 2024-05-31 or 2024-05-31T14:30:00+02:00. */
function momentOf(text) {
  const found = DATE.exec(text);
  if (!found) throw new InvalidValue("this is not a date such as 2024-05-31 or 2024-05-31T14:30");
  const offset = offsetOf(found[8] ?? ""), numbers = found.slice(1, 7).map((part) => Number(part ?? 0));
  const moment = Math.abs(offset) < 1440 ? microsecondsOf(numbers, found[7] ?? "", offset) : null;
  if (moment === null) throw new InvalidValue("there is no such day or time");
  return moment;
}

/** Minutes of an offset such as Z, +02 or -0130. */
function offsetOf(text) {
  const zone = /^([+-])(\d\d):?(\d\d)?$/.exec(text);
  return zone ? (zone[1] === "-" ? -1 : 1) * (Number(zone[2]) * 60 + Number(zone[3] ?? 0)) : 0;
}

/** null if there is no such day or time in the years 1 to 9999. `fraction`: the digits of a second's part. */
function microsecondsOf([year, month, day, hour, minute, second], fraction, offset) {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const longest = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  if (year < 1 || day < 1 || day > longest || hour > 23 || minute > 59 || second > 59) return null;
  const minutes = daysOf(year, month, day) * 1440 + hour * 60 + minute - offset;
  if (minutes < daysOf(1, 1, 1) * 1440 || minutes >= daysOf(10000, 1, 1) * 1440) return null;
  const micro = Number(fraction.padEnd(6, "0").slice(0, 6));
  return BigInt(minutes) * 60000000n + BigInt(second * 1000000 + micro);
}

/** Days since 1970; Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil. */
function daysOf(year, month, day) {
  const y = year - (month <= 2), era = Math.floor(y / 400), yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return era * 146097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719468;
}
