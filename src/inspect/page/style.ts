/** What the page of an inspection adds to the report's style sheet. */
export const INSPECT_STYLE = `
#kept{position:fixed;bottom:0;left:0;right:0;z-index:3;background:var(--soft);border-top:1px solid var(--line);display:flex;flex-wrap:wrap;justify-content:center;gap:.1rem 1.75rem;padding:.45rem 1rem;font-size:.9rem;font-variant-numeric:tabular-nums}
body{padding-bottom:4rem}
#kept b{font-size:1.1rem}
.tools{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;margin:.75rem 0}
button{font:inherit;font-size:.875rem;color:var(--fg);background:var(--soft);border:1px solid var(--line);border-radius:.35rem;padding:.3rem .8rem;cursor:pointer}
button:focus-visible,input:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
details.step{border-bottom:1px solid var(--line);padding:.25rem 0}
details.step>summary{font-size:1rem;padding:.5rem 0}
input[type=checkbox]{accent-color:var(--accent);width:1rem;height:1rem;vertical-align:-.12rem}
.rules{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(20rem,100%),1fr));gap:1.5rem 2rem;margin:.5rem 0 1.25rem}
.rule{min-width:0}
.rule-head{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 1rem;font-size:.875rem}
.rule-head .switch{font-weight:600;cursor:pointer}
.limit{color:var(--muted)}
.threshold{color:var(--fg);font-weight:600;font-variant-numeric:tabular-nums}
.spread{height:5.25rem;margin-top:.35rem;border-bottom:1px solid var(--line)}
.spread .mark{stroke:var(--fg);stroke-width:1.5}
.rule input[type=range]{width:100%;margin:.1rem 0;accent-color:var(--accent);height:1.6rem}
.rule .note{margin:.1rem 0;font-size:.8rem;font-variant-numeric:tabular-nums}
.rule summary{font-size:.8rem;color:var(--muted)}
.rule .passage{max-height:8rem;font-size:.8rem}
.rule h4{margin:.5rem 0 .1rem}
.gone{color:var(--drop)}.stays{color:var(--accent)}
.who>:first-child{overflow-wrap:anywhere}
.key .k-other{--swatch:var(--before)}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(24rem,100%),1fr));gap:0 2rem}
#command{user-select:all}
@media (max-width:36rem){#kept{font-size:.8rem;gap:0 1rem}}
`;
