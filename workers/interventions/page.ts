/** A small page for shoppers: no scripts, no third parties, readable everywhere. */
const STYLE = `:root{color-scheme:light dark}body{margin:0;min-height:100vh;display:grid;place-items:center;font:16px/1.5 system-ui,sans-serif;background:light-dark(#f3f1ec,#16181d);color:light-dark(#22262e,#eceef2)}main{max-width:28rem;margin:1rem;padding:2rem;border-radius:1rem;background:light-dark(#fff,#20242b)}h1{font-size:1.5rem;line-height:1.25;margin:0 0 .5rem}p{margin:0 0 1.25rem}button{font:inherit;font-weight:600;border:0;border-radius:.6rem;padding:.8rem 1.5rem;background:#1d5c4a;color:#fff;cursor:pointer}button:focus-visible{outline:3px solid #6fb8a1;outline-offset:2px}`;

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** `lang`: the language of the words. */
export function page(
  status: number,
  lang: string,
  title: string,
  text: string,
  button?: { label: string; action: string },
): Response {
  const form = button
    ? `<form method="post" action="${escapeHtml(button.action)}"><button>${escapeHtml(button.label)}</button></form>`
    : "";
  const html = `<!doctype html><html lang="${lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body><main><h1>${escapeHtml(title)}</h1><p>${escapeHtml(text)}</p>${form}</main></body></html>`;
  return new Response(html, {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "content-security-policy":
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "x-robots-tag": "noindex",
    },
  });
}
