/**
 * The rendered mail in a frame that can run nothing. A `srcdoc` or `blob:` page inherits the content policy of this page, and
 * `style-src 'self'` would strip the inline styles that mails are made of. Styles set through the CSSOM are not subject to the policy,
 * so the mail is parsed here, inert, and its styles are applied to the frame's document one by one. `allow-same-origin` lets this
 * page reach in; without `allow-scripts` nothing in the mail can reach out.
 */
import { useEffect, useRef, useState } from "preact/hooks";

const TALLEST_PX = 4_000;

export function MailFrame({ html }: { html: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const [ready, setReady] = useState(false);
  useEffect(() => {
    const element = frame.current;
    if (!element || !ready) return;
    fill(element, html);
    return followHeight(element);
  }, [html, ready]);
  return (
    <iframe
      ref={frame}
      class="mail-frame"
      title="The mail as the shopper sees it"
      sandbox="allow-same-origin"
      srcdoc="<!doctype html><title>Mail</title>"
      onLoad={() => setReady(true)}
      data-testid="mail-frame"
    />
  );
}

/** Nothing that loads, navigates or reports: `/o/` is the open pixel, which a merchant's look must not trip. */
const UNWANTED = "script, iframe, frame, object, embed, link, base, meta[http-equiv], img[src*='/o/']";

function fill(frame: HTMLIFrameElement, html: string): void {
  const target = frame.contentDocument;
  const realm = frame.contentWindow as (Window & typeof globalThis) | null;
  if (!target || !realm) return;
  const mail = new DOMParser().parseFromString(setStylesAside(html), "text/html");
  const sheets: CSSStyleSheet[] = [];
  for (const style of mail.querySelectorAll(`script[${ASIDE}]`)) {
    const sheet = new realm.CSSStyleSheet({ media: style.getAttribute("media") ?? "" });
    sheet.replaceSync(style.textContent ?? "");
    sheets.push(sheet);
  }
  for (const element of mail.querySelectorAll(UNWANTED)) element.remove();
  // A frame without `allow-popups` opens no page, so links look right and lead nowhere: a preview is not a click.
  for (const link of mail.querySelectorAll("a, area, form")) link.setAttribute("target", "_blank");

  const inline: [HTMLElement, string][] = [];
  for (const element of mail.querySelectorAll<HTMLElement>(`[${ASIDE}], [style]`)) {
    inline.push([element, element.getAttribute(ASIDE) ?? element.getAttribute("style") ?? ""]);
    element.removeAttribute(ASIDE);
    element.removeAttribute("style");
  }
  target.replaceChild(target.adoptNode(mail.documentElement), target.documentElement);
  target.adoptedStyleSheets = sheets;
  for (const [element, css] of inline) element.style.cssText = css;
}

const ASIDE = "data-aside";

/**
 * Even an inert parse reports every inline style to the console as a violation, so styles wait under other names: attributes as
 * `data-aside`, sheets as scripts of a type that no browser runs (both hold raw text). What the pattern misses costs a report, no more.
 */
function setStylesAside(html: string): string {
  return html
    .replace(/<[a-z][^>]*>/gi, (tag) => tag.replace(/(\s)style(\s*=)/i, `$1${ASIDE}$2`))
    .replace(/<style\b/gi, `<script type="text/css" ${ASIDE}`)
    .replace(/<\/style\b/gi, "</script");
}

/** As tall as its mail, so that the page scrolls and not the frame; bounded, since a mail may ask for more than the frame has. */
function followHeight(frame: HTMLIFrameElement): () => void {
  const body = frame.contentDocument?.body;
  if (!body) return () => undefined;
  const measure = () => {
    const tall = Math.min(TALLEST_PX, frame.contentDocument?.documentElement.scrollHeight ?? 0);
    if (Math.abs(tall - frame.clientHeight) > 1) frame.style.height = `${tall}px`;
  };
  frame.style.height = "";
  measure();
  const observer = new ResizeObserver(measure);
  observer.observe(body);
  return () => observer.disconnect();
}
