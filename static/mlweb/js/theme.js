// Light or dark, set before the first paint. "auto" follows the system; a choice is kept in this browser.
// Loaded without `defer` in <head>; buttons with [data-theme-choice] switch.
(function () {
  "use strict";
  document.documentElement.classList.add("js"); // the style sheet hides what only a script can do
  const KEY = "mlweb-theme";
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  function choice() {
    try {
      const kept = localStorage.getItem(KEY);
      return kept === "light" || kept === "dark" ? kept : "auto";
    } catch {
      return "auto"; // storage is switched off
    }
  }

  function apply() {
    const theme = choice() === "auto" ? (system.matches ? "dark" : "light") : choice();
    const root = document.documentElement;
    if (root.dataset.bsTheme !== theme) {
      root.dataset.bsTheme = theme;
      document.dispatchEvent(new CustomEvent("mlweb:theme", { detail: theme }));
    }
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice()));
    }
  }

  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", apply);
  document.addEventListener("click", function (event) {
    const button = event.target.closest("[data-theme-choice]");
    if (!button) return;
    try {
      localStorage.setItem(KEY, button.dataset.themeChoice);
    } catch {
      // Without storage the choice cannot be kept.
    }
    apply();
  });
})();
