// One value of the form: its canonical form, a remark, or a refusal; predictor/ml/inputs/value_readers.py for text from a form.

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
const DATE = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?[\t-\r ]*(Z|z|[+-]\d\d:?(?:\d\d)?)?)?$/;
const FAR = 0.1;

class Refused extends Error {}

/** {value, remark}: the value is a number, a text, a BigInt moment, or null for missing. Throws Refused. */
function cellOf(field, text) {
  const trimmed = text.trim();
  if (field.role === "categorical" || field.role === "text" ? text === "" : trimmed === "") {
    return { value: null, remark: field.has_missing ? "" : "no value; training had one in every row" };
  }
  if (field.role === "numeric") return numberCell(field, trimmed);
  if (field.role === "boolean") return { value: trimmed === "true" ? 1 : 0, remark: "" };
  if (field.role === "datetime") return dateCell(field, trimmed);
  const isUnseen = field.role === "categorical" && field.levels.length > 0 && !field.levels.includes(text);
  return { value: text, remark: isUnseen ? "training had no such value" : "" };
}

function numberCell(field, text) {
  const value = Number(text);
  if (!NUMBER.test(text)) throw new Refused("this is not a number");
  if (!Number.isFinite(value)) throw new Refused("the number is too large");
  return { value, remark: outside(value, field.minimum, field.maximum) };
}

function dateCell(field, text) {
  const value = momentOf(text);
  const [low, high] = [field.minimum, field.maximum].map((end) => (end === null ? null : Number(momentOf(end))));
  return { value, remark: outside(Number(value), low, high) };
}

function outside(value, low, high) {
  if (low === null || high === null) return "";
  const margin = FAR * (high - low);
  return value < low - margin || value > high + margin ? "far outside of what training saw" : "";
}

/** Microseconds since 1970, UTC, of a date such as 2024-05-31 or 2024-05-31T14:30:00+02:00. */
function momentOf(text) {
  const found = DATE.exec(text);
  if (!found) throw new Refused("this is not a date such as 2024-05-31 or 2024-05-31T14:30");
  const offset = offsetOf(found[8] ?? ""), numbers = found.slice(1, 7).map((part) => Number(part ?? 0));
  const moment = Math.abs(offset) < 1440 ? microsecondsOf(numbers, found[7] ?? "", offset) : null;
  if (moment === null) throw new Refused("there is no such day or time");
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
