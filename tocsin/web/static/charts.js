// The charts, drawn by Plotly from the JSON that programs can have too.
"use strict";

const COLOURS = {
  light: ["#1a4f8b", "#b8451f", "#1d6b3a", "#7a3e9d", "#8a5300", "#00727a", "#a3225f", "#5a5f66"],
  dark: ["#8dbdf5", "#ff9a6b", "#7fd39b", "#cf9df0", "#f0bd6a", "#6ad3d9", "#f59ac0", "#a5abb3"],
};
const dark = matchMedia("(prefers-color-scheme: dark)");

function layout(more) {
  const style = getComputedStyle(document.documentElement);
  const value = (name) => style.getPropertyValue(name).trim();
  const axis = { gridcolor: value("--line"), linecolor: value("--line"), zerolinecolor: value("--faint"), automargin: true };
  return {
    paper_bgcolor: value("--panel"), plot_bgcolor: value("--panel"), font: { color: value("--ink"), size: 12 },
    margin: { l: 40, r: 16, t: 12, b: 30 }, colorway: COLOURS[dark.matches ? "dark" : "light"],
    legend: { orientation: "h", y: -0.15, yanchor: "top", traceorder: "normal" }, showlegend: true, hovermode: "closest",
    hoverlabel: { bgcolor: value("--page"), font: { color: value("--ink") } },
    xaxis: { ...axis, type: "date" }, yaxis: axis, ...more,
  };
}

// Text is put into Plotly's small markup language: what could be a tag is made plain.
const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function index(data) {
  const traces = data.pairs.map((each) => ({
    type: "scatter", mode: "lines", name: plain(each.pair), x: data.times, y: each.points, line: { width: 2 },
    hovertemplate: "%{x|%d %b %H:%M} UTC<br>index %{y:.1f}",
  }));
  const height = (alert) => {
    const at = new Date(alert.fired_at);
    const pair = data.pairs.find((each) => alert.group.includes(each.pair));
    if (!pair) return 0;
    const place = data.times.findIndex((time) => new Date(time) >= at);
    return pair.points[place < 0 ? pair.points.length - 1 : place];
  };
  traces.push({
    type: "scatter", mode: "markers", name: "alerts", x: data.alerts.map((each) => each.fired_at), y: data.alerts.map(height),
    text: data.alerts.map((each) => plain(`${each.title} ${each.group}`.slice(0, 120))), customdata: data.alerts.map((each) => each.id),
    hovertemplate: "%{x|%d %b %H:%M} UTC<br>%{text}<extra></extra>",
    marker: { symbol: "triangle-up", size: 10, color: getComputedStyle(document.documentElement).getPropertyValue("--hostile").trim() },
  });
  const how = layout({});
  how.yaxis = { ...how.yaxis, rangemode: "tozero", title: { text: "index" } };
  return [traces, how];
}

function types(data) {
  // As many types as there are colours that can be told apart; the rest is one.
  const entries = Object.entries(data.types);
  const shown = entries.slice(0, 7);
  const rest = entries.slice(7);
  if (rest.length) shown.push(["other", data.days.map((_, day) => rest.reduce((sum, [, counts]) => sum + counts[day], 0))]);
  // A bar of one day in a year would be thinner than a line: over many days a bar is a week, named by its first day.
  const span = data.days.length > 92 ? 7 : 1;
  const starts = data.days.filter((_, day) => day % span === 0);
  const sums = (counts) => starts.map((_, bar) => counts.slice(bar * span, (bar + 1) * span).reduce((sum, count) => sum + count, 0));
  const traces = shown.map(([type, counts]) => ({
    type: "bar", name: plain(type.replaceAll("_", " ")), x: starts, y: sums(counts), hovertemplate: "%{x|%d %b}: %{y}",
  }));
  const most = Math.max(...starts.map((_, bar) => traces.reduce((sum, trace) => sum + trace.y[bar], 0)));
  const how = layout({ barmode: "stack" });
  how.yaxis = { ...how.yaxis, dtick: most < 6 ? 1 : undefined, title: { text: span === 7 ? "events a week" : "events a day" } };
  return [traces, how];
}

function weeks(data) {
  const bars = [[data.a.name, data.a_week], [data.b.name, data.b_week]];
  const traces = bars.map(([name, counts]) => ({
    type: "bar", name: plain(name), x: data.weeks, y: counts, hovertemplate: "week of %{x|%d %b}: %{y}",
  }));
  const how = layout({ barmode: "group" });
  how.yaxis = { ...how.yaxis, dtick: Math.max(...data.a_week, ...data.b_week) < 6 ? 1 : undefined, title: { text: "alerts a week" } };
  return [traces, how];
}

const DRAW = { index, types, weeks };
const CONFIG = { displayModeBar: false, responsive: true, scrollZoom: false, topojsonURL: "/static/" };
const loaded = new Map();

function source(address) {
  if (!loaded.has(address)) loaded.set(address, fetch(address, { headers: { Accept: "application/json" } }).then((answer) => answer.json()));
  return loaded.get(address);
}

async function draw() {
  for (const place of document.querySelectorAll("[data-chart]")) {
    const [traces, how] = DRAW[place.dataset.chart](await source(place.dataset.source));
    await Plotly.react(place, traces, how, CONFIG);
    if (place.dataset.chart === "index" && !place.dataset.drawn) {
      place.on("plotly_click", (event) => {
        const id = event.points[0].customdata;
        if (id) location.assign(`/alerts/${encodeURIComponent(id)}`);
      });
    }
    place.dataset.drawn = "true";
  }
}

dark.addEventListener("change", draw);
draw();
