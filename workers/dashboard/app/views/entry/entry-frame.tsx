/** The card on the sea, for everyone who is not in yet. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { boardHref } from "../../route.ts";
import { WakeMark } from "../../ui/icons.tsx";

/** The title that the reader saw last: another one is another step. */
let shown: string | null = null;

export function EntryFrame({
  title,
  lead,
  children,
}: {
  title: string;
  lead: ComponentChildren;
  children: ComponentChildren;
}) {
  const card = useRef<HTMLElement>(null);
  useEffect(() => {
    document.title = `${title} · Cartwake`;
    // The next step can be typed into at once, or is read out; the first is where the browser put the reader.
    const next =
      card.current?.querySelector<HTMLElement>("input:not([type=hidden])") ?? card.current?.querySelector("h1");
    if (shown !== null && shown !== title) next?.focus();
    shown = title;
  }, [title]);
  return (
    <main class="login">
      <div class="login-sea" aria-hidden="true">
        <svg viewBox="0 0 1200 300" preserveAspectRatio="none" aria-hidden="true">
          <path d="M0 120C150 40 250 40 400 110s280 90 430 20 240-70 370-10v180H0Z" />
          <path d="M0 170c140-60 260-50 400 10s270 60 410 0 250-60 390 0v120H0Z" />
          <path d="M0 225c160-50 270-30 410 10s250 30 390-10 260-30 400 10v65H0Z" />
        </svg>
      </div>
      <section ref={card} class="login-card">
        <p class="login-brand">
          <WakeMark size={34} /> Cartwake
        </p>
        <h1 tabIndex={-1}>{title}</h1>
        <p class="login-lead">{lead}</p>
        {children}
      </section>
    </main>
  );
}

export const BackToLogin = () => (
  <a class="login-link" href={boardHref}>
    Back to login
  </a>
);
