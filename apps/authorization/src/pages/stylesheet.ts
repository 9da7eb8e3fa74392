import { createHash } from 'node:crypto';

/** The stylesheet of every page. */
export const stylesheet = `:root {
  color-scheme: light dark;
  --ground: #eef1f6;
  --glow: #dfe5ff;
  --card: #ffffff;
  --line: #d8dee8;
  --control: #7a8699;
  --text: #172033;
  --muted: #536075;
  --accent: #3448c5;
  --accent-hover: #2838a3;
  --on-accent: #ffffff;
  --tint: #eef0fd;
  --on-tint: #2b3ba6;
  --fill: #f5f7fa;
  --warning: #fff5dc;
  --warning-line: #e0b040;
  --on-warning: #6b4700;
  --danger: #fdecec;
  --danger-line: #e39a9a;
  --on-danger: #96191d;
  --good: #e5f5ec;
  --on-good: #11603a;
  --shadow: 0 1px 2px rgb(23 32 51 / 6%), 0 12px 40px rgb(23 32 51 / 10%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0d1119;
    --glow: #1a2145;
    --card: #161c28;
    --line: #2c3547;
    --control: #76839a;
    --text: #e9edf5;
    --muted: #a5b0c3;
    --accent: #9aa8ff;
    --accent-hover: #b4beff;
    --on-accent: #10163a;
    --tint: #222b52;
    --on-tint: #c3ccff;
    --fill: #1c2433;
    --warning: #2e2510;
    --warning-line: #7d6220;
    --on-warning: #f4d58a;
    --danger: #351a1d;
    --danger-line: #7c3a3f;
    --on-danger: #ffb4b4;
    --good: #12301f;
    --on-good: #8fdcb0;
    --shadow: 0 1px 2px rgb(0 0 0 / 40%), 0 16px 48px rgb(0 0 0 / 45%);
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { background: var(--ground); -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0;
  min-height: 100vh;
  min-height: 100dvh;
  background: radial-gradient(60rem 30rem at 50% -10rem, var(--glow), transparent 70%) no-repeat;
  color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif;
  overflow-wrap: anywhere;
}
.page {
  display: flex;
  flex-direction: column;
  justify-content: center;
  gap: 1.25rem;
  min-height: 100vh;
  min-height: 100dvh;
  max-width: 32rem;
  margin: 0 auto;
  padding: 2rem 1rem;
}
.brand { display: flex; align-items: center; justify-content: center; gap: .625rem; min-height: 2.25rem; font-weight: 600; }
.mark {
  display: inline-grid;
  place-items: center;
  flex: none;
  width: 2.25rem;
  height: 2.25rem;
  border-radius: .625rem;
  background: var(--accent);
  color: var(--on-accent);
  font-weight: 700;
}
.mark-round { border-radius: 50%; background: var(--tint); color: var(--on-tint); }
.card {
  padding: 2rem;
  overflow: clip;
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: 1.25rem;
  box-shadow: var(--shadow);
}
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25; font-weight: 700; letter-spacing: -.01em; text-wrap: balance; }
h2 { margin: 1.75rem 0 .625rem; font-size: .9375rem; line-height: 1.4; font-weight: 650; }
p { margin: 0; }
.lead { margin-top: .5rem; color: var(--muted); }
.muted { color: var(--muted); }
.small { font-size: .875rem; }
.strong { font-weight: 600; }
.centered { text-align: center; }
.icon { flex: none; width: 1.25rem; height: 1.25rem; }
code { font: .8125rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }

.fields { display: grid; gap: 1.125rem; margin-top: 1.5rem; }
.fields + p { margin-top: 1rem; }
.field { display: grid; gap: .375rem; }
label { font-size: .9375rem; font-weight: 600; }
input:not([type="hidden"], [type="checkbox"]) {
  width: 100%;
  min-height: 3rem;
  padding: .625rem .875rem;
  border: 1px solid var(--control);
  border-radius: .75rem;
  background: var(--card);
  color: inherit;
  font: inherit;
}
input[aria-invalid="true"] { border-color: var(--on-danger); }
.button {
  min-height: 3rem;
  padding: .625rem 1.25rem;
  border: 1px solid var(--control);
  border-radius: .75rem;
  background: var(--card);
  color: var(--text);
  font: inherit;
  font-weight: 600;
  cursor: pointer;
}
.button:hover { background: var(--fill); }
.button-primary { border-color: var(--accent); background: var(--accent); color: var(--on-accent); }
.button-primary:hover { border-color: var(--accent-hover); background: var(--accent-hover); }
.button-quiet { min-height: 2.75rem; padding: .375rem .625rem; border-color: transparent; background: none; color: var(--accent); font-size: .875rem; }
.button-quiet:hover { background: var(--tint); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }

.notice { display: flex; gap: .75rem; margin-top: 1.25rem; padding: .875rem 1rem; border: 1px solid; border-radius: .75rem; font-size: .9375rem; }
.notice > p { min-width: 0; }
.notice .icon { margin-top: .125rem; }
.notice-error { background: var(--danger); border-color: var(--danger-line); color: var(--on-danger); }
.notice-warning { background: var(--warning); border-color: var(--warning-line); color: var(--on-warning); }
.badge {
  display: inline-flex;
  align-items: center;
  gap: .25rem;
  padding: .125rem .5rem;
  border: 1px solid var(--line);
  border-radius: 1rem;
  background: var(--fill);
  color: var(--muted);
  font-size: .8125rem;
  font-weight: 600;
  line-height: 1.5;
}
.badge .icon { width: 1rem; height: 1rem; }
.badge-good { border-color: transparent; background: var(--good); color: var(--on-good); }
.badge-warning { border-color: var(--warning-line); background: var(--warning); color: var(--on-warning); }
h1 + p > .badge { margin-top: .75rem; }

.pair { display: flex; align-items: center; justify-content: center; margin-bottom: 1.25rem; }
.tile {
  display: grid;
  place-items: center;
  width: 3.5rem;
  height: 3.5rem;
  border: 1px solid var(--line);
  border-radius: 1rem;
  background: var(--fill);
  font-size: 1.375rem;
  font-weight: 700;
}
.tile-own { border-color: transparent; background: var(--accent); color: var(--on-accent); }
.bond { display: flex; align-items: center; gap: .375rem; margin: 0 .375rem; color: var(--muted); }
.bond::before, .bond::after { content: ""; width: 1rem; border-top: 2px dashed var(--line); }
.account { display: flex; flex-wrap: wrap; align-items: center; gap: 0 .75rem; margin-top: 1.5rem; padding: .75rem .875rem .125rem; border: 1px solid var(--line); border-radius: .75rem; }
.account form { flex: 1 1 100%; margin-left: 2.375rem; }
.account p { flex: 1 1 0; min-width: 0; line-height: 1.35; font-size: .9375rem; }
.account p > * { display: block; }
.account .label { color: var(--muted); font-size: .8125rem; }
.scopes { margin: 0; padding: 0; list-style: none; border: 1px solid var(--line); border-radius: .75rem; overflow: clip; }
.scopes > li { display: flex; gap: .75rem; padding: .75rem .875rem; }
.scopes > li + li { border-top: 1px solid var(--line); }
.scopes > li > div { min-width: 0; }
.scopes label { display: block; font-size: 1rem; font-weight: 400; cursor: pointer; }
.scopes input { flex: none; width: 1.25rem; height: 1.25rem; margin: .125rem 0 0; accent-color: var(--accent); cursor: pointer; }
.scopes li:has(input:not(:checked)) label { color: var(--muted); text-decoration: line-through; }
.hint { margin: -.375rem 0 .625rem; }
.scopes .icon { margin-top: .125rem; color: var(--accent); }
.scopes .risky { background: color-mix(in srgb, var(--warning) 55%, var(--card)); }
.scopes .risky .icon { color: var(--on-warning); }
.scopes .muted, .tags { font-size: .875rem; }
.tags { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .5rem; margin-top: .25rem; }
.tags code { color: var(--muted); }
.facts { display: grid; margin: 0; border-radius: .75rem; background: var(--fill); font-size: .9375rem; }
.facts > div { padding: .75rem .875rem; }
.facts > div + div { border-top: 1px solid var(--line); }
dt { color: var(--muted); font-size: .8125rem; }
dd { margin: 0; }
dd > * { display: block; }
.decision { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; margin: 1.75rem 0 1rem; }

.emblem { display: grid; place-items: center; width: 3rem; height: 3rem; margin-bottom: 1rem; border-radius: 1rem; background: var(--warning); color: var(--on-warning); }
.emblem .icon { width: 1.5rem; height: 1.5rem; }
.emblem-good { background: var(--good); color: var(--on-good); }
.emblem ~ .facts { margin-top: 1.75rem; }
.lead + .muted { margin-top: .75rem; }
.foot { display: flex; align-items: center; justify-content: center; gap: .375rem; color: var(--muted); font-size: .8125rem; }
.foot .icon { width: 1rem; height: 1rem; }

@media (max-width: 30rem) {
  .page { justify-content: flex-start; gap: 1rem; padding: 1rem .75rem; }
  .card { padding: 1.375rem 1.125rem; }
  h1 { font-size: 1.3125rem; }
  .button { padding-inline: .75rem; }
}
/* Two buttons beside each other would break their words. */
@media (max-width: 22rem) {
  .decision { grid-template-columns: 1fr; }
}
@media (forced-colors: active) {
  .button-primary { border-width: 2px; }
  .mark, .tile, .badge, .emblem { border: 1px solid; }
}
`;

/** Where the stylesheet is served. The path changes with the content, so it may be cached for good. */
export const stylesheetPath = `/assets/pages-${createHash('sha256').update(stylesheet).digest('hex').slice(0, 16)}.css`;
