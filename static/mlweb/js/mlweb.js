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
      say(button, document.body.dataset.copied);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(source);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      say(button, document.body.dataset.selected);
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

  // <form data-autosubmit>: sends itself when a select in it is changed by pointer (filters). With the keys each
  // arrow is a change, and the page would run away under them: there the button sends.
  let isByPointer = false;
  document.addEventListener("pointerdown", () => (isByPointer = true), true);
  document.addEventListener("keydown", () => (isByPointer = false), true);
  document.addEventListener("change", function (event) {
    const form = event.target.closest("form[data-autosubmit]");
    if (form && isByPointer && event.target.matches("select, input[type=checkbox]")) form.requestSubmit();
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

  // <span data-elapsed-seconds="12.5">: ticks on from there, so that waiting is visible between two polls.
  // Counted from when the page got it: the clocks of server and browser need not agree.
  const begun = new WeakMap();
  function tick() {
    for (const each of document.querySelectorAll("[data-elapsed-seconds]")) {
      if (!begun.has(each)) begun.set(each, performance.now() - 1000 * Number(each.dataset.elapsedSeconds));
      const seconds = Math.max(0, Math.round((performance.now() - begun.get(each)) / 1000));
      const text =
        seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
      if (each.textContent !== text) each.textContent = text;
    }
  }
  setInterval(tick, 1000);
  document.addEventListener("DOMContentLoaded", tick);
  document.addEventListener("htmx:afterSettle", tick);

  // Signed out meanwhile: the whole page goes to the sign-in page, not a piece of it.
  document.addEventListener("htmx:beforeSwap", function (event) {
    const answered = event.detail.xhr.responseURL;
    if (!answered || !new URL(answered).pathname.startsWith("/accounts/")) return;
    event.detail.shouldSwap = false;
    location.reload();
  });

  // A table that cannot be shown as asked says why in its place.
  document.addEventListener("htmx:beforeSwap", function (event) {
    const status = event.detail.xhr.status;
    if (event.detail.target.closest("[data-table]") && (status === 400 || status === 503)) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });

  // What has the focus keeps it over a swap: a button that is disabled while its request runs, or an element that is
  // replaced by its like. Where there is none in the new part, the part gets the focus, so that Tab goes on from there.
  let lost = null;
  for (const name of ["htmx:beforeRequest", "htmx:beforeSwap", "htmx:oobBeforeSwap"]) {
    document.addEventListener(name, function (event) {
      const element = document.activeElement;
      if (!element || element === document.body) {
        if (name === "htmx:beforeRequest") lost = null;
        return;
      }
      const part = event.detail.target && event.detail.target.contains(element) ? event.detail.target : element;
      lost = { element: element, id: element.id, words: element.textContent.trim(), tag: element.tagName, part: part.id };
    });
  }
  for (const name of ["htmx:afterRequest", "htmx:afterSettle", "htmx:oobAfterSwap"]) document.addEventListener(name, refocus);

  function refocus() {
    if (!lost || (document.activeElement && document.activeElement !== document.body)) return;
    if (lost.element.isConnected) {
      lost.element.focus({ preventScroll: true });
      return;
    }
    const part = document.getElementById(lost.part) || document.getElementById("main");
    const same = Array.from(part.querySelectorAll(lost.tag)).find((each) => each.textContent.trim() === lost.words);
    const next = document.getElementById(lost.id) || (lost.words && same) || part;
    if (next === part && !part.hasAttribute("tabindex")) part.tabIndex = -1;
    next.focus({ preventScroll: true });
    if (document.activeElement === document.body) document.getElementById("main").focus({ preventScroll: true });
  }

  // <details data-menu>: a menu of the navigation. Closed by Escape, by a click elsewhere, and when the focus leaves it.
  function closeMenus(except) {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (!menu.contains(except)) menu.open = false;
    }
  }
  document.addEventListener("click", (event) => closeMenus(event.target));
  document.addEventListener("focusin", (event) => closeMenus(event.target));
  // On the window, and no further: Bootstrap, which listens on the document, expects a button of its own beside each menu.
  window.addEventListener(
    "keydown",
    function (event) {
      const menu = event.target instanceof Element && event.target.closest("details[data-menu][open]");
      if (!menu || !["Escape", "ArrowDown", "ArrowUp"].includes(event.key)) return;
      event.stopPropagation();
      event.preventDefault();
      const stops = Array.from(menu.querySelectorAll("summary, a, button"));
      const step = event.key === "ArrowDown" ? 1 : -1;
      const next = stops[(stops.indexOf(document.activeElement) + step + stops.length) % stops.length];
      if (event.key === "Escape") menu.open = false;
      (event.key === "Escape" ? stops[0] : next).focus();
    },
    true
  );

  // A closed message takes its button along.
  document.addEventListener("closed.bs.alert", function () {
    if (document.activeElement === document.body) document.getElementById("main").focus({ preventScroll: true });
  });

  // Links to a part inside a closed <details> open it.
  function openTarget() {
    let id;
    try {
      id = decodeURIComponent(location.hash.slice(1));
    } catch {
      return; // a hash that is not well formed names nothing
    }
    const target = id && document.getElementById(id);
    let details = target && target.closest("details");
    for (; details; details = details.parentElement.closest("details")) details.open = true;
  }
  window.addEventListener("hashchange", openTarget);
  document.addEventListener("DOMContentLoaded", openTarget);
})();
