/* The slider of a version's thresholds: every figure stands ready in a table from the server, and is looked up. */
(function () {
  "use strict";

  function field(form, name) {
    return form.querySelector(`[name="threshold-${name}"]`);
  }

  function show(root, steps, step) {
    const slider = root.querySelector(".threshold-slider");
    for (const each of root.querySelectorAll("[data-figure]")) each.textContent = steps.texts[each.dataset.figure][step];
    for (const each of root.querySelectorAll("[data-none]")) each.hidden = !steps.none[step];
    root.querySelector("[data-outcome]").classList.toggle("is-none", steps.none[step]);
    root.querySelector("[data-threshold-value]").value = steps.values[step];
    const place = `${(100 * step) / Math.max(steps.values.length - 1, 1)}%`;
    const line = root.querySelector("[data-selected]");
    line.setAttribute("x1", place);
    line.setAttribute("x2", place);
    slider.setAttribute("aria-valuetext", steps.texts.threshold[step]);
    for (const each of root.querySelectorAll("tr.is-selected")) each.classList.remove("is-selected");
    const form = root.querySelector("form[method=post]");
    field(form, "by").value = "fixed";
    field(form, "value").value = steps.values[step];
  }

  function start() {
    const root = document.querySelector("[data-thresholds]");
    if (!root || root.dataset.ready) return;
    const steps = JSON.parse(document.getElementById(root.dataset.thresholds).textContent);
    const slider = root.querySelector(".threshold-slider");
    root.dataset.ready = "yes";
    slider.hidden = steps.values.length < 2;
    slider.addEventListener("input", () => show(root, steps, Number(slider.value)));
  }

  document.addEventListener("DOMContentLoaded", start);
  document.addEventListener("htmx:afterSettle", start);
  start();
})();
