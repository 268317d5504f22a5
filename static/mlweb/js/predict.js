// The form for one row. Without this file it still works: the page comes back with the answer or the errors.
(function () {
  "use strict";

  // Sliders say where they stand, also when they are set back.
  document.addEventListener("input", (event) => tell(event.target));
  document.addEventListener("reset", function (event) {
    if (!event.target.querySelector("[data-what-if-reset]")) return;
    setTimeout(function () {
      for (const slider of event.target.querySelectorAll("input[type=range]")) tell(slider);
      event.target.dispatchEvent(new Event("change", { bubbles: true }));
    });
  });

  function tell(slider) {
    const field = slider.closest(".what-if-slider");
    if (!field) return;
    const value = Number(slider.value);
    const isYear = Number.isInteger(value) && Math.abs(value) < 1e15;
    field.querySelector("output").textContent = value.toLocaleString("en", {
      maximumSignificantDigits: isYear ? 15 : 5,
      useGrouping: Math.abs(value) >= 1e4,
    });
  }

  // A refusal is an answer, too, whatever its status: htmx would leave it out. Our pages mark its sentence; what a
  // proxy says is not shown. Of a whole error page the sentence alone is shown.
  document.addEventListener("htmx:beforeSwap", function (event) {
    const { target, xhr } = event.detail;
    if (xhr.status < 400 || !target.matches("[data-answer]")) return;
    const page = new DOMParser().parseFromString(xhr.responseText, "text/html");
    const refusal = page.querySelector("[data-refusal]");
    if (!refusal) return;
    event.detail.shouldSwap = true;
    event.detail.isError = false;
    if (page.querySelector("main")) event.detail.serverResponse = note(refusal.textContent).outerHTML;
  });

  // The connection broke, or something else than our pages answered: say so where the answer would be.
  for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.addEventListener(name, function (event) {
      const { target, xhr } = event.detail;
      if (!target.matches("[data-answer]")) return;
      const status = xhr ? xhr.status : 0;
      const words = document.getElementById("predict-words").dataset;
      target.replaceChildren(note(status ? words.status.replace("{status}", status) : words.unreachable));
    });
  }

  function note(sentence) {
    const text = document.createElement("p");
    text.className = "note note-bad";
    text.setAttribute("role", "alert");
    text.textContent = sentence;
    return text;
  }

  let hasTyped = false;
  document.addEventListener("input", () => (hasTyped = true), { once: true });

  // Screen readers hear the answer itself, not all that explains it. A refusal is an alert of its own.
  document.addEventListener("htmx:afterSettle", function (event) {
    const by = event.detail.requestConfig && event.detail.requestConfig.elt;
    if (by && by.id === "live" && !hasTyped) return; // the answer to the row that the page begins with
    const status = document.querySelector(`[data-answer-status="${event.detail.target.id}"]`);
    const parts = event.detail.target.querySelectorAll(".answer-target, .answer-label, .answer-sure, .difference");
    if (status) status.textContent = Array.from(parts, (part) => part.textContent.trim()).join(": ");
  });

  const form = document.getElementById("row-form");
  const answer = document.getElementById("answer");
  if (!form || !answer) return;

  const live = document.getElementById("live");
  // What was sent last to be logged: a preview of the same values would only replace its answer.
  let sent = null;

  function values() {
    return new URLSearchParams(new FormData(form)).toString();
  }

  document.addEventListener("htmx:beforeRequest", function (event) {
    const by = event.detail.elt;
    if (by === live && values() === sent) event.preventDefault();
    if (by === form) sent = values();
  });
  document.addEventListener("htmx:responseError", () => (sent = null));

  // The sentences of the service beside the fields that they are about.
  document.addEventListener("htmx:afterSwap", function (event) {
    if (event.detail.target !== answer) return;
    const isPreview = event.detail.requestConfig && event.detail.requestConfig.elt === live;
    clearErrors();
    const faults = answer.querySelectorAll("[data-field]");
    for (const fault of faults) showError(fault.dataset.field, fault.dataset.message);
    // While somebody types, nothing opens and nothing scrolls.
    if (isPreview) return;
    if (faults.length) openAround(fieldOf(faults[0].dataset.field));
    if (matchMedia("(max-width: 991.98px)").matches) answer.scrollIntoView({ block: "start" });
  });

  // The search above the fields: shows those whose name has the words, also folded ones.
  const search = document.querySelector("[data-field-search]");
  if (search) {
    const none = document.querySelector("[data-no-field]");
    const more = document.getElementById("more-fields");
    let wasOpen = more && more.open;
    search.addEventListener("input", function () {
      const words = search.value.trim().toLowerCase();
      if (more && !words) more.open = wasOpen;
      else if (more) more.open = true;
      let shown = 0;
      for (const field of form.querySelectorAll("[data-search]")) {
        field.hidden = !field.dataset.search.includes(words);
        if (!field.hidden) shown += 1;
      }
      none.hidden = shown > 0;
    });
    search.addEventListener("focus", function () {
      if (more && !search.value) wasOpen = more.open;
    });
  }

  answer.addEventListener("click", function (event) {
    const link = event.target.closest("[data-field] a");
    if (!link) return;
    event.preventDefault();
    const field = fieldOf(link.closest("[data-field]").dataset.field);
    openAround(field);
    if (field) (field.matches("input, select, textarea") ? field : field.querySelector("input")).focus();
  });

  function fieldOf(name) {
    return document.getElementById(name);
  }

  function openAround(field) {
    const details = field && field.closest("details");
    if (details) details.open = true;
  }

  function clearErrors() {
    for (const field of form.querySelectorAll("[aria-invalid]")) {
      field.removeAttribute("aria-invalid");
      field.classList.remove("is-invalid");
      const described = (field.getAttribute("aria-describedby") || "").split(" ");
      field.setAttribute("aria-describedby", described.filter((id) => !id.endsWith("-error")).join(" "));
    }
    for (const text of form.querySelectorAll(".invalid-feedback")) text.remove();
  }

  function showError(name, message) {
    const found = fieldOf(name);
    if (!found) return;
    const field = found.matches("input, select, textarea") ? found : found.closest("fieldset");
    const text = document.createElement("p");
    text.className = "invalid-feedback";
    text.id = `${name}-error`;
    text.textContent = message;
    field.classList.add("is-invalid");
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") || ""} ${text.id}`.trim());
    const hint = document.getElementById(`${name}-hint`);
    if (hint) hint.before(text);
  }
})();
