// The offline page: unpacks the model, checks digest and golden rows, and predicts the row in the form.

const byId = (id) => document.getElementById(id);

/** The text in the language of the page, with its values. */
let words = {};
function say(text, values = {}) {
  return (words[text] ?? text).replace(/%\((\w+)\)s/g, (whole, name) => values[name] ?? whole);
}

function made(tag, attributes = {}, ...inside) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...inside);
  return node;
}

async function unpacked(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function digestOf(bytes) {
  if (!globalThis.crypto?.subtle) return null; // browsers may not offer it to pages opened from a file
  const found = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(found, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function loaded() {
  const model = JSON.parse(byId("data").textContent);
  words = model.words;
  const bytes = await unpacked(byId("model").textContent.trim());
  const digest = await digestOf(bytes);
  if (digest !== null && digest !== model.digest) throw new Error(say("The model in this file is not the one it was made with."));
  model.graph = readModel(bytes);
  const difference = goldenDifference(model);
  if (!(difference <= GOLDEN_TOLERANCE)) {
    throw new Error(say("This browser computes other answers than those that were stored with the model."));
  }
  return { model, difference };
}

function control(field, place) {
  const id = `f${place}`, typical = field.typical === null ? "" : shownIn(field, field.typical);
  if (field.role === "boolean") {
    const options = [["true", say("Yes")], ["false", say("No")], ["", say("Missing")]];
    const node = made("select", { id }, ...options.map(([value, label]) => made("option", { value }, label)));
    node.value = typical;
    return node;
  }
  const node = made("input", { id, autocomplete: "off", "aria-describedby": `${id}-note` });
  node.value = typical;
  if (field.role === "numeric") node.setAttribute("inputmode", "decimal");
  if (field.role === "datetime") node.setAttribute("placeholder", "2024-05-31");
  if (field.levels.length) node.setAttribute("list", `${id}-levels`);
  return node;
}

function hintOf(field) {
  const range = field.minimum !== null ? say("%(low)s to %(high)s", { low: shownIn(field, field.minimum), high: shownIn(field, field.maximum) }) : "";
  const count = field.levels.length ? say("%(n)s categories", { n: field.levels.length }) : "";
  return [range || count || (field.role === "text" ? say("free text") : ""), field.has_missing ? "" : say("never missing")].filter(Boolean).join(" · ");
}

function showForm(model) {
  model.signature.fields.forEach((field, place) => {
    const list = made("datalist", { id: `f${place}-levels` }, ...field.levels.slice(0, 1000).map((value) => made("option", { value })));
    byId("fields").append(made("div", { class: "field" },
      made("label", { for: `f${place}` }, field.name), control(field, place), list,
      made("small", { id: `f${place}-hint` }, hintOf(field)),
      made("small", { id: `f${place}-note`, class: "note", role: "status" })));
  });
  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    showAnswer(model);
  });
}

/** Row of the form as canonical values by column; null if a field is invalid. */
function rowOf(model) {
  const row = new Map();
  let isGood = true;
  model.signature.fields.forEach((field, place) => {
    const node = byId(`f${place}`), note = byId(`f${place}-note`);
    node.removeAttribute("aria-invalid");
    try {
      const { value, remark } = cellOf(field, node.value);
      row.set(field.name, value);
      note.textContent = say(remark);
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      isGood = false;
      note.textContent = say(error.message);
      node.setAttribute("aria-invalid", "true");
    }
  });
  return isGood ? row : null;
}

function showAnswer(model) {
  const row = rowOf(model), box = byId("answer");
  box.replaceChildren();
  if (row === null) {
    box.append(made("p", { class: "bad" }, say("One of the values cannot be used; it is marked.")));
    return;
  }
  const answer = answerOf(model, row);
  if (answer.prediction === null) {
    box.append(made("p", { class: "bad" }, say("The model gave no finite answer for this row.")));
    return;
  }
  box.append(made("p", { class: "big", id: "prediction" }, answer.code === undefined ? String(answer.prediction) : model.class_names[answer.code]));
  const percent = Math.round(100 * (model.uncertainty?.coverage ?? 0));
  // Never 100 %: a row still more unusual can always come.
  const than = answer.score > 0.999 ? "more than 99.9" : (100 * answer.score).toPrecision(4);
  if (answer.score !== undefined) box.append(made("p", {}, say("Less usual than %(percent)s % of rows like those of training", { percent: than })));
  if (answer.interval) box.append(made("p", {}, say("%(low)s to %(high)s in %(percent)s of 100 cases", { ...answer.interval, percent })));
  if (answer.probabilities) {
    const order = answer.probabilities.map((_, place) => place).sort((a, b) => answer.probabilities[b] - answer.probabilities[a]);
    box.append(made("dl", {}, ...order.slice(0, 10).flatMap((place) => [
      made("dt", {}, model.class_names[place]), made("dd", {}, `${(100 * answer.probabilities[place]).toPrecision(4)} %`)])));
  }
  if (answer.set?.length) box.append(made("p", {}, say("Come into question: %(answers)s", { answers: answer.set.map((each) => model.class_names[model.signature.classes.indexOf(each)]).join(", ") })));
  if (answer.set?.length === 0) box.append(made("p", {}, say("The model is less sure of this row than of most rows that it predicts right.")));
}

async function start() {
  const state = byId("state");
  try {
    const { model, difference } = await loaded();
    showForm(model);
    byId("predict").disabled = false;
    state.textContent = say("Checked: this browser gives the stored answers for %(n)s rows (largest relative difference: %(difference)s).", { n: model.golden.answers.length, difference: difference.toExponential(1) });
    state.className = "good";
    globalThis.mlweb = { // for programs that drive the page: texts in the order of the form
      answer: (texts) => answerOf(model, new Map(model.signature.fields.map((field, place) => [field.name, cellOf(field, texts[place] ?? "").value]))),
    };
  } catch (error) {
    state.textContent = say("This page will not predict. %(reason)s", { reason: error.message });
    state.className = "bad";
    byId("predict").disabled = true;
  }
  document.documentElement.dataset.ready = state.className;
}

start();
