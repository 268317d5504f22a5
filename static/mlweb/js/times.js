// <time datetime="…" data-local="minute">30 Nov 2026, 16:07 UTC</time>: shown in the zone of the reader, with UTC as
// tooltip. data-local: "minute", "second", "day", or "title" where the tooltip alone holds the time.
(function () {
  "use strict";
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

  const language = document.documentElement.lang || "en";
  const dayOf = language === "en" ? null : new Intl.DateTimeFormat(language, { dateStyle: "long" });

  function two(number) {
    return String(number).padStart(2, "0");
  }

  function zone(at) {
    const parts = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" }).formatToParts(at);
    return parts.find((part) => part.type === "timeZoneName").value;
  }

  function words(at, precision) {
    const day = dayOf ? dayOf.format(at) : `${at.getDate()} ${MONTHS[at.getMonth()]} ${at.getFullYear()}`;
    if (precision === "day") return day;
    const seconds = precision === "second" ? `:${two(at.getSeconds())}` : "";
    return `${day}${dayOf ? "" : ","} ${two(at.getHours())}:${two(at.getMinutes())}${seconds} ${zone(at)}`;
  }

  function show(root) {
    for (const time of root.querySelectorAll("time[data-local]")) {
      const at = new Date(time.dateTime);
      const precision = time.dataset.local;
      time.removeAttribute("data-local");
      if (isNaN(at)) continue;
      if (precision === "title") {
        time.title = words(at, "minute");
      } else {
        time.title = precision === "day" ? words(at, "minute") : time.textContent;
        time.textContent = words(at, precision);
      }
    }
  }

  document.addEventListener("DOMContentLoaded", () => show(document));
  document.addEventListener("htmx:afterSwap", () => show(document));
  document.addEventListener("htmx:oobAfterSwap", () => show(document));
})();
