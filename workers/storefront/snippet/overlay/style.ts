import type { ScriptData } from "../types.ts";

/** Each colour and measure: the shop's custom property, else the script's attribute, else ours. */
const TOKENS = { accent: "color", onAccent: "color", surface: "color", ink: "color", muted: "color" } as const;
type Token = keyof typeof TOKENS;

const LIGHT: Record<Token, string> = {
  accent: "#1f3fd6",
  onAccent: "#fff",
  surface: "#fff",
  ink: "#1b1c22",
  muted: "#565962",
};
const DARK: Record<Token, string> = {
  accent: "#a9b8ff",
  onAccent: "#14161d",
  surface: "#1e2027",
  ink: "#f3f3f5",
  muted: "#b3b6c2",
};

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function tokens(data: ScriptData, ours: Record<Token, string>, dark: string): string {
  return (Object.keys(ours) as Token[])
    .map((name) => {
      const given = data[name];
      // What is no colour could be a whole rule.
      const fallback = given && CSS.supports("color", given) ? given : ours[name];
      return `--${name}:var(--cartwake-${kebab(name)},${fallback});`;
    })
    .concat(`color-scheme:${dark};`)
    .join("");
}

const RULES = `
:host{all:initial;position:fixed;width:0;height:0}
*{box-sizing:border-box}
dialog{position:fixed;inset:auto 0 0;width:100%;max-width:none;max-height:92dvh;margin:0;padding:0;border:0;overflow:auto;overscroll-behavior:contain;
background:var(--surface);color:var(--ink);font:400 1rem/1.5 var(--cartwake-font,ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif);
border-radius:var(--radius) var(--radius) 0 0;box-shadow:0 0 0 1px rgb(128 128 128/.25),0 16px 48px rgb(0 0 0/.28);--radius:var(--cartwake-radius,1.125rem);outline:0}
dialog::backdrop{background:rgb(10 12 20/.12)}
.body{display:grid;gap:.75rem;padding:1.5rem 1.25rem calc(1.25rem + env(safe-area-inset-bottom))}
.top{display:grid;grid-template-columns:1fr auto;gap:.75rem;align-items:start}
h2{margin:0;font-size:1.375rem;line-height:1.2;font-weight:700;letter-spacing:-.015em;text-wrap:balance;overflow-wrap:anywhere}
p{margin:0;color:var(--muted);overflow-wrap:anywhere;text-wrap:pretty}
.what{display:grid;gap:1rem;align-items:center}
.what:has(img){grid-template-columns:4.5rem 1fr}
.pic{width:4.5rem;height:4.5rem;border-radius:.75rem;overflow:hidden;background:rgb(128 128 128/.14)}
img{display:block;width:100%;height:100%;object-fit:cover}
button{font:inherit;color:inherit;cursor:pointer;border:0;background:none;border-radius:calc(var(--radius)*.6);min-height:2.75rem;padding:.625rem 1.125rem}
button:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.x{display:grid;place-items:center;width:2.75rem;padding:0;margin:-.625rem -.5rem 0 0;color:var(--muted)}
.x:hover{color:var(--ink)}
svg{width:1.125rem;height:1.125rem;stroke:currentColor;stroke-width:2;stroke-linecap:round;fill:none}
.code{display:flex;flex-wrap:wrap;align-items:center;justify-content:space-between;gap:.25rem .75rem;padding:.375rem .375rem .375rem 1rem;border:2px dashed var(--accent);border-radius:calc(var(--radius)*.7)}
code{font:600 1.125rem/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;letter-spacing:.06em;overflow-wrap:anywhere;user-select:all}
.copy{color:var(--accent);font-weight:600;padding-inline:.75rem}
.until{font-size:.875rem}
.do{display:grid;gap:.25rem;margin-top:.375rem}
.yes{background:var(--accent);color:var(--onAccent);font-weight:650}
.yes:hover{filter:brightness(1.06)}
.no{color:var(--muted)}
.no:hover,.copy:hover{text-decoration:underline;text-underline-offset:.2em}
.hear{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media(min-width:40rem){
dialog{inset:auto 1.5rem 1.5rem auto;width:25rem;border-radius:var(--radius)}
dialog[data-position=center]{inset:0;margin:auto;height:fit-content}
dialog[data-position=left]{inset:auto auto 1.5rem 1.5rem}
.body{padding:1.5rem}
.do{grid-template-columns:1fr auto;gap:.5rem}}
@media(prefers-reduced-motion:no-preference){
dialog{animation:in .32s cubic-bezier(.2,.8,.2,1)}
dialog::backdrop{animation:dim .32s}
@keyframes in{from{opacity:0;transform:translateY(1.5rem)}}
@keyframes dim{from{opacity:0}}}
@media(forced-colors:active){dialog{border:1px solid}.yes{border:1px solid}}`;

export function styleOf(data: ScriptData): string {
  const light = `:host{${tokens(data, LIGHT, "light")}}`;
  const dark = `:host{${tokens(data, DARK, "dark")}}`;
  if (data.scheme === "dark") return dark + RULES;
  return data.scheme === "light" ? light + RULES : `${light}@media(prefers-color-scheme:dark){${dark}}${RULES}`;
}
