// A published form. Without this file it still works: the whole page comes back with the answer.
// With it, nothing that was typed is lost while the connection is away or the page is busy.
(function () {
  "use strict";

  document.addEventListener("submit", async function (event) {
    const form = event.target;
    if (form.id !== "row-form") return;
    event.preventDefault();
    const button = form.querySelector("button[type=submit]");
    const words = document.getElementById("link-words").dataset;
    button.disabled = true;
    try {
      const response = await fetch(form.action.split("#")[0], {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
      if (response.status === 429 || response.status === 503) return note(words.busy);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const main = page.querySelector("main");
      if (!main) return note(words.busy);
      document.querySelector("main").replaceWith(main);
      const answer = document.getElementById("answer");
      if (answer) {
        answer.scrollIntoView({ block: "start" });
        answer.focus({ preventScroll: true });
      }
    } catch {
      note(words.offline);
    } finally {
      button.disabled = false;
    }
  });

  function note(sentence) {
    const answer = document.getElementById("answer");
    const text = document.createElement("p");
    text.className = "note note-bad";
    text.setAttribute("role", "alert");
    text.textContent = sentence;
    answer.replaceChildren(text);
    answer.removeAttribute("aria-labelledby");
    answer.hidden = false;
    answer.scrollIntoView({ block: "start" });
  }
})();
