/** Small pages for shoppers: no scripts, no third parties, readable everywhere. */
import { createHash } from "node:crypto";

const STYLE = `:root{color-scheme:light dark;--ink:light-dark(#22262e,#eceef2);--soft:light-dark(#5d6470,#a9b0bc);--line:light-dark(#dcd8cf,#3a404a);--card:light-dark(#fff,#20242b);--green:light-dark(#1d5c4a,#2c8469)}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100dvh;display:grid;place-items:center;font:16px/1.5 system-ui,sans-serif;background:light-dark(#f3f1ec,#16181d);color:var(--ink)}
main{width:min(28rem,100% - 2rem);margin:1rem;padding:2rem;border-radius:1rem;background:var(--card);overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .5rem}
h2{font-size:1rem;margin:0 0 .25rem}
p{margin:0 0 1.25rem}
form:last-child,p:last-child{margin-bottom:0}
form+form{margin-top:1.75rem;padding-top:1.5rem;border-top:1px solid var(--line)}
fieldset{border:0;margin:0 0 1.25rem;padding:0;min-width:0}
legend{padding:0;font-weight:600}
label{display:grid;grid-template-columns:1fr auto;gap:0 1rem;align-items:center;padding:.75rem 0;border-bottom:1px solid var(--line);cursor:pointer}
label:has(:disabled){cursor:default}
label b{font-weight:600}
label span{grid-column:1;color:var(--soft);font-size:.9rem}
input[type=checkbox]{grid-column:2;grid-row:1/span 2;appearance:none;width:3rem;height:1.75rem;margin:0;border-radius:1rem;background:light-dark(#8b919c,#6b7280);position:relative;cursor:inherit;transition:background .15s}
input[type=checkbox]::before{content:"";position:absolute;inset:.2rem auto .2rem .2rem;width:1.35rem;border-radius:50%;background:#fff;transition:translate .15s}
input:checked{background:var(--green)}
input:checked::before{translate:1.25rem}
input:disabled{opacity:.45}
button{font:inherit;font-weight:600;width:100%;border:1px solid var(--green);border-radius:.6rem;padding:.75rem 1.5rem;background:var(--green);color:#fff;cursor:pointer}
button.quiet{background:none;color:var(--ink);border-color:var(--soft)}
:focus-visible{outline:3px solid #6fb8a1;outline-offset:2px}
@media (prefers-reduced-motion:reduce){*{transition:none!important}}
@media (forced-colors:active){input{appearance:auto;width:1.5rem}input::before{content:none}}`;

const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** A switch of a channel; one that nobody can turn here says why. */
export interface Switch {
  name: string;
  label: string;
  note: string;
  on: boolean;
  locked: boolean;
}

/** What the shopper can decide on the page; every form is posted to `action`. */
export interface Choices {
  action: string;
  /** The one button that stops everything; not there when nothing is on. */
  stop: string | null;
  legend: string;
  switches: Switch[];
  save: string;
}

/** `lang`: the language of the words. */
export function page(status: number, lang: string, title: string, text: string, choices?: Choices): Response {
  const html = `<!doctype html><html lang="${lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body><main><h1>${escapeHtml(title)}</h1><p role="status">${escapeHtml(text)}</p>${choices ? forms(choices) : ""}</main></body></html>`;
  return new Response(html, {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "content-security-policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "x-robots-tag": "noindex",
    },
  });
}

/** Two forms: Enter in one of them must not press the button of the other. */
function forms({ action, stop, legend, switches, save }: Choices): string {
  const open = `<form method="post" action="${escapeHtml(action)}">`;
  const first = stop
    ? `${open}<input type="hidden" name="choice" value="none"><button>${escapeHtml(stop)}</button></form>`
    : "";
  const fields = switches.map(field).join("");
  return `${first}${open}<input type="hidden" name="choice" value="these"><fieldset><legend>${escapeHtml(legend)}</legend>${fields}</fieldset><button class="quiet">${escapeHtml(save)}</button></form>`;
}

const field = ({ name, label, note, on, locked }: Switch): string =>
  `<label><b>${escapeHtml(label)}</b><span>${escapeHtml(note)}</span><input type="checkbox" role="switch" name="${name}"${on ? " checked" : ""}${locked ? " disabled" : ""}></label>`;
