/** A chart for the page's script: points in order of x, a gap where a value is null. */
export interface Chart {
  readonly id: string;
  readonly x: readonly number[];
  readonly xLabel: string;
  readonly series: readonly {
    readonly label: string;
    readonly values: readonly (number | null)[];
    /** 1 .. 8: a colour of the style sheet. */
    readonly colour: number;
    readonly points?: boolean;
    /** A broken line, for what must not be taken for the rest. */
    readonly broken?: boolean;
    /** A shade between two lines around it. */
    readonly band?: { readonly low: readonly (number | null)[]; readonly high: readonly (number | null)[] };
  }[];
}

/** Where the charts' data stand in the page. */
export const CHART_DATA_ID = 'chart-data';

/**
 * Draws every chart with uPlot, in the colours of the style sheet, and again when they or the width change. Opens what
 * is folded up before the page is printed. Labels reach the page as text only.
 */
export const CHART_SCRIPT = `'use strict';
(function () {
  var holder = document.getElementById('${CHART_DATA_ID}');
  var charts = holder ? JSON.parse(holder.textContent) : [];
  var drawn = [];
  function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  function short(value) {
    if (value === null || value === undefined) return '–';
    return value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(4)));
  }
  function draw() {
    drawn.forEach(function (one) { one.plot.destroy(); });
    var line = colour('--line'), muted = colour('--muted');
    drawn = charts.map(function (chart) {
      var place = document.getElementById(chart.id);
      var axis = { stroke: muted, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: '11px system-ui, sans-serif' };
      var series = [{ label: chart.xLabel }], values = [chart.x], bands = [];
      chart.series.forEach(function (one) {
        var stroke = colour('--c' + one.colour);
        if (one.band) {
          bands.push({ series: [series.length, series.length + 1], fill: stroke + '2e' });
          [one.band.high, one.band.low].forEach(function (edge) {
            series.push({ label: '', class: 'edge', stroke: 'transparent', spanGaps: true, points: { show: false } });
            values.push(edge);
          });
        }
        series.push({ label: one.label, stroke: stroke, width: 1.6, spanGaps: true, dash: one.broken ? [5, 4] : undefined,
          points: { show: !!one.points, size: 5 }, value: function (_, value) { return short(value); } });
        values.push(one.values);
      });
      var plot = new uPlot({
        width: place.clientWidth, height: 240, series: series, bands: bands,
        scales: { x: { time: false } },
        axes: [axis, Object.assign({ size: 58, values: function (_, ticks) { return ticks.map(short); } }, axis)],
        cursor: { drag: { x: true, y: false } }
      }, values, place);
      return { plot: plot, place: place };
    });
  }
  function resize() {
    drawn.forEach(function (one) {
      if (one.place.clientWidth !== one.plot.width) one.plot.setSize({ width: one.place.clientWidth, height: 240 });
    });
  }
  draw();
  window.addEventListener('resize', resize);
  ['(prefers-color-scheme: dark)', 'print'].forEach(function (query) { matchMedia(query).addEventListener('change', function () { draw(); }); });
  window.addEventListener('beforeprint', function () {
    document.querySelectorAll('details.print').forEach(function (one) { one.open = true; });
  });
  document.documentElement.dataset.charts = String(drawn.length);
})();
`;
