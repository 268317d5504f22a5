// The tools of the header: Ctrl+K, keys of one letter, the help beside the page, and notices. Everything is a link, too.
(function () {
  "use strict";

  const NEWS_MS = 20_000;
  const WAIT_MS = 120;
  const MAX_PLACES = 8;
  const MAX_TOASTS = 3;
  const byId = (id) => document.getElementById(id);
  let tools;

  document.addEventListener("DOMContentLoaded", function () {
    tools = document.querySelector("[data-header-tools]");
    if (!tools) return;
    setUpPalette();
    setUpHelp();
    setUpNews();
    document.addEventListener("keydown", onKey);
    document.addEventListener("click", onClick);
  });

  function onClick(event) {
    const close = event.target.closest("[data-close-dialog]");
    if (close) return close.closest("dialog").close();
    // A click beside a dialog is one on the dialog itself: its content fills it.
    if (event.target.matches("dialog[open].palette, dialog[open].keys-dialog")) return event.target.close();
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    if (event.target.closest("[data-open-palette]") && byId("palette").showModal) {
      event.preventDefault();
      openPalette();
    }
    const help = event.target.closest("[data-open-help]");
    if (help && window.bootstrap && window.htmx) {
      event.preventDefault();
      openHelp(help);
    }
    const notice = event.target.closest("[data-notice]");
    if (notice) markRead(notice.dataset.notice);
  }

  // --- Keys ---
  let isGoing = false;
  let goingTimer;

  function isTyping(element) {
    return (
      element instanceof Element &&
      (element.isContentEditable || element.closest("input, textarea, select, [role=combobox], [role=textbox], [role=listbox]"))
    );
  }

  function onKey(event) {
    if (event.isComposing) return;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      if (!tools.dataset.hits) return;
      event.preventDefault();
      openPalette();
      return;
    }
    if (tools.dataset.keys !== "on" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (isGoing) {
      stopGoing();
      const url = { d: tools.dataset.keyD, m: tools.dataset.keyM, a: tools.dataset.keyA, l: tools.dataset.keyL }[event.key];
      if (url) {
        event.preventDefault();
        location.assign(url);
      }
      return;
    }
    if (event.key === "g") {
      isGoing = true;
      goingTimer = setTimeout(stopGoing, 1500);
    } else if (event.key === "?") {
      event.preventDefault();
      byId("keys").showModal();
    } else if (event.key === "/") {
      const field = document.querySelector("main input[type=search]");
      if (!field && !tools.dataset.hits) return;
      event.preventDefault();
      if (field) field.focus();
      else openPalette();
    }
  }

  function stopGoing() {
    isGoing = false;
    clearTimeout(goingTimer);
  }

  // --- Ctrl+K: a combobox with a list (ARIA 1.2) ---
  let places = null;
  let shown = [];
  let active = -1;
  let asked = 0;
  let timer;

  function setUpPalette() {
    const input = byId("palette-input");
    input.addEventListener("input", function () {
      clearTimeout(timer);
      timer = setTimeout(look, WAIT_MS);
    });
    input.addEventListener("keydown", function (event) {
      if (event.isComposing) return;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        event.preventDefault();
        if (shown.length) activate((active + step + shown.length) % shown.length);
      } else if (event.key === "Enter" && shown.length) {
        event.preventDefault();
        location.assign(shown[Math.max(active, 0)].url);
      }
    });
  }

  function openPalette() {
    const dialog = byId("palette");
    if (dialog.open) return;
    const other = document.querySelector("dialog[open]");
    if (other) other.close();
    dialog.showModal();
    byId("palette-input").select();
    byId("palette-input").focus();
    look();
  }

  async function look() {
    const text = byId("palette-input").value.trim();
    const turn = ++asked;
    try {
      if (places === null) places = (await answerOf(tools.dataset.places)).places;
      const words = text.toLowerCase().split(/\s+/);
      const matching = places.filter((each) => words.every((word) => ` ${each.title} ${each.words}`.toLowerCase().includes(` ${word}`)));
      const rows = text ? (await answerOf(`${tools.dataset.hits}?q=${encodeURIComponent(text)}`)).hits : [];
      if (turn !== asked) return; // an older answer came later
      show([...rows, ...matching.slice(0, text ? MAX_PLACES : 20)]);
    } catch {
      if (turn === asked) show([], byId("palette").dataset.fault);
    }
  }

  async function answerOf(url) {
    const answer = await fetch(url, { headers: { Accept: "application/json" } });
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    return answer.json();
  }

  function show(found, fault) {
    const list = byId("palette-list");
    shown = found;
    list.replaceChildren(...found.map(option));
    byId("palette-input").setAttribute("aria-expanded", String(found.length > 0));
    activate(found.length ? 0 : -1);
    const words = byId("palette").dataset;
    document.querySelector("[data-palette-status]").textContent =
      fault || (found.length > 1 ? words.some.replace("{n}", found.length) : found.length ? words.one : words.none);
  }

  function option(place, index) {
    const item = document.createElement("a");
    item.id = `palette-option-${index}`;
    item.setAttribute("role", "option");
    item.tabIndex = -1;
    item.href = place.url;
    const icon = document.createElement("i");
    icon.className = `bi bi-${place.icon}`;
    icon.setAttribute("aria-hidden", "true");
    const title = document.createElement("span");
    title.className = "palette-title";
    title.textContent = place.title;
    item.append(icon, title);
    if (place.words && place.kind !== "page" && place.kind !== "action") {
      const detail = document.createElement("span");
      detail.className = "palette-detail";
      detail.textContent = place.words;
      item.append(detail);
    }
    const kind = document.createElement("span");
    kind.className = "palette-kind";
    kind.textContent = place.label;
    item.append(kind);
    return item;
  }

  function activate(index) {
    const input = byId("palette-input");
    active = index;
    byId("palette-list").querySelectorAll("[role=option]").forEach(function (each, place) {
      each.setAttribute("aria-selected", String(place === index));
      if (place === index) each.scrollIntoView({ block: "nearest" });
    });
    if (index < 0) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", `palette-option-${index}`);
  }

  // --- Help beside the page ---
  let helpButton = null;

  function setUpHelp() {
    byId("help-panel").addEventListener("shown.bs.offcanvas", function () {
      this.removeAttribute("aria-modal"); // the page beside it stays in use
      this.focus({ preventScroll: true });
    });
    byId("help-panel").addEventListener("hidden.bs.offcanvas", function () {
      if (helpButton) helpButton.focus({ preventScroll: true });
    });
  }

  function openHelp(link) {
    helpButton = link;
    const panel = window.bootstrap.Offcanvas.getOrCreateInstance(byId("help-panel"));
    panel.toggle();
    if (!byId("help-panel-body").childElementCount) {
      window.htmx.ajax("GET", link.getAttribute("href"), { target: "#help-panel-body", swap: "innerHTML" });
    }
  }

  // --- Notices ---
  const title = document.title;
  let last;

  function setUpNews() {
    last = Number(tools.dataset.last);
    setInterval(function () {
      if (document.visibilityState === "visible") news();
    }, NEWS_MS);
    document.addEventListener("visibilitychange", function () {
      if (document.visibilityState === "visible") news();
    });
    // For tests, and for pages that know that something has just ended.
    document.addEventListener("mlweb:news", news);
    count(Number(document.querySelector("[data-bell-number]").textContent));
  }

  async function news() {
    let answer;
    try {
      answer = await answerOf(`${tools.dataset.news}?after=${last}`);
    } catch {
      return; // the next time will do
    }
    if (!answer.news.length) return;
    const fresh = answer.news.filter((each) => each.id > last);
    last = Math.max(last, ...answer.news.map((each) => each.id));
    count(answer.unread);
    fresh.slice(0, MAX_TOASTS).reverse().forEach(toast);
  }

  function count(n) {
    document.querySelector("[data-bell-number]").textContent = String(n);
    document.querySelector("[data-bell-count]").hidden = !n;
    document.title = n ? `(${n}) ${title}` : title;
  }

  function toast(notice) {
    const place = document.querySelector("[data-toasts]");
    const item = document.createElement("div");
    item.className = notice.is_failure ? "toast-note is-failure" : "toast-note";
    const link = document.createElement("a");
    link.href = notice.url;
    link.dataset.notice = notice.id;
    link.textContent = notice.text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "btn-close";
    close.setAttribute("aria-label", place.dataset.close);
    close.addEventListener("click", () => item.remove());
    item.append(link, close);
    place.append(item);
    while (place.childElementCount > MAX_TOASTS) place.firstElementChild.remove();
  }

  function markRead(pk) {
    const token = document.querySelector("input[name=csrfmiddlewaretoken]");
    if (!token) return;
    fetch(tools.dataset.read, {
      method: "POST",
      keepalive: true, // the page is left at the same time
      headers: { "X-CSRFToken": token.value, "X-Requested-With": "XMLHttpRequest" },
      body: new URLSearchParams({ notice: pk }),
    });
  }
})();
