// The upload page: drag and drop, real progress, and a refusal that can be mended with one click.
// The browser keeps the File, so nobody has to look for it again. Without this file the form works as any form does.
(function () {
  "use strict";

  const form = document.getElementById("upload-form");
  if (!form) return;
  const input = form.querySelector("input[type=file]");
  const zone = form.querySelector("[data-drop-zone]");
  const facts = form.querySelector("[data-file-facts]");
  const problem = document.getElementById("upload-problem");
  const progress = form.querySelector("[data-upload-progress]");
  const progressWords = form.querySelector("[data-progress-words]");
  const words = document.getElementById("upload-words").dataset;
  const bar = progress.querySelector("progress");
  const submit = form.querySelector("[data-upload-submit]");
  const options = form.querySelector("[data-options]");
  const maxBytes = Number(form.dataset.maxBytes);
  let file = null;
  let request = null;

  form.classList.add("has-script");

  function size(bytes) {
    const units = ["bytes", "KB", "MB", "GB"];
    let at = 0;
    while (bytes >= 1024 && at < 3) {
      bytes /= 1024;
      at += 1;
    }
    return `${at ? bytes.toFixed(1) : bytes} ${units[at]}`;
  }

  // A sentence of the page with values in the places of {names}.
  function filled(sentence, values) {
    return sentence.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
  }

  function choose(chosen) {
    file = chosen || null;
    facts.textContent = file ? `${file.name} · ${size(file.size)}` : "";
    zone.classList.toggle("has-file", Boolean(file));
    say(null);
    if (file && file.size > maxBytes) {
      say({ message: filled(words.tooLarge, { size: size(file.size), limit: size(maxBytes) }) });
    }
  }

  input.addEventListener("change", () => choose(input.files[0]));

  // --- Drag and drop -----------------------------------------------------------------------------------
  let depth = 0;
  zone.addEventListener("dragenter", (event) => {
    event.preventDefault();
    depth += 1;
    zone.classList.add("is-over");
  });
  zone.addEventListener("dragover", (event) => event.preventDefault());
  zone.addEventListener("dragleave", () => {
    depth -= 1;
    if (depth <= 0) zone.classList.remove("is-over");
  });
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    zone.classList.remove("is-over");
    const dropped = event.dataTransfer.files;
    if (!dropped.length) return;
    if (dropped.length > 1) {
      say({ message: words.oneFile });
      return;
    }
    const holder = new DataTransfer();
    holder.items.add(dropped[0]);
    input.files = holder.files;
    choose(dropped[0]);
    submit.focus();
  });
  // A file that misses the zone would otherwise replace the page.
  for (const name of ["dragover", "drop"]) {
    document.addEventListener(name, (event) => {
      if (!zone.contains(event.target)) event.preventDefault();
    });
  }

  // --- Refusals ----------------------------------------------------------------------------------------
  function element(tag, text, name) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  }

  function say(refusal) {
    problem.replaceChildren();
    input.classList.toggle("is-invalid", Boolean(refusal));
    if (!refusal) return;
    const note = element("div", undefined, "note note-bad");
    const icon = element("i", undefined, "bi bi-x-circle");
    icon.setAttribute("aria-hidden", "true");
    const body = element("div");
    body.append(element("p", refusal.message));
    if (refusal.problems && refusal.problems.length) {
      const list = element("ul");
      for (const each of refusal.problems) list.append(element("li", each));
      body.append(list);
    }
    if (refusal.remedy) {
      const button = element("button", refusal.remedy.label, "btn btn-primary btn-sm");
      button.type = "button";
      button.addEventListener("click", () => mend(refusal.remedy));
      body.append(button);
    }
    note.append(icon, body);
    problem.append(note);
    const button = problem.querySelector("button");
    (button || problem).focus();
  }

  function mend(remedy) {
    const field = form.elements[remedy.option];
    if (field.type === "checkbox") field.checked = true;
    else field.value = remedy.value;
    options.open = true;
    send();
  }

  // --- Sending -----------------------------------------------------------------------------------------
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });

  form.querySelector("[data-upload-cancel]").addEventListener("click", () => {
    if (request) request.abort();
  });

  function send() {
    if (request) return;
    if (!file) file = input.files[0] || null; // the browser may have kept a choice over a reload
    if (!file) {
      say({ message: words.none });
      return;
    }
    if (file.size > maxBytes) {
      say({ message: filled(words.tooLarge, { size: size(file.size), limit: size(maxBytes) }) });
      return;
    }
    say(null);
    const data = new FormData(form);
    data.set("file", file, file.name);
    request = new XMLHttpRequest();
    request.open("POST", form.action || location.href);
    request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      bar.value = event.loaded / event.total;
      progressWords.textContent = filled(words.sent, { sent: size(event.loaded), size: size(event.total) });
    });
    request.upload.addEventListener("load", () => {
      bar.removeAttribute("value"); // reading takes as long as it takes
      progressWords.textContent = words.reading;
    });
    request.addEventListener("load", finish);
    request.addEventListener("error", () => {
      over();
      say({ message: words.lost });
    });
    request.addEventListener("abort", () => {
      over();
      say({ message: words.stopped });
    });
    progress.hidden = false;
    submit.disabled = true;
    bar.value = 0;
    progressWords.textContent = words.sending;
    request.send(data);
  }

  function finish() {
    const answer = parsed(request.responseText);
    const status = request.status;
    if (status === 201 && answer && answer.url) {
      progressWords.textContent = words.done;
      location.assign(answer.url);
      return;
    }
    const isSignedOut = new URL(request.responseURL).pathname.startsWith("/accounts/");
    over();
    if (answer && answer.message) say(answer);
    else if (isSignedOut) say({ message: words.signedOut });
    else if (status === 413) say({ message: filled(words.refusedSize, { limit: size(maxBytes) }) });
    else if (status === 403) say({ message: words.notAllowed });
    else say({ message: filled(words.status, { status }) });
  }

  // The JSON of this page; of an error page of ours, its sentence.
  function parsed(text) {
    try {
      return JSON.parse(text);
    } catch {
      const refusal = new DOMParser().parseFromString(text, "text/html").querySelector("[data-refusal]");
      return refusal && { message: refusal.textContent };
    }
  }

  function over() {
    request = null;
    progress.hidden = true;
    submit.disabled = false;
  }

  window.addEventListener("pageshow", () => {
    over();
    choose(input.files[0]); // also after "back": the browser may still hold the file
  });
})();
