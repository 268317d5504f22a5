// Charts. A page says what to draw in JSON; this file draws it with ECharts in the page's colours.
//
// From a template (builds the JSON, the drawing's place and the table of numbers beneath):
//
//   {% load charts %}
//   {% chart "roc" "line" roc_data "ROC curve of the classes" title="ROC curve" size="square" %}
//   {% block scripts %}{% include "includes/_chart_scripts.html" %}{% endblock %}
//
// or by hand:
//
//   <script type="application/json" id="roc">{…}</script>            (use Django's json_script)
//   <div class="chart" data-chart="line" data-source="roc" role="img" aria-label="ROC curve"></div>
//
// The data of each kind (all keys but the first are optional; null is a gap):
//
//   histogram  {bins: [{low, high, count}], x: "axis title", y: "axis title"}
//   bar        {labels: ["…"], series: [{name, values: [1, 2]}], horizontal: true, percent: true, stacked: true,
//               errors: [[low, high], …] (one per label, for a single series), x, y}
//   line       {series: [{name, points: [[x, y], …], dashed: true, stepped: true}], diagonal: true, x, y,
//               xRange: [0, 1], yRange: [0, 1], scale: true (axes need not hold 0), dates: true (x is ISO 8601 text),
//               rug: [x, …] (marks at the bottom), bands: [{name, points: [[x, low, high], …]}] (shaded; the
//               first band has the colour of the second series, and so on)}; a series with `faint: true` is drawn thin, under the others
//   dots       {labels: ["…"], series: [{name, values: […]}], ranges: [[low, high], …] (one per label, for a single
//               series), percent: true, x, y (in the table only)}: values of categories on an axis that need not hold 0
//   scatter    {series: [{name, points: [[x, y], …]}], diagonal: true, zero: true (a line at y = 0), x, y}
//   heatmap    {rows: ["…"], columns: ["…"], values: [[…], …], percent: true, x, y}
//              values[i][j] belongs to rows[i], columns[j]; shaded within its row, as a confusion matrix is read
//
// Sizes: "small" (10rem), default (20rem), "tall" (28rem), "square". Drawn when scrolled into view; redrawn when the theme
// or the width changes; pieces that htmx swaps in are drawn too. Tooltips are drawn on the canvas: no HTML is made
// from data, and the content security policy needs no exception.
(function () {
  "use strict";

  const charts = new Map(); // element → ECharts instance

  function token(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function palette() {
    return [1, 2, 3, 4, 5, 6].map((number) => token(`--chart-${number}`));
  }

  function short(value, percent) {
    if (typeof value !== "number" || !isFinite(value)) return String(value ?? "–");
    if (percent) return `${(value * 100).toLocaleString("en", { maximumFractionDigits: 1 })} %`;
    const size = Math.abs(value);
    if (size >= 1e6 || (size > 0 && size < 1e-3)) {
      return value.toLocaleString("en", { notation: size >= 1e6 ? "compact" : "scientific", maximumSignificantDigits: 4 });
    }
    return value.toLocaleString("en", { maximumSignificantDigits: 5 });
  }

  function clip(text, length) {
    const letters = Array.from(String(text));
    return letters.length > length ? `${letters.slice(0, length - 1).join("")}…` : String(text);
  }

  function base() {
    const ink = token("--ink");
    return {
      animation: false,
      color: palette(),
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: ink },
      tooltip: {
        renderMode: "richText",
        confine: true,
        backgroundColor: token("--surface-raised"),
        borderColor: token("--line"),
        textStyle: { color: ink, fontSize: 13 },
      },
      grid: { left: 8, right: 20, top: 20, bottom: 8, containLabel: true },
    };
  }

  function legend(option, series) {
    if (series.length < 2) return;
    option.legend = { type: "plain", top: 0, left: 0, textStyle: { color: token("--ink") }, itemWidth: 18, itemHeight: 10 };
    option.legend.formatter = (name) => clip(name, 28);
    option.grid.top = 24 + 22 * Math.ceil(series.length / 3);
  }

  function axis(type, title, extra, where) {
    const muted = token("--ink-muted");
    const isX = where === "x";
    return Object.assign(
      {
        type,
        name: title || "",
        nameLocation: "middle",
        nameGap: isX ? 30 : 44,
        nameTextStyle: { color: muted, fontSize: 12 },
        axisLine: { show: type === "category" || isX, lineStyle: { color: token("--line-strong") } },
        axisTick: { show: false },
        axisLabel: Object.assign({ color: muted, fontSize: 12, hideOverlap: true }, type === "value" ? { formatter: tick } : {}),
        splitLine: { show: type === "value", lineStyle: { color: token("--line") } },
        splitNumber: 4,
      },
      extra
    );
  }

  function room(option, data) {
    if (data.x) option.grid.bottom = 30;
    if (data.y) option.grid.left = 30;
  }

  function reference(data, points) {
    const marks = [];
    if (data.diagonal) {
      const xs = points.map((point) => point[0]).concat(data.xRange || []);
      const ys = points.map((point) => point[1]).concat(data.yRange || []);
      const all = data.xRange ? data.xRange : xs.concat(ys).filter((each) => typeof each === "number" && isFinite(each));
      const low = all.reduce((a, b) => Math.min(a, b), Infinity);
      const high = all.reduce((a, b) => Math.max(a, b), -Infinity);
      if (isFinite(low) && isFinite(high)) marks.push([{ coord: [low, low] }, { coord: [high, high] }]);
    }
    if (data.zero) marks.push({ yAxis: 0 });
    if (!marks.length) return undefined;
    return {
      silent: true,
      symbol: "none",
      label: { show: false },
      animation: false,
      lineStyle: { color: token("--ink-muted"), type: "dashed", width: 1 },
      data: marks,
    };
  }

  const KINDS = {
    histogram(data) {
      const option = base();
      const labels = data.bins.map((bin) => short(bin.low));
      room(option, data);
      option.xAxis = axis("category", data.x, { data: labels }, "x");
      option.yAxis = axis("value", data.y || "", { minInterval: 1 }, "y");
      option.tooltip.trigger = "axis";
      option.tooltip.formatter = (items) => {
        const bin = data.bins[items[0].dataIndex];
        return `${short(bin.low)} to ${short(bin.high)}: ${bin.count.toLocaleString("en")}`;
      };
      option.series = [{ type: "bar", barCategoryGap: "8%", data: data.bins.map((bin) => bin.count) }];
      return option;
    },

    bar(data) {
      const option = base();
      room(option, data);
      const labels = data.horizontal ? data.labels.slice().reverse() : data.labels;
      const order = (values) => (data.horizontal ? values.slice().reverse() : values);
      const named = axis("category", data.horizontal ? data.y : data.x, { data: labels.map(String) }, data.horizontal ? "y" : "x");
      named.axisLabel.formatter = (text) => clip(text, data.horizontal ? 22 : 14);
      if (data.horizontal) named.nameGap = 90;
      const counted = axis("value", data.horizontal ? data.x : data.y, {}, data.horizontal ? "x" : "y");
      counted.axisLabel.formatter = (value) => short(value, data.percent);
      option.xAxis = data.horizontal ? counted : named;
      option.yAxis = data.horizontal ? named : counted;
      legend(option, data.series);
      option.tooltip.trigger = "axis";
      option.tooltip.axisPointer = { type: "shadow" };
      option.tooltip.valueFormatter = (value) => short(value, data.percent);
      option.series = data.series.map((each) => ({
        type: "bar",
        name: each.name || "",
        stack: data.stacked ? "all" : undefined,
        barMaxWidth: 26,
        itemStyle: { borderRadius: data.stacked ? 0 : 2 },
        data: order(each.values),
      }));
      if (data.errors && data.series.length === 1) {
        const bounds = order(data.errors);
        const marks = bounds
          .map((bound, index) =>
            data.horizontal
              ? [{ coord: [bound[0], index] }, { coord: [bound[1], index] }]
              : [{ coord: [index, bound[0]] }, { coord: [index, bound[1]] }]
          )
          .filter((pair) => pair.every((end) => end.coord.every((each) => typeof each === "number")));
        option.series[0].markLine = {
          silent: true,
          symbol: "none",
          label: { show: false },
          lineStyle: { color: token("--ink"), width: 1.5, type: "solid" },
          data: marks,
        };
      }
      return option;
    },

    line(data) {
      const option = base();
      const scale = data.scale ? { scale: true } : {};
      room(option, data);
      option.xAxis = axis(data.dates ? "time" : "value", data.x, Object.assign({}, scale, range(data.xRange)), "x");
      option.yAxis = axis("value", data.y, Object.assign({}, scale, range(data.yRange)), "y");
      const strong = data.series.filter((each) => !each.faint);
      legend(option, strong);
      if (option.legend) option.legend.data = strong.map((each) => each.name || "");
      option.tooltip.trigger = "axis";
      option.tooltip.valueFormatter = (value) => short(value);
      option.series = data.series.map((each, index) => ({
        type: "line",
        name: each.name || "",
        showSymbol: !each.faint && each.points.length < 12,
        symbolSize: 5,
        step: each.stepped ? "end" : false,
        sampling: "lttb",
        lineStyle: { width: 2, type: each.dashed ? "dashed" : "solid" },
        markLine: index === 0 ? reference(data, each.points) : undefined,
        data: each.points,
        z: 3,
      }));
      data.series.forEach((each, index) => {
        if (!each.faint) return;
        const lineStyle = { width: 1, opacity: 0.45, color: token("--line-strong") };
        Object.assign(option.series[index], { lineStyle, z: 1, silent: true, tooltip: { show: false } });
      });
      if (data.rug && data.rug.length) {
        // On an axis of their own, so that they stand at the bottom whatever the values are.
        option.yAxis = [option.yAxis, { type: "value", min: 0, max: 1, show: false }];
        option.series.push(rug(data));
      }
      (data.bands || []).forEach((each, index) => option.series.push(...area(each, index)));
      return option;
    },

    dots(data) {
      const option = base();
      room(option, data);
      option.xAxis = axis("value", data.x, { scale: true }, "x");
      option.xAxis.axisLabel.formatter = (value) => short(value, data.percent);
      option.grid.left = 8;
      option.yAxis = axis("category", "", { data: data.labels, inverse: true }, "y");
      option.yAxis.axisLabel.formatter = (text) => clip(text, 24);
      legend(option, data.series);
      option.tooltip.trigger = "item";
      option.tooltip.formatter = (item) =>
        `${clip(data.labels[item.value[1]], 40)}\n${item.seriesName}: ${short(item.value[0], data.percent)}`;
      option.series = data.series.map((each) => ({
        type: "scatter",
        name: each.name || "",
        symbolSize: 11,
        data: each.values.map((value, place) => [value, place]),
        z: 3,
      }));
      const ranges = data.series.length === 1 ? data.ranges || [] : [];
      if (ranges.length) {
        option.series[0].markLine = {
          silent: true,
          symbol: "none",
          label: { show: false },
          animation: false,
          lineStyle: { color: token("--chart-1"), width: 3, opacity: 0.35, type: "solid" },
          data: ranges.map((ends, place) => ends.map((end) => ({ coord: [end, place] }))),
        };
        // An axis made for the dots alone would cut the ranges off.
        const ends = ranges.flat().filter((end) => typeof end === "number");
        option.series.push({ type: "scatter", silent: true, symbolSize: 0, data: ends.map((end) => [end, 0]) });
      }
      return option;
    },

    scatter(data) {
      const option = base();
      room(option, data);
      const points = data.series.flatMap((each) => each.points);
      option.xAxis = axis("value", data.x, Object.assign({ scale: true }, range(data.xRange)), "x");
      option.yAxis = axis("value", data.y, Object.assign({ scale: true }, range(data.yRange)), "y");
      legend(option, data.series);
      option.tooltip.trigger = "item";
      option.tooltip.formatter = (item) =>
        `${data.x || "x"}: ${short(item.value[0])}\n${data.y || "y"}: ${short(item.value[1])}`;
      option.series = data.series.map((each, index) => ({
        type: "scatter",
        name: each.name || "",
        // The palette has six colours; the seventh series shares the first one's, so it takes another shape.
        symbol: ["circle", "triangle", "diamond"][Math.floor(index / 6) % 3],
        symbolSize: points.length > 400 ? 4 : 6,
        itemStyle: { opacity: points.length > 400 ? 0.45 : 0.65 },
        markLine: index === 0 ? reference(data, points) : undefined,
        data: each.points,
      }));
      return option;
    },

    // Drawn as squares of a scatter: the library's common build has no heatmap.
    heatmap(data, element) {
      const option = base();
      const wide = element.clientWidth;
      const left = Math.min(130, wide * 0.32);
      option.grid = { left, right: 8, top: 8, bottom: data.x ? 58 : 40, containLabel: false };
      const cell = [
        (wide - left - 8) / data.columns.length - 2,
        (element.clientHeight - 8 - option.grid.bottom) / data.rows.length - 2,
      ];
      option.xAxis = axis("category", data.x, { data: data.columns.map(String), splitLine: { show: false } }, "x");
      option.yAxis = axis("category", data.y, { data: data.rows.map(String), inverse: true }, "y");
      option.yAxis.nameGap = left - 16;
      option.xAxis.axisLabel.formatter = (text) => clip(text, Math.max(3, Math.floor(cell[0] / 8)));
      option.yAxis.axisLabel.formatter = (text) => clip(text, data.y ? 11 : 15);
      option.tooltip.formatter = (item) =>
        `${data.y || "row"}: ${clip(data.rows[item.value[1]], 40)}\n${data.x || "column"}: ${clip(data.columns[item.value[0]], 40)}\n${short(item.value[2], data.percent)}`;
      const strong = token("--chart-1");
      const cells = data.values.flatMap((row, i) => {
        const most = Math.max(...row, 0) || 1;
        const whole = row.reduce((a, b) => a + Math.max(b, 0), 0) || 1;
        return row.map((value, j) => {
          const share = data.percent ? value / most : value / whole;
          return {
            value: [j, i, value],
            // A fainter colour, not opacity: that would fade the number in the cell, too.
            itemStyle: { color: faint(strong, 0.06 + 0.94 * Math.max(0, Math.min(1, share))) },
            label: { color: readableOn(strong, 0.06 + 0.94 * Math.max(0, Math.min(1, share))) },
          };
        });
      });
      option.series = [
        {
          type: "scatter",
          symbol: "rect",
          symbolSize: cell,
          data: cells,
          label: {
            show: Math.min(...cell) > 22,
            formatter: (item) => short(item.value[2], data.percent),
            fontSize: Math.min(13, Math.max(10, cell[0] / 4)),
          },
          emphasis: { disabled: true },
        },
      ];
      return option;
    },
  };

  // Between two lines: the lower one is not drawn, and the distance stands on it.
  function area(band, index) {
    const colours = palette();
    const known = band.points.filter((point) => typeof point[1] === "number" && typeof point[2] === "number");
    const shared = {
      type: "line",
      name: band.name || "",
      stack: `band-${index}`,
      stackStrategy: "all",
      symbol: "none",
      silent: true,
      lineStyle: { opacity: 0 },
      tooltip: { show: false },
      z: 1,
    };
    return [
      Object.assign({}, shared, { data: known.map((point) => [point[0], point[1]]) }),
      Object.assign({}, shared, {
        data: known.map((point) => [point[0], point[2] - point[1]]),
        areaStyle: { color: colours[(index + 1) % colours.length], opacity: 0.2 },
      }),
    ];
  }

  // 250,000 → "250K": a tick has little room.
  function tick(value) {
    if (Math.abs(value) < 1e4) return short(value);
    return value.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 4 });
  }

  function channels(hex) {
    return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  }

  function faint(hex, alpha) {
    return `rgba(${channels(hex).join(", ")}, ${alpha})`;
  }

  // Of the two inks, the one with more contrast (WCAG 2) on a colour laid over the page's surface.
  function readableOn(hex, alpha) {
    const under = channels(token("--surface"));
    const ground = channels(hex).map((value, index) => value * alpha + under[index] * (1 - alpha));
    const contrast = (ink) => {
      const [a, b] = [luminance(channels(ink)), luminance(ground)];
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    };
    return [token("--ink"), token("--on-chart")].reduce((a, b) => (contrast(a) >= contrast(b) ? a : b));
  }

  function luminance(rgb) {
    const [red, green, blue] = rgb.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  // Short strokes on the x axis: where the rows are.
  function rug(data) {
    return {
      type: "scatter",
      yAxisIndex: 1,
      silent: true,
      symbol: "rect",
      symbolSize: [2, 10],
      symbolOffset: [0, -5],
      itemStyle: { color: token("--ink-muted") },
      tooltip: { show: false },
      data: data.rug.map((at) => [at, 0]),
      z: 2,
    };
  }

  function range(bounds) {
    return bounds ? { min: bounds[0], max: bounds[1], splitNumber: 5 } : {};
  }

  function draw(element) {
    const source = document.getElementById(element.dataset.source);
    const kind = KINDS[element.dataset.chart];
    if (!source || !kind || !element.clientWidth) return;
    let chart = charts.get(element);
    if (!chart) {
      chart = echarts.init(element, null, { renderer: "canvas" });
      charts.set(element, chart);
      resized.observe(element);
    }
    // ECharts keeps the widths of texts in a plain object, where the key "__proto__" is Object.prototype itself.
    const harmless = (_key, value) => (value === "__proto__" ? "\u200b__proto__" : value);
    chart.setOption(kind(JSON.parse(source.textContent, harmless), element), true);
    element.dataset.drawn = "yes";
  }

  const resized = new ResizeObserver(function (entries) {
    for (const entry of entries) {
      const chart = charts.get(entry.target);
      if (!chart || !entry.target.clientWidth) continue;
      if (chart.getWidth() === entry.target.clientWidth && chart.getHeight() === entry.target.clientHeight) continue;
      chart.resize();
      draw(entry.target); // sizes of cells and labels depend on the width
    }
  });

  const seen = new IntersectionObserver(
    function (entries) {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        seen.unobserve(entry.target);
        draw(entry.target);
      }
    },
    { rootMargin: "200px" }
  );

  function findAll() {
    for (const [element, chart] of charts) {
      if (element.isConnected) continue;
      chart.dispose();
      charts.delete(element);
    }
    for (const element of document.querySelectorAll(".chart[data-chart]")) {
      if (!charts.has(element)) seen.observe(element);
    }
  }

  window.addEventListener("beforeprint", () => document.querySelectorAll(".chart[data-chart]").forEach(draw));
  document.addEventListener("mlweb:theme", () => charts.forEach((_, element) => draw(element)));
  document.addEventListener("htmx:afterSettle", findAll);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", findAll);
  else findAll();
})();
