/**
 * What the gallery's e-mails look like. Tables and inline styles, for that is all that every mail program reads; whatever
 * stands in `<style>` only makes it better (dark mode, small screens). No font, script or picture of others; the button is a
 * coloured cell and works where pictures, borders or `<style>` do not.
 */
import type { Parts } from "../templates.ts";
import { type Language, MAX_ITEMS, type Words } from "./words.ts";

const FONT = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";

const STYLE = `:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (max-width: 480px) {
  .card { padding: 28px 20px !important; }
  .title { font-size: 24px !important; }
  .cta { width: 100% !important; }
  .cta a { display: block !important; }
}
@media (prefers-color-scheme: dark) {
  .page { background: #14161a !important; }
  .card { background: #1f2329 !important; }
  .ink { color: #eceef2 !important; }
  .soft { color: #aeb5c2 !important; }
  .line { border-color: #3a414c !important; }
  .code { background: #262c34 !important; border-color: #8ad7bc !important; }
  .cta td { background: #8ad7bc !important; }
  .cta a { color: #0e241c !important; }
}`;

const table = (more: string): string =>
  `<table role="presentation" border="0" cellpadding="0" cellspacing="0" ${more}>`;

const HEAD = (title: string): string => `<!doctype html>
<html lang="{{ locale }}" xmlns:o="urn:schemas-microsoft-com:office:office">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="x-apple-disable-message-reformatting">
<meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${title}</title>
<!--[if mso]><xml><o:OfficeDocumentSettings><o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml><![endif]-->
<style>
${STYLE}
</style>
</head>`;

/** Shown in the inbox beside the subject; the filler keeps what follows out of it. */
const PREHEADER = (text: string): string =>
  `<div style="display:none;max-height:0;overflow:hidden;mso-hide:all;font-size:1px;line-height:1px;color:#f4f2ee;opacity:0" aria-hidden="true">${text}${"&#847;&zwnj;&nbsp;".repeat(60)}</div>`;

const ITEMS = ({ more, total }: Language): string => `${table('width="100%" style="border-collapse:collapse"')}
{% for item in cart.items limit: ${MAX_ITEMS} %}<tr><td class="line" style="border-top:1px solid #e5e2da;padding:14px 0">
${table('width="100%"')}<tr>
{% if item.image_url %}<td width="76" valign="top" style="width:76px"><img src="{{ item.image_url }}" alt="{{ item.name }}" width="60" height="60" style="display:block;width:60px;height:60px;border:0;border-radius:8px;object-fit:cover;font-size:11px;line-height:1.2;color:#5f6775;overflow:hidden" class="soft"></td>
{% endif %}<td class="ink" valign="middle" style="font-size:16px;line-height:1.4;color:#22262e;word-break:break-word">{{ item.name }}<br><span class="soft" style="font-size:14px;color:#5f6775">{{ item.quantity }} × {{ item.price | money }}</span></td>
<td class="ink" valign="middle" align="right" style="font-size:16px;line-height:1.4;color:#22262e;white-space:nowrap;padding-left:12px">{{ item.total | money }}</td>
</tr></table></td></tr>
{% endfor %}{% if cart.items.size > ${MAX_ITEMS} %}<tr><td class="line soft" style="border-top:1px solid #e5e2da;padding:14px 0;font-size:14px;color:#5f6775">${more}</td></tr>
{% endif %}<tr><td class="line" style="border-top:2px solid #cfcabf;padding:16px 0 0">
${table('width="100%"')}<tr><td class="ink" style="font-size:16px;font-weight:700;color:#22262e">${total}</td><td class="ink" align="right" style="font-size:18px;font-weight:700;color:#22262e;white-space:nowrap">{{ cart.total | money }}</td></tr></table></td></tr>
</table>`;

const CODE = ({ code, until }: Language): string => `{% if coupon %}${table('width="100%" style="margin:0 0 28px"')}
<tr><td class="code" align="center" style="border:2px dashed #1d5c4a;border-radius:12px;background:#f1f7f4;padding:18px 16px">
<span class="soft" style="font-size:14px;color:#545c69">${code}</span><br>
<strong class="ink" style="font-size:24px;line-height:1.5;letter-spacing:2px;color:#22262e;word-break:break-all">{{ coupon.code }}</strong>{% if coupon.expires_at %}<br>
<span class="soft" style="font-size:14px;color:#545c69">${until}</span>{% endif %}
</td></tr></table>
{% endif %}`;

const BUTTON = (label: string): string =>
  `${table('class="cta" style="margin:32px 0 0"')}<tr><td align="center" bgcolor="#1d5c4a" style="border-radius:10px;background:#1d5c4a;mso-padding-alt:15px 30px"><a href="{{ recovery_url }}" style="display:inline-block;padding:15px 30px;font-family:${FONT};font-size:16px;font-weight:700;line-height:1.2;color:#ffffff;text-decoration:none;border-radius:10px">${label}</a></td></tr></table>`;

function htmlOf(words: Words, language: Language): string {
  const { because, unsubscribe } = language;
  return `${HEAD(words.title)}
<body class="page" style="margin:0;padding:0;background:#f4f2ee;-webkit-text-size-adjust:100%">
${PREHEADER(words.preheader)}
<div role="article" aria-label="${words.title}" lang="{{ locale }}">
${table(`class="page" width="100%" bgcolor="#f4f2ee" style="background:#f4f2ee;font-family:${FONT}"`)}<tr><td align="center" style="padding:28px 12px 40px">
<!--[if mso]>${table('width="600" align="center"')}<tr><td><![endif]-->
${table('width="100%" style="max-width:600px;margin:0 auto"')}
<tr><td style="padding:0 8px 16px"><a href="{{ store.url }}" class="ink" style="font-size:16px;font-weight:700;color:#22262e;text-decoration:none">{{ store.name }}</a></td></tr>
<tr><td class="card" align="left" bgcolor="#ffffff" style="background:#ffffff;border-radius:16px;padding:40px 36px">
<h1 class="title ink" style="margin:0 0 14px;font-size:28px;line-height:1.25;font-weight:700;color:#22262e">${words.title}</h1>
<p class="ink" style="margin:0 0 28px;font-size:16px;line-height:1.6;color:#22262e">${words.lead}</p>
${words.code ? CODE(language) : ""}${ITEMS(language)}
${BUTTON(words.button)}
${words.note ? `<p class="soft" style="margin:24px 0 0;font-size:14px;line-height:1.6;color:#5f6775">${words.note}</p>\n` : ""}</td></tr>
<tr><td class="soft" align="center" style="padding:24px 16px 0;font-size:13px;line-height:1.6;color:#5f6775">${because}<br>
<a href="{{ unsubscribe_url }}" class="soft" style="color:#5f6775;text-decoration:underline">${unsubscribe}</a></td></tr>
</table>
<!--[if mso]></td></tr></table><![endif]-->
</td></tr></table>
</div>
</body></html>`;
}

function textOf(words: Words, { because, code, more, total, unsubscribe, until }: Language): string {
  const coupon = `{% if coupon %}${code}: {{ coupon.code }}{% if coupon.expires_at %} (${until}){% endif %}

{% endif %}`;
  return `${words.title}

${words.lead}

${words.code ? coupon : ""}{% for item in cart.items limit: ${MAX_ITEMS} %}- {{ item.quantity }} x {{ item.name }}: {{ item.total | money }}
{% endfor %}{% if cart.items.size > ${MAX_ITEMS} %}- ${more}
{% endif %}
${total}: {{ cart.total | money }}

${words.button}:
{{ recovery_url }}
${words.note ? `\n${words.note}\n` : ""}
-- 
${because}
${unsubscribe}: {{ unsubscribe_url }}
`;
}

export const partsOf = (words: Words, language: Language): Parts => ({
  subject: words.subject,
  html: htmlOf(words, language),
  text: textOf(words, language),
});
