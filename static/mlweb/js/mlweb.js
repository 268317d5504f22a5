// Small behaviours shared by all pages. Everything works without them.
(function () {
  "use strict";

  // <button data-copy="element-id">: copies the element's text and says so.
  document.addEventListener("click", async function (event) {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    if (!source) return;
    const text = "value" in source ? source.value : source.textContent;
    try {
      await navigator.clipboard.writeText(text.trim());
      say(button, "Copied");
    } catch {
      const range = document.createRange();
      range.selectNodeContents(source);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      say(button, "Selected: press Ctrl+C");
    }
  });

  function say(button, text) {
    const before = button.dataset.label || button.textContent;
    button.dataset.label = before;
    button.textContent = text;
    setTimeout(function () {
      button.textContent = before;
    }, 2000);
  }

  // <form data-autosubmit>: sends itself when a select in it changes (filters). A button stays for those without js.
  document.addEventListener("change", function (event) {
    const form = event.target.closest("form[data-autosubmit]");
    if (form && event.target.matches("select, input[type=checkbox]")) form.requestSubmit();
  });

  // <form data-once>: cannot be sent twice by a double click.
  document.addEventListener("submit", function (event) {
    const form = event.target.closest("form[data-once]");
    if (!form || event.defaultPrevented) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    for (const button of form.querySelectorAll("button[type=submit]")) button.classList.add("is-busy");
  });
  window.addEventListener("pageshow", function () {
    for (const form of document.querySelectorAll("form[data-once]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll(".is-busy")) button.classList.remove("is-busy");
    }
  });

  // <time data-elapsed-from="ISO">: ticks every second, so that waiting is visible between two polls.
  function tick() {
    for (const each of document.querySelectorAll("[data-elapsed-from]")) {
      const seconds = Math.max(0, Math.round((Date.now() - Date.parse(each.dataset.elapsedFrom)) / 1000));
      const text =
        seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
      if (each.textContent !== text) each.textContent = text;
    }
  }
  setInterval(tick, 1000);
  document.addEventListener("DOMContentLoaded", tick);
  document.addEventListener("htmx:afterSettle", tick);

  // Links to a part inside a closed <details> open it.
  function openTarget() {
    let id;
    try {
      id = decodeURIComponent(location.hash.slice(1));
    } catch {
      return; // a hash that is not well formed names nothing
    }
    const target = id && document.getElementById(id);
    const details = target && target.closest("details");
    if (details) details.open = true;
  }
  window.addEventListener("hashchange", openTarget);
  document.addEventListener("DOMContentLoaded", openTarget);
})();
