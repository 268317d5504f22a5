// Makes charts live. The server draws them (predictor/web/charts/); this file answers the pointer and the keys: values at a
// point, zoom, full screen, PNG, SVG and CSV. It does nothing until a chart is touched.
//
// A chart is a <figure data-chart> with an SVG of the class `plot`. One with two axes of numbers also has its data as JSON in
// `.chart-document` (see plots.py); it can be zoomed, and is drawn again from these data with round ticks for the part that
// is shown. Other charts have words on each row (`<title>`). No HTML is made from data.
(function () {
  "use strict";
  // A page may name this file twice.
  if (document.documentElement.dataset.charts) return;
  document.documentElement.dataset.charts = "live";

  const SVG = "http://www.w3.org/2000/svg";
  const DAY = 86400;
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const LANGUAGE = document.documentElement.lang || "en";
  const WIDTH = 1000; // of the coordinates of paths, which are stretched
  const STRONGEST = 1e-9; // the smallest part of the whole axis that is shown
  const charts = new WeakMap();

  // --- Elements and texts ---

  function make(tag, attributes, ...children) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  const px = (value) => String(Math.round(value * 10) / 10);
  const percent = (part) => `${Math.round(part * 1e4) / 100}%`;
  const look = (slot) => `slot-${((slot - 1) % 8) + 1}${(slot - 1) % 16 >= 8 ? " is-second" : ""}`;

  // As the filter `number` of the templates.
  function number(value) {
    const size = Math.abs(value);
    if (Number.isInteger(value) && size < 1e15) return value.toLocaleString("en");
    if (size >= 1e12 || size < 1e-4) return value.toExponential(3);
    return value.toLocaleString("en", { maximumSignificantDigits: Math.max(5, Math.ceil(Math.log10(size + 1))) });
  }

  function inLanguage(at, parts) {
    return new Intl.DateTimeFormat(LANGUAGE, { timeZone: "UTC", ...parts }).format(at);
  }

  function day(at, withYear) {
    if (LANGUAGE !== "en") return inLanguage(at, { day: "numeric", month: "short", ...(withYear && { year: "numeric" }) });
    return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}${withYear ? ` ${at.getUTCFullYear()}` : ""}`;
  }

  function month(at, withYear) {
    if (LANGUAGE !== "en") return inLanguage(at, { month: "short", ...(withYear && { year: "numeric" }) });
    return `${MONTHS[at.getUTCMonth()]}${withYear ? ` ${at.getUTCFullYear()}` : ""}`;
  }

  function moment(seconds, withClock) {
    const at = new Date(seconds * 1000);
    return withClock || seconds % DAY ? `${day(at, true)}${LANGUAGE === "en" ? "," : ""} ${at.toISOString().slice(11, 16)} UTC` : day(at, true);
  }

  function words(axis, value) {
    if (axis.kind === "time") return moment(value);
    return axis.percent ? `${number(Math.round(value * 1000) / 10)} %` : number(value);
  }

  // --- Scales: the same as scales.py ---

  function roundStep(span, most) {
    const least = span / most;
    const power = 10 ** Math.floor(Math.log10(least));
    return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least * (1 - 1e-9));
  }

  function decimal(value, step) {
    const decimals = Math.min(20, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
    const text = value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    return text.replace(/^-(?=[0.]*$)/, "");
  }

  function tickLabel(value, step, largest, isPercent) {
    if (isPercent) return `${decimal(value * 100, step * 100)} %`;
    if (largest >= 1e12 || (value && step < 1e-6)) return value.toPrecision(3);
    for (const [size, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
      if (value && largest >= Math.max(size, 1e4)) return `${decimal(value / size, step / size)} ${letter}`;
    }
    return decimal(value, step);
  }

  function linearScale(axis, low, high, isExact, most) {
    if (!(high > low)) [low, high] = [low - (Math.abs(low) / 2 || 1), high + (Math.abs(high) / 2 || 1)];
    let step = roundStep(high - low, most);
    if (axis.whole) step = Math.max(1, step);
    const first = isExact ? Math.ceil(low / step - 1e-9) : Math.floor(low / step + 1e-9);
    const last = isExact ? Math.floor(high / step + 1e-9) : Math.ceil(high / step - 1e-9);
    const values = [];
    for (let place = first; place <= last; place++) values.push(step >= 1 ? place * step : place / Math.round(1 / step));
    const largest = Math.max(0, ...values.map(Math.abs));
    const ticks = values.map((value) => [value, tickLabel(value, step, largest, axis.percent)]);
    return isExact ? { low, high, ticks } : { low: values[0], high: values[values.length - 1], ticks };
  }

  function logScale(axis, low, high) {
    const ticks = [];
    const factors = Math.log10(high / low) <= 2 ? [1, 2, 5] : [1];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const factor of factors) {
        const value = factor * 10 ** power;
        if (value >= low && value <= high) ticks.push([value, tickLabel(value, value, value)]);
      }
    }
    // A part without a 1, 2 or 5 in it has ticks of its own.
    return { low, high, ticks: ticks.length > 1 ? ticks : linearScale(axis, low, high, true, 4).ticks };
  }

  function timeScale(low, high) {
    const span = high - low;
    const ticks = [];
    let year;
    const add = (value, label) => {
      const at = new Date(value * 1000);
      ticks.push([value, label(at, at.getUTCFullYear() !== year)]);
      year = at.getUTCFullYear();
    };
    const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, DAY, 2 * DAY, 7 * DAY, 14 * DAY];
    const step = steps.find((each) => span / each <= 5);
    if (step) {
      const origin = step > 2 * DAY ? 4 * DAY : 0; // a Monday
      const label = (at, isFirst) => {
        if (step >= DAY) return day(at, isFirst);
        const clock = at.toISOString().slice(11, step < 60 ? 19 : 16);
        return at.getTime() % (DAY * 1000) ? clock : day(at);
      };
      const first = Math.ceil((low - origin) / step);
      for (let place = first; origin + place * step <= high; place++) add(origin + place * step, label);
      return { low, high, ticks };
    }
    const months = [1, 2, 3, 6, 12].find((each) => span / (each * 30.44 * DAY) <= 5) || 12 * Math.max(1, Math.round(roundStep(span / (365.28 * DAY), 5)));
    const start = new Date(low * 1000);
    let place = Math.floor((start.getUTCFullYear() * 12 + start.getUTCMonth()) / months) * months;
    for (; ticks.length < 50; place += months) {
      const value = Date.UTC(Math.floor(place / 12), place % 12, 1) / 1000;
      if (!(value <= high)) break;
      if (value >= low) add(value, (at, isFirst) => (months >= 12 ? String(at.getUTCFullYear()) : month(at, isFirst)));
    }
    return { low, high, ticks };
  }

  function scaleOf(axis, low, high, isExact, most) {
    if (axis.kind === "time") return timeScale(low, high);
    if (axis.kind === "log" && low > 0) return logScale(axis, low, high);
    return linearScale(axis, low, high, isExact, most);
  }

  const part = (axis, scale, value) =>
    axis.kind === "log"
      ? Math.log(value / scale.low) / Math.log(scale.high / scale.low)
      : (value - scale.low) / (scale.high - scale.low);

  const valueAt = (axis, [low, high], at) => (axis.kind === "log" ? low * (high / low) ** at : low + (high - low) * at);

  // --- Data of a part ---

  // The points between two x, with one more at each side; long parts keep first, least, largest and last of each column.
  function visible(points, [low, high]) {
    let from = points.findIndex((point) => point[0] >= low);
    let to = points.length;
    while (to > 0 && points[to - 1][0] > high) to--;
    if (from < 0) from = points.length;
    const isSorted = points.every((point, place) => !place || points[place - 1][0] <= point[0]);
    if (!isSorted) return points;
    const shown = points.slice(Math.max(0, from - 1), to + 1);
    if (shown.length <= 4 * WIDTH) return shown;
    const kept = [];
    let column = [];
    let at = null;
    const close = () => {
      if (!column.length) return;
      const known = column.filter((point) => point[1] !== null);
      const least = known.reduce((a, b) => (b[1] < a[1] ? b : a), known[0]);
      const most = known.reduce((a, b) => (b[b.length - 1] > a[a.length - 1] ? b : a), known[0]);
      const gap = column.find((point) => point[1] === null);
      const wanted = new Set([column[0], column[column.length - 1], least, most, gap]);
      kept.push(...column.filter((point) => wanted.has(point)));
      column = [];
    };
    for (const point of shown) {
      const next = Math.floor(((point[0] - low) / (high - low)) * WIDTH);
      if (next !== at) close();
      at = next;
      column.push(point);
    }
    close();
    return kept;
  }

  // --- A chart of two axes, drawn for a part of them ---

  function draw(chart) {
    const { data, svg } = chart;
    const height = chart.height || data.height;
    const bottom = data.top + height;
    const full = data.full - data.height + height;
    const x = scaleOf(data.x, ...chart.view.x, true, 5);
    const y = scaleOf(data.y, ...chart.view.y, true, height > 500 ? 8 : 5);
    const across = (value) => part(data.x, x, value);
    const up = (value) => height * (1 - part(data.y, y, value)); // in the window
    const point = (a, b) => `${px(WIDTH * across(a))} ${px(up(b))}`;
    const parts = [];
    for (const [value, label] of y.ticks) {
      const at = px(data.top + up(value));
      parts.push(make("line", { class: value === 0 || value === y.low ? "plot-base" : "plot-grid", x1: 0, x2: "100%", y1: at, y2: at }));
      parts.push(make("text", { class: "plot-tick", x: -8, y: at, dy: "0.32em", "text-anchor": "end" }, label));
    }
    const narrow = plotWidth(chart) / Math.max(1, x.ticks.length);
    x.ticks.forEach(([value, label], place) => {
      const at = percent(across(value));
      parts.push(make("line", { class: "plot-notch", x1: at, x2: at, y1: px(bottom), y2: px(bottom + 4) }));
      if (place % 2 && label.length * 6.6 + 10 > narrow) return;
      const anchor = across(value) > 0.96 && label.length > 4 ? "end" : across(value) < 0.04 && label.length * 3.3 > data.left ? "start" : "middle";
      parts.push(make("text", { class: "plot-tick", x: at, y: px(bottom + 17), "text-anchor": anchor }, label));
    });
    if (data.y.title) parts.push(make("text", { class: "plot-title", x: -data.left, y: 12 }, data.y.title));
    if (data.x.title) parts.push(make("text", { class: "plot-title", x: "100%", y: px(full - 4), "text-anchor": "end" }, data.x.title));
    const frame = make("svg", { class: "plot-window", "aria-hidden": "true", x: 0, y: px(data.top), width: "100%", height: px(height) });
    const stretched = (name, d) =>
      make("svg", { "aria-hidden": "true", width: "100%", height: px(height), viewBox: `0 0 ${WIDTH} ${px(height)}`, preserveAspectRatio: "none" }, make("path", { class: name, d }));
    const rank = { bins: 0, band: 0, reference: 1, rug: 2, points: 3, line: 3 };
    const order = data.marks.slice().reverse().sort((a, b) => (a.is_faint ? 0.5 : rank[a.kind]) - (b.is_faint ? 0.5 : rank[b.kind]));
    for (const mark of order) {
      const name = mark.is_faint ? "is-faint" : look(mark.slot) + (mark.is_dashed ? " is-dashed" : "");
      const points = mark.kind === "line" || mark.kind === "band" ? visible(mark.points, chart.view.x) : mark.points;
      const known = points.filter((each) => each.every((value) => value !== null));
      if (mark.kind === "line") {
        frame.append(stretched(`plot-line ${name}`, linePath(points, point, mark.is_stepped)));
        if (!mark.is_faint && known.length < 40) frame.append(stretched(`plot-points ${look(mark.slot)}`, known.map(([a, b]) => `M${point(a, b)}h0`).join("")));
      } else if (mark.kind === "band") {
        const ends = known.map(([a, , b]) => point(a, b)).concat(known.slice().reverse().map(([a, b]) => point(a, b)));
        frame.append(stretched(`plot-band ${name}`, ends.length ? `M${ends.join("L")}Z` : ""));
      } else if (mark.kind === "points") {
        const many = points.length > 400 ? " is-many" : "";
        frame.append(stretched(`plot-points is-clear ${name}${many}`, known.map(([a, b]) => `M${point(a, b)}h0`).join("")));
      } else if (mark.kind === "rug") {
        frame.append(stretched("plot-rug", points.map(([a]) => `M${px(WIDTH * across(a))} ${px(height)}v-8`).join("")));
      } else if (mark.kind === "reference") {
        const [[a, b], [c, d]] = points;
        frame.append(make("line", { class: "plot-reference", x1: percent(across(a)), y1: px(up(b)), x2: percent(across(c)), y2: px(up(d)) }));
      } else if (mark.kind === "bins") {
        for (const [a, b, count] of known) {
          if (!count || b < x.low || a > x.high) continue;
          const top = Math.min(up(count), height - 1.5);
          frame.append(make("rect", { class: `plot-bin ${name}`, x: percent(across(a)), width: percent(across(b) - across(a)), y: px(top), height: px(height - top) }));
        }
      }
    }
    svg.setAttribute("height", px(full));
    svg.replaceChildren(...parts, frame);
    chart.overlay = null;
  }

  function linePath(points, point, isStepped) {
    let path = "";
    let last = null;
    for (const [a, b] of points) {
      if (b === null) last = null;
      else {
        const at = point(a, b);
        path += last === null ? `M${at}` : isStepped ? `H${at.replace(" ", "V")}` : `L${at}`;
        last = at;
      }
    }
    return path;
  }

  const plotWidth = (chart) => Math.max(1, chart.svg.getBoundingClientRect().width - chart.left - 14);
  const whole = (chart) => ({ x: [chart.data.x.low, chart.data.x.high], y: [chart.data.y.low, chart.data.y.high] });
  const isPart = (chart) => JSON.stringify(chart.view) !== JSON.stringify(whole(chart));

  function show(chart, view) {
    const all = whole(chart);
    chart.view = { x: within(view.x, all.x, chart.data.x), y: view.y ? within(view.y, all.y, chart.data.y) : all.y };
    // Lines fill the height: the y axis goes with what is shown. Bins and points keep theirs.
    if (!view.y && isPart(chart)) chart.view.y = fitted(chart) || all.y;
    redraw(chart);
  }

  function redraw(chart) {
    hide(chart);
    if (isPart(chart) || chart.height) draw(chart);
    else {
      chart.svg.setAttribute("height", px(chart.data.full));
      chart.svg.replaceChildren(...chart.original);
    }
    for (const button of chart.figure.querySelectorAll('.chart-tools > [data-do="reset"]')) {
      if (!isPart(chart) && button === document.activeElement) chart.svg.focus();
      button.hidden = !isPart(chart);
    }
    chart.figure.dataset.zoomed = isPart(chart) ? "yes" : "no";
  }

  function within([low, high], [least, most], axis) {
    if (axis.kind === "log") {
      const [a, b] = within([Math.log(low), Math.log(high)], [Math.log(least), Math.log(most)], {});
      return [Math.exp(a), Math.exp(b)];
    }
    const span = Math.min(most - least, Math.max(high - low, (most - least) * STRONGEST));
    const start = Math.min(most - span, Math.max(least, low));
    return span === most - least ? [least, most] : [start, start + span];
  }

  function fitted(chart) {
    const [low, high] = chart.view.x;
    if (chart.data.marks.some((mark) => mark.kind === "bins")) return null;
    const values = [];
    for (const mark of chart.data.marks) {
      if (mark.kind !== "line" && mark.kind !== "band") continue;
      for (const each of visible(mark.points, [low, high])) for (const value of each.slice(1)) if (value !== null) values.push(value);
    }
    if (!values.length) return null;
    const ends = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
    const scale = linearScale(chart.data.y, ...ends, false, 5);
    return chart.data.y.kind === "log" ? null : [Math.max(scale.low, chart.data.y.low), Math.min(scale.high, chart.data.y.high)];
  }

  // Both axes of a scatter, the x axis of all others.
  const hasPoints = (chart) => chart.data.marks.some((mark) => mark.kind === "points");

  function zoom(chart, factor, at, high) {
    const around = (axis, view, place) => [valueAt(axis, view, place - place * factor), valueAt(axis, view, place + (1 - place) * factor)];
    const { x, y } = chart.view;
    show(chart, { x: around(chart.data.x, x, at), y: hasPoints(chart) ? around(chart.data.y, y, high) : undefined });
  }

  function pan(chart, share) {
    const { x, y } = chart.view;
    show(chart, { x: [valueAt(chart.data.x, x, share), valueAt(chart.data.x, x, 1 + share)], y: hasPoints(chart) ? y : undefined });
  }

  // --- Values at a point ---

  function hide(chart) {
    chart.tip.replaceChildren();
    if (chart.overlay) chart.overlay.remove();
    chart.overlay = null;
  }

  function tell(chart, lines, x, y) {
    chart.tip.replaceChildren();
    lines.forEach(([text, slot], place) => {
      const line = document.createElement("div");
      if (slot) {
        const key = document.createElement("i");
        key.className = `colour-key ${look(slot)}`;
        line.append(key);
      }
      line.append(place || lines.length === 1 ? text : Object.assign(document.createElement("strong"), { textContent: text }));
      chart.tip.append(line);
    });
    const room = chart.svg.getBoundingClientRect();
    const place = (offset, size, most) => `${Math.max(0, Math.min(most - size, offset))}px`;
    const isRight = x + 16 + chart.tip.offsetWidth > room.width;
    chart.tip.style.left = place(isRight ? x - 16 - chart.tip.offsetWidth : x + 16, chart.tip.offsetWidth, room.width);
    chart.tip.style.top = place(y - chart.tip.offsetHeight - 8, chart.tip.offsetHeight, Infinity);
  }

  function nearest(points, x) {
    return points.reduce((best, each) => (each[1] !== null && (!best || Math.abs(each[0] - x) < Math.abs(best[0] - x)) ? each : best), null);
  }

  // The values at an x, or the point of a scatter nearest to (x, y).
  function read(chart, at, high) {
    const { data, view } = chart;
    const x = valueAt(data.x, view.x, at);
    const marks = data.marks.filter((mark) => !mark.is_faint);
    const bins = marks.find((mark) => mark.kind === "bins");
    const scale = { x: { low: view.x[0], high: view.x[1] }, y: { low: view.y[0], high: view.y[1] } };
    const placed = (a, b) => [part(data.x, scale.x, a), 1 - part(data.y, scale.y, b)];
    if (bins) {
      const bin = bins.points.find(([low, end]) => x >= low && x <= end);
      if (!bin) return hide(chart);
      return mark(chart, ...placed((bin[0] + bin[1]) / 2, bin[2]), [[`${words(data.x, bin[0])} – ${words(data.x, bin[1])}`], [`${data.y.title || ""} ${number(bin[2])}`.trim(), bins.slot]]);
    }
    if (hasPoints(chart)) {
      let best = null;
      const [w, h] = [plotWidth(chart), chart.height || data.height];
      for (const each of marks) {
        if (each.kind !== "points") continue;
        for (const [a, b] of each.points) {
          if (a === null || b === null) continue;
          const [left, top] = placed(a, b);
          const far = Math.hypot((left - at) * w, (top - high) * h);
          if (!best || far < best.far) best = { far, left, top, a, b, each };
        }
      }
      if (!best || best.far > 40) return hide(chart);
      return mark(chart, best.left, best.top, [[best.each.name || ""], [`${data.x.title || "x"}: ${words(data.x, best.a)}`, best.each.slot], [`${data.y.title || "y"}: ${words(data.y, best.b)}`]]);
    }
    const lines = marks.filter((each) => each.kind === "line" && each.points.length);
    const closest = nearest(lines.flatMap((each) => nearest(each.points, x) ? [nearest(each.points, x)] : []), x);
    if (!closest) return hide(chart);
    const told = [[`${data.x.title ? `${data.x.title}: ` : ""}${words(data.x, closest[0])}`]];
    const gap = (view.x[1] - view.x[0]) / 25;
    for (const each of marks) {
      if (each.kind !== "line" && each.kind !== "band") continue;
      const found = nearest(each.points, closest[0]);
      if (!found || Math.abs(found[0] - closest[0]) > gap) continue;
      const text = each.kind === "band" ? `${words(data.y, found[1])} – ${words(data.y, found[2])}` : words(data.y, found[1]);
      told.push([`${each.name || data.y.title || ""}: ${text}`, each.slot]);
    }
    chart.reading = closest[0];
    mark(chart, ...placed(...closest), told);
  }

  // A line through what is told, and the words beside it. `left` and `top` are parts of the plot.
  function mark(chart, left, top, lines) {
    if (chart.overlay) chart.overlay.remove();
    const height = chart.height || chart.data.height;
    const at = percent(left);
    chart.overlay = make("line", { class: "plot-cursor", x1: at, x2: at, y1: px(chart.data.top), y2: px(chart.data.top + height) });
    chart.svg.append(chart.overlay);
    tell(chart, lines.filter(([text]) => text), chart.left + left * plotWidth(chart), chart.data.top + top * height);
  }

  function tellRow(chart, row) {
    hide(chart);
    const room = chart.svg.getBoundingClientRect();
    const shape = row.querySelector("rect, circle") || row;
    const box = shape.getBoundingClientRect();
    tell(chart, row.dataset.words.split("\n").map((text) => [text]), box.left + Math.min(box.width, 200) / 2 - room.left, box.top - room.top);
  }

  // --- Pointer and keys ---

  function wake(figure) {
    const known = charts.get(figure);
    if (known) return known;
    const svg = figure.querySelector(".plot");
    if (!svg) return null;
    const source = figure.querySelector(".chart-document");
    const tip = document.createElement("div");
    tip.className = "chart-tip";
    tip.setAttribute("role", "status");
    svg.parentNode.append(tip);
    // The words of this file take the place of the browser's own tooltips.
    const title = svg.querySelector(":scope > title");
    if (title) {
      svg.setAttribute("aria-label", title.textContent);
      svg.removeAttribute("aria-labelledby");
      title.remove();
    }
    for (const each of svg.querySelectorAll("title")) {
      each.parentNode.dataset.words = each.textContent;
      each.remove();
    }
    const chart = { figure, svg, tip, left: Number(svg.dataset.left) || 0, data: source ? JSON.parse(source.textContent) : null, original: Array.from(svg.childNodes) };
    if (chart.data) chart.view = whole(chart);
    charts.set(figure, chart);
    svg.addEventListener("pointermove", (event) => move(chart, event));
    svg.addEventListener("pointerleave", () => chart.drag || hide(chart));
    svg.addEventListener("blur", () => hide(chart));
    svg.addEventListener("keydown", (event) => press(chart, event));
    if (chart.data) {
      svg.addEventListener("pointerdown", (event) => grab(chart, event));
      svg.addEventListener("pointerup", (event) => drop(chart, event));
      svg.addEventListener("pointercancel", () => drop(chart, null));
      svg.addEventListener("wheel", (event) => turn(chart, event), { passive: false });
      svg.addEventListener("dblclick", () => show(chart, whole(chart)));
    }
    figure.addEventListener("fullscreenchange", () => stretch(chart));
    figure.dataset.live = "yes";
    return chart;
  }

  function placeOf(chart, event) {
    const room = chart.svg.getBoundingClientRect();
    const clamp = (value) => Math.min(1, Math.max(0, value));
    const height = chart.height || chart.data.height;
    return [clamp((event.clientX - room.left - chart.left) / plotWidth(chart)), clamp((event.clientY - room.top - chart.data.top) / height)];
  }

  function move(chart, event) {
    if (!chart.data) {
      const row = event.target.closest("[data-words]");
      return row ? tellRow(chart, row) : hide(chart);
    }
    const [x, y] = placeOf(chart, event);
    if (!chart.drag) return read(chart, x, y);
    chart.drag.to = [x, y];
    const both = hasPoints(chart);
    const [low, high] = [Math.min(x, chart.drag.from[0]), Math.max(x, chart.drag.from[0])];
    const [top, end] = both ? [Math.min(y, chart.drag.from[1]), Math.max(y, chart.drag.from[1])] : [0, 1];
    const height = chart.height || chart.data.height;
    hide(chart);
    chart.overlay = make("rect", { class: "plot-chosen", x: percent(low), width: percent(high - low), y: px(chart.data.top + top * height), height: px((end - top) * height) });
    chart.svg.append(chart.overlay);
  }

  function grab(chart, event) {
    if (event.button !== 0) return;
    chart.drag = { from: placeOf(chart, event), to: null };
    chart.svg.setPointerCapture(event.pointerId);
    chart.svg.focus({ preventScroll: true });
    if (event.pointerType === "mouse") event.preventDefault();
  }

  function drop(chart, event) {
    const { from, to } = chart.drag || {};
    chart.drag = null;
    if (!from || !to || !event) return hide(chart);
    const [low, high] = [Math.min(from[0], to[0]), Math.max(from[0], to[0])];
    const [top, end] = [Math.min(from[1], to[1]), Math.max(from[1], to[1])];
    const { x, y } = chart.data;
    hide(chart);
    if (high - low < 0.02) return;
    const both = hasPoints(chart) && end - top > 0.02;
    show(chart, {
      x: [valueAt(x, chart.view.x, low), valueAt(x, chart.view.x, high)],
      y: both ? [valueAt(y, chart.view.y, 1 - end), valueAt(y, chart.view.y, 1 - top)] : hasPoints(chart) ? chart.view.y : undefined,
    });
  }

  function turn(chart, event) {
    if (!event.ctrlKey && document.fullscreenElement !== chart.figure) return;
    event.preventDefault();
    const [x, y] = placeOf(chart, event);
    zoom(chart, event.deltaY > 0 ? 1.25 : 0.8, x, 1 - y);
  }

  function press(chart, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (event.key === "Escape") {
      if (!chart.tip.childNodes.length && (!chart.data || !isPart(chart))) return;
      hide(chart);
      if (chart.data) show(chart, whole(chart));
    } else if (event.key.toLowerCase() === "f") fullScreen(chart);
    else if (step && (!chart.data || !event.key.match(/Up|Down/))) walk(chart, step, event.shiftKey);
    else if (chart.data && "+=".includes(event.key)) zoom(chart, 0.5, centre(chart), 0.5);
    else if (chart.data && event.key === "-") zoom(chart, 2, centre(chart), 0.5);
    else if (chart.data && event.key === "0") show(chart, whole(chart));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Where the keys zoom: at the value that was read, or in the middle.
  function centre(chart) {
    const at = chart.reading === undefined ? 0.5 : part(chart.data.x, { low: chart.view.x[0], high: chart.view.x[1] }, chart.reading);
    return at >= 0 && at <= 1 ? at : 0.5;
  }

  function walk(chart, step, isPan) {
    if (!chart.data) {
      const rows = Array.from(chart.svg.querySelectorAll("[data-words]"));
      chart.row = Math.min(rows.length - 1, Math.max(0, (chart.row ?? (step > 0 ? -1 : rows.length)) + step));
      if (rows.length) tellRow(chart, rows[chart.row]);
      return;
    }
    if (isPan) return pan(chart, step / 4);
    const first = chart.data.marks.find((each) => ["bins", "points", "line"].includes(each.kind) && !each.is_faint);
    if (!first) return;
    const [low, high] = chart.view.x;
    const middle = (point) => (first.kind === "bins" ? (point[0] + point[1]) / 2 : point[0]);
    const stops = first.points.filter((point) => point[1] !== null && middle(point) >= low && middle(point) <= high).sort((a, b) => a[0] - b[0]);
    if (!stops.length) return;
    const now = stops.findIndex((point) => middle(point) >= chart.reading);
    const place = chart.reading === undefined || now < 0 ? (step > 0 ? 0 : stops.length - 1) : now + step;
    const point = stops[Math.min(stops.length - 1, Math.max(0, place))];
    const scale = { x: { low, high }, y: { low: chart.view.y[0], high: chart.view.y[1] } };
    read(chart, part(chart.data.x, scale.x, middle(point)), 1 - part(chart.data.y, scale.y, point[1]));
    chart.reading = middle(point);
  }

  function fullScreen(chart) {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (chart.figure.requestFullscreen) chart.figure.requestFullscreen();
  }

  function stretch(chart) {
    const isFull = document.fullscreenElement === chart.figure;
    if (!chart.data) return;
    const others = chart.figure.getBoundingClientRect().height - chart.svg.getBoundingClientRect().height;
    chart.height = isFull ? Math.max(chart.data.height, window.innerHeight - Math.min(others, 220) - (chart.data.full - chart.data.height) - 60) : 0;
    redraw(chart);
  }

  // --- Files ---

  const PROPERTIES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity", "font-size", "font-family", "font-weight", "vector-effect", "display", "paint-order"];

  // The chart with its title and legend as a document of its own, its styles written into it.
  function picture(chart) {
    hide(chart);
    const box = chart.svg.getBoundingClientRect();
    const style = getComputedStyle(chart.svg);
    const ink = { fill: getComputedStyle(chart.figure).color, "font-family": style.fontFamily };
    const ground = getComputedStyle(document.documentElement).getPropertyValue("--surface").trim() || "#ffffff";
    const inner = make("svg", { x: chart.left + 8, width: px(plotWidth(chart)), height: px(box.height), overflow: "visible", "font-size": style.fontSize, "font-family": style.fontFamily });
    inner.append(...Array.from(chart.svg.childNodes, (node) => node.cloneNode(true)));
    const [from, to] = [chart.svg.querySelectorAll("*"), inner.querySelectorAll("*")];
    to.forEach((element, place) => {
      const computed = getComputedStyle(from[place]);
      for (const name of element.matches("svg, g, title, desc") ? ["display"] : PROPERTIES) {
        const value = computed.getPropertyValue(name);
        if (value && !["none", "normal", "auto", "inline"].includes(value) || name === "fill" || (name === "display" && value === "none")) element.setAttribute(name, value);
      }
      if (element.matches("svg")) element.setAttribute("overflow", element.matches(".plot-window") ? "hidden" : "visible");
      if (element.dataset.words) element.append(make("title", {}, element.dataset.words));
      for (const name of ["class", "data-words", "id"]) element.removeAttribute(name);
    });
    const head = [];
    let y = 0;
    const caption = nameOf(chart);
    if (caption) head.push(make("text", { ...ink, x: 8, y: (y = 24), "font-size": 15, "font-weight": 600 }, caption));
    let x = 8;
    chart.figure.querySelectorAll(".chart-legend li").forEach((item, place) => {
      const wide = item.getBoundingClientRect().width + 16;
      if (!place || x + wide > box.width) [x, y] = [8, y + 20];
      const key = getComputedStyle(item.querySelector("i"));
      const colour = parseFloat(key.borderTopWidth) ? key.borderTopColor : key.backgroundColor;
      const dash = { dashed: "5 3", dotted: "2 3" }[key.borderTopStyle];
      head.push(make("line", { x1: x, x2: x + 16, y1: y - 4, y2: y - 4, stroke: colour, "stroke-width": 3, "stroke-opacity": key.opacity, ...(dash ? { "stroke-dasharray": dash } : {}) }));
      head.push(make("text", { ...ink, x: x + 22, y, "font-size": 12 }, item.textContent.trim()));
      x += wide;
    });
    inner.setAttribute("y", px(y + 10));
    const [width, height] = [Math.ceil(box.width + 16), Math.ceil(box.height + y + 18)];
    const picture = make("svg", { xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}` });
    picture.append(make("rect", { width: "100%", height: "100%", fill: ground }), ...head, inner);
    return { text: new XMLSerializer().serializeToString(picture), width, height };
  }

  function nameOf(chart) {
    const caption = chart.figure.querySelector("figcaption");
    return (caption ? caption.textContent : chart.svg.getAttribute("aria-label") || "chart").trim();
  }

  function save(chart, blob, ending) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${nameOf(chart).replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 80) || "chart"}.${ending}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  function saveImage(chart) {
    const { text, width, height } = picture(chart);
    const image = new Image();
    image.onload = function () {
      const canvas = Object.assign(document.createElement("canvas"), { width: 2 * width, height: 2 * height });
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => blob && save(chart, blob, "png"));
    };
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  }

  // All points, also those that the table leaves out; other charts have all their numbers in the table.
  function table(chart) {
    if (!chart.data) {
      return Array.from(chart.figure.querySelectorAll(".numbers tr"), (row) => Array.from(row.cells, (cell) => cell.textContent.trim()));
    }
    const { x, y, marks } = chart.data;
    const at = (value) => (x.kind === "time" && value !== null ? new Date(value * 1000).toISOString().replace(/(T00:00:00)?\.000Z$/, (_, midnight) => (midnight ? "" : "Z")) : value);
    const shown = marks.filter((mark) => !["reference", "rug"].includes(mark.kind));
    if (shown.length === 1 && shown[0].kind === "bins") return [["from", "to", y.title || "count"], ...shown[0].points.map(([a, b, n]) => [at(a), at(b), n])];
    const hasBands = shown.some((mark) => mark.kind === "band");
    const head = ["series", x.title || "x", y.title || "y", ...(hasBands ? ["low", "high"] : [])];
    return [head, ...shown.flatMap((mark) => mark.points.map(([a, b, c]) => (mark.kind === "band" ? [mark.name, at(a), "", b, c] : [mark.name, at(a), b, ...(hasBands ? ["", ""] : [])])))];
  }

  // A spreadsheet runs a text that begins with one of these.
  function cell(value) {
    const text = value === null || value === undefined ? "" : String(value);
    const safe = typeof value !== "number" && /^[=+\-@\t\r]/.test(text) && isNaN(Number(text.replace(/[,%\s]/g, ""))) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  const ACTIONS = {
    in: (chart) => zoom(chart, 0.5, centre(chart), 0.5),
    out: (chart) => zoom(chart, 2, centre(chart), 0.5),
    reset: (chart) => show(chart, whole(chart)),
    full: fullScreen,
    png: saveImage,
    svg: (chart) => save(chart, new Blob([picture(chart).text], { type: "image/svg+xml" }), "svg"),
    csv: (chart) => save(chart, new Blob([table(chart).map((row) => row.map(cell).join(",")).join("\r\n"), "\r\n"], { type: "text/csv" }), "csv"),
  };

  // --- Waking up ---

  const figureOf = (event) => event.target instanceof Element && event.target.closest("[data-chart]");
  for (const kind of ["pointerover", "focusin"]) {
    document.addEventListener(kind, function (event) {
      const figure = figureOf(event);
      if (figure) wake(figure);
    });
  }
  document.addEventListener("click", function (event) {
    const button = event.target instanceof Element && event.target.closest("[data-chart] [data-do]");
    if (!button) return;
    const chart = wake(button.closest("[data-chart]"));
    const menu = button.closest("details");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    if (chart) ACTIONS[button.dataset.do](chart);
  });

  // Charts are stops of the Tab key where keys do something.
  function findAll() {
    for (const svg of document.querySelectorAll("[data-chart] .plot:not([tabindex])")) svg.setAttribute("tabindex", "0");
    if (!document.fullscreenEnabled) document.querySelectorAll('[data-chart] [data-do="full"]').forEach((each) => (each.hidden = true));
  }
  document.addEventListener("htmx:afterSettle", findAll);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", findAll);
  else findAll();
})();
