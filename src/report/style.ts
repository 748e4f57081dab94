/** The report's style sheet: system fonts, light and dark, paper, telephones. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1c2125;--muted:#59646e;--line:#d8dde2;--soft:#f4f6f8;--accent:#2b6a99;--drop:#c26f33;--held:#7a5ea8;--gzip:#8a949d;--before:#b9c4cd;
--c1:#2b6a99;--c2:#c26f33;--c3:#3d8462;--c4:#a1488a;--c5:#8c7420;--c6:#5b5fc7;--c7:#b3403f;--c8:#59646e}
@media (prefers-color-scheme:dark){:root{--bg:#14171a;--fg:#e2e6e9;--muted:#9aa6b0;--line:#30373d;--soft:#1c2125;--accent:#6cabdc;--drop:#dc9158;--held:#b19ae0;--gzip:#7d8891;--before:#4a555e;
--c1:#6cabdc;--c2:#dc9158;--c3:#6fbf97;--c4:#d98fc6;--c5:#cdb45a;--c6:#9ea2f2;--c7:#ea8381;--c8:#9aa6b0}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:3.5rem}
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
main,header,footer,nav div{max-width:68rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2.25rem}
h1{font-size:1.75rem;line-height:1.2;margin:0;font-weight:650}
h2{font-size:1.25rem;margin:3rem 0 .75rem;padding-top:.9rem;border-top:1px solid var(--line);font-weight:650}
h3{font-size:1rem;margin:1.75rem 0 .5rem;font-weight:650}
h4{font-size:.9rem;margin:1rem 0 .25rem;font-weight:600}
p{margin:.5rem 0;max-width:48rem}
a{color:var(--accent)}
code,pre{font:.85em/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
.kicker,.note,.absent,caption,.card span,.card small,.kind,.more,figcaption small{color:var(--muted)}
.kicker{margin:0 0 .25rem;font-size:.85rem}
.verdict{font-size:1.1rem;margin:1rem 0 1.25rem}
.note,.absent{font-size:.875rem}
.absent{font-style:italic}
.warn{border-left:3px solid var(--drop);padding:.25rem .75rem;background:var(--soft)}
nav{position:sticky;top:0;z-index:2;background:var(--bg);border-bottom:1px solid var(--line);margin-top:1.5rem}
nav div{display:flex;gap:1.1rem;overflow-x:auto;padding-top:.6rem;padding-bottom:.6rem;scrollbar-width:none;white-space:nowrap;font-size:.875rem}
nav a{text-decoration:none;color:var(--muted)}
nav a:hover,nav a:focus{color:var(--fg);text-decoration:underline}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.75rem;margin:1rem 0}
.card{background:var(--soft);border-radius:.4rem;padding:.75rem .9rem;display:flex;flex-direction:column}
.card strong{font-size:1.3rem;line-height:1.25;font-weight:650;font-variant-numeric:tabular-nums}
.card span{font-size:.85rem}
.card small{font-size:.8rem}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:.35rem 1.5rem;margin:1rem 0;font-size:.9rem}
dl div{display:flex;gap:.6rem;min-width:0}
dt{color:var(--muted);flex:0 0 7.5rem}
dd{margin:0;min-width:0}
table{border-collapse:collapse;width:100%;font-size:.875rem;font-variant-numeric:tabular-nums}
caption{text-align:left;font-size:.85rem;padding:.25rem 0}
th,td{text-align:left;padding:.3rem .75rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top;font-weight:400}
thead th{color:var(--muted);font-size:.8rem;white-space:nowrap;vertical-align:bottom}
.scroll table{overflow-wrap:normal}
.scroll th[scope=row]{min-width:6.5rem}
.scroll svg.bar{min-width:5rem}
.n{text-align:right;white-space:nowrap}
td:last-child,th:last-child{padding-right:0}
.scroll{overflow-x:auto;margin:.5rem 0}
.scroll:focus-visible,summary:focus-visible,a:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
table.bars th[scope=row]{width:1%;min-width:5.5rem;white-space:nowrap}
table.bars thead th{white-space:normal}
table.bars td.wide{min-width:5rem;vertical-align:middle}
table.bars td.n{width:1%}
table.bars tr.group th{padding-top:.8rem;font-weight:600;border:0}
table.bars tbody tr:not(.group)>*{vertical-align:middle}
table.bars tbody tr:not(.group) th,table.bars tbody tr:not(.group) td{border:0;padding-top:.12rem;padding-bottom:.12rem}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
svg{display:block;width:100%}
svg.bar{height:.7rem;background:var(--soft)}
.kept,.after,.plain{fill:var(--accent)}
.drop{fill:var(--drop)}
.held{fill:var(--held)}
.before{fill:var(--before)}
.gzip{fill:var(--gzip)}
.funnel{list-style:none;margin:1rem 0;padding:0}
.funnel>li{padding:.6rem 0;border-bottom:1px solid var(--line)}
.funnel .head{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 1rem;font-size:.9rem;font-variant-numeric:tabular-nums}
.funnel .head b{font-weight:600}
.funnel svg.bar{margin:.2rem 0}
.funnel svg.bar+svg.bar{height:.35rem}
.reasons{list-style:none;margin:.35rem 0 0;padding:0;display:flex;flex-wrap:wrap;gap:.1rem 1rem;font-size:.825rem;color:var(--muted);font-variant-numeric:tabular-nums}
.key{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;font-size:.825rem;color:var(--muted);margin:.5rem 0}
.key span::before{content:"";display:inline-block;width:.8rem;height:.8rem;margin-right:.4rem;vertical-align:-.08rem;background:var(--swatch)}
.key .k-kept,.key .k-after,.key .k-plain{--swatch:var(--accent)}.key .k-drop{--swatch:var(--drop)}.key .k-held{--swatch:var(--held)}.key .k-before{--swatch:var(--before)}.key .k-gzip{--swatch:var(--gzip)}
details{margin:.4rem 0}
summary{cursor:pointer;padding:.3rem 0;font-size:.9rem}
.example{margin:.6rem 0 1rem;font-size:.875rem}
.example .who{display:flex;flex-wrap:wrap;gap:.1rem 1rem}
.example .who>:first-child{font-weight:600}
.passage{margin:.3rem 0;padding:.5rem .8rem;background:var(--soft);border-left:3px solid var(--line);white-space:pre-wrap;font:.85rem/1.5 ui-serif,Georgia,Cambria,"Times New Roman",serif;max-height:18rem;overflow:auto}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:.25rem 1rem;margin:.5rem 0 1.25rem;font-size:.875rem}
.pair>p{grid-column:1/-1;margin:0}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(16rem,100%),1fr));gap:1rem 1.75rem;margin:.75rem 0}
figure{margin:0}
figcaption{font-size:.875rem;margin-bottom:.25rem}
.histogram rect{fill:var(--accent)}
.histogram text{fill:var(--muted);font-size:10.5px;text-anchor:middle}
.histogram text.first{text-anchor:start}
.histogram text.last{text-anchor:end}
.histogram .axis{stroke:var(--line)}
.histogram .threshold line{stroke:var(--drop);stroke-width:2;stroke-dasharray:4 3}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(26rem,100%),1fr));gap:1.5rem 2rem;margin:1rem 0}
.charts figure.whole{grid-column:1/-1}
.charts figure{min-width:0}
.chart{min-height:15rem}
.u-legend{display:block;font-size:.8rem!important;text-align:left!important}
.u-legend .u-series{display:inline-flex;max-width:100%;margin-right:.9rem}
.u-legend th,.u-legend td{border:0;padding:.05rem .3rem .05rem 0}
.u-legend th{display:flex;align-items:center;min-width:0;font-weight:400!important;white-space:nowrap}
.u-legend .u-marker{flex:none}
.u-legend .u-label{overflow:hidden;text-overflow:ellipsis}
.u-legend .u-value{min-width:2.6rem}
.sample{margin:1rem 0}
.sample .prompt{font-weight:650}
pre{background:var(--soft);padding:.75rem;overflow:auto;white-space:pre-wrap;margin:.25rem 0}
footer{margin-top:3rem;padding-bottom:2.5rem;color:var(--muted);font-size:.85rem}
@media (max-width:36rem){body{font-size:15px}header{padding-top:1.25rem}dl,.pair{grid-template-columns:1fr}.cards{grid-template-columns:1fr 1fr}h1{font-size:1.45rem}main,header,footer,nav div{padding-left:1rem;padding-right:1rem}table.bars th[scope=row]{width:8rem;white-space:normal}}
@media print{:root{--bg:#fff;--fg:#000;--muted:#444;--line:#bbb;--soft:#f3f3f3;--accent:#2b6a99;--drop:#c26f33;--held:#7a5ea8;--gzip:#8a949d;--before:#b9c4cd}body{font-size:10.5pt}nav{display:none}h2,h3,h4,caption,.example .who,.pair>p{break-after:avoid}figure,tr,.funnel>li,.card{break-inside:avoid}p,.passage{orphans:3;widows:3}.passage{max-height:none}.charts{grid-template-columns:1fr 1fr;gap:.75rem 1.25rem}.u-legend .u-series:first-child,.u-legend .u-value,.u-legend th::after{display:none!important}.scroll{overflow:visible}.scroll table{font-size:8pt}.scroll th,.scroll td{padding-right:.35rem}.scroll thead th{white-space:normal}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`;
