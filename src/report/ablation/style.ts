/** What the page of an ablation adds to the report's style sheet. */
export const ABLATION_STYLE = `
.question{font-size:1.05rem;color:var(--muted)}
.verdict .kind{display:inline-block;margin-right:.5rem;padding:.05rem .5rem;border-radius:.25rem;font-size:.8rem;font-weight:650;color:var(--bg);background:var(--muted);vertical-align:.1rem}
.verdict .kind.answered{background:var(--accent)}
.verdict .kind.void{background:var(--c7)}
.warn ul{margin:.25rem 0;padding-left:1.1rem}
.warn li{font-size:.9rem;margin:.15rem 0}
.warn.failed{border-color:var(--c7)}
.result{font-weight:650;white-space:nowrap}
.result.worse,.result.failed{color:var(--drop)}
.result.better,.result.passed{color:var(--c3)}
.result.none{color:var(--muted)}
.forest{list-style:none;margin:.25rem 0 0;padding:0}
.forest>li{display:grid;grid-template-columns:minmax(7rem,11rem) minmax(0,1fr) 14.5rem;gap:0 1rem;align-items:center;font-size:.875rem;font-variant-numeric:tabular-nums}
.forest .label b{font-weight:650}
.forest .label small{color:var(--muted);margin-left:.35rem}
.forest .value{text-align:right}
.forest .value small{color:var(--muted)}
.forest svg.range{height:1.75rem;overflow:visible}
.forest svg.ticks{height:1.5rem;overflow:visible}
.forest li.scale{padding:0}
.forest .zero{stroke:var(--muted);stroke-width:1}
.forest .grid{stroke:var(--line);stroke-width:1}
.forest .wide{stroke-width:1.5}
.forest .thick{stroke-width:5;stroke-linecap:butt}
.forest line.worse{stroke:var(--drop)}.forest line.better{stroke:var(--c3)}.forest line.none{stroke:var(--muted)}
.forest circle.worse,.forest path.worse{fill:var(--drop)}.forest circle.better,.forest path.better{fill:var(--c3)}.forest circle.none,.forest path.none{fill:var(--muted)}
.forest circle{stroke:var(--bg);stroke-width:1.5}
.forest circle.run{fill:var(--accent);fill-opacity:.55;stroke:none}
.forest line.mean{stroke:var(--fg);stroke-width:2}
.forest text{fill:var(--muted);font-size:11px;text-anchor:middle}
.forest text.from{text-anchor:start}.forest text.to{text-anchor:end}
.comparison{margin:1.25rem 0 0;break-inside:avoid}
.comparison h3{margin:0 0 .1rem}
.comparison h3 small{font-weight:400;color:var(--muted)}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;font-size:.825rem;color:var(--muted);margin:.5rem 0}
.legend svg{display:inline-block;width:2.6rem;height:.8rem;vertical-align:-.1rem;margin-right:.4rem;overflow:visible}
.legend .thick{stroke:var(--muted);stroke-width:5}.legend .wide{stroke:var(--muted);stroke-width:1.5}.legend circle{fill:var(--muted)}
.controls{list-style:none;margin:.5rem 0;padding:0}
.controls li{padding:.35rem 0;border-bottom:1px solid var(--line);font-size:.9rem}
.arm{border-top:1px solid var(--line);padding-top:.6rem;margin-top:.9rem}
.arm h3{margin:.2rem 0}
.arm h3 small{font-weight:400;color:var(--muted)}
.arm .changes{list-style:none;margin:.2rem 0;padding:0;font-size:.875rem}
.double{margin:.5rem 0 1rem}
.double svg{height:7rem}
.double .kept{fill-opacity:.55}.double .drop{fill-opacity:.6}
.double .axis{stroke:var(--line)}
.double svg.ticks{height:1.1rem;overflow:visible}
.double text{fill:var(--muted);font-size:11px;text-anchor:middle}
.u-legend .edge{display:none}
@media (max-width:48rem){.forest>li{grid-template-columns:minmax(0,1fr) minmax(0,auto)}.forest .plot{grid-column:1/-1;order:3}.forest .value{min-width:0}.forest li.scale .label,.forest li.scale .value{display:none}}
@media (max-width:30rem){.forest .value .both{display:block}}
@media print{.scroll table{font-size:7pt}.scroll td.n{white-space:normal}.forest li.scale,.comparison h3{break-after:avoid}.arm,.double{break-inside:avoid}}
`;
