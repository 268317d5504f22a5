// The page of a version: the part that one reads is marked in the row of links. Everything works without it.
(function () {
  "use strict";

  const links = new Map();
  for (const link of document.querySelectorAll(".page-parts a")) {
    const part = document.getElementById(link.hash.slice(1));
    if (part) links.set(part, link);
  }
  if (!links.size) return;

  const visible = new Set();
  const watcher = new IntersectionObserver(
    function (entries) {
      for (const entry of entries) {
        if (entry.isIntersecting) visible.add(entry.target);
        else visible.delete(entry.target);
      }
      const first = [...links.keys()].find((part) => visible.has(part));
      for (const [part, link] of links) {
        if (part === first) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    },
    { rootMargin: "-15% 0px -60% 0px" }
  );
  for (const part of links.keys()) watcher.observe(part);
})();
