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
  const mail = new DOMParser().parseFromString(html, "text/html");
  for (const element of mail.querySelectorAll(UNWANTED)) element.remove();
  // A frame without `allow-popups` opens no page, so links look right and lead nowhere: a preview is not a click.
  for (const link of mail.querySelectorAll("a, area, form")) link.setAttribute("target", "_blank");

  const sheets: CSSStyleSheet[] = [];
  for (const style of mail.querySelectorAll("style")) {
    const sheet = new realm.CSSStyleSheet({ media: style.media });
    sheet.replaceSync(style.textContent ?? "");
    sheets.push(sheet);
    style.remove();
  }
  const inline: [HTMLElement, string][] = [];
  for (const element of mail.querySelectorAll<HTMLElement>("[style]")) {
    inline.push([element, element.getAttribute("style") ?? ""]);
    element.removeAttribute("style"); // as an attribute it would only be reported as a violation
  }
  target.replaceChild(target.adoptNode(mail.documentElement), target.documentElement);
  target.adoptedStyleSheets = sheets;
  for (const [element, css] of inline) element.style.cssText = css;
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
