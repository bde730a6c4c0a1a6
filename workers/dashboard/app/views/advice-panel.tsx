/** What a language model proposed for the cart's messages, and what became of it. Nothing where none was asked. */
import { useEffect, useRef } from "preact/hooks";
import { type Advice, listAdvice } from "../api/advice.ts";
import { useResource } from "../live/resource.ts";
import { outcomeOf, proposalWords } from "../ui/advice-words.ts";
import { ProblemNotice } from "../ui/notice.tsx";
import { Ago } from "../ui/times.tsx";

/** `version`: of the cart; a later one may have other advice. */
export function AdvicePanel({ id, version }: { id: string; version: number }) {
  const { data, problem, reload } = useResource(`advice ${id}`, () => listAdvice(id));
  const seen = useRef(version);
  useEffect(() => {
    if (seen.current !== version) reload();
    seen.current = version;
  }, [version, reload]);
  // Of a cart that is gone there is no advice.
  if (problem && problem.status !== 404) return <ProblemNotice problem={problem} retry={reload} />;
  if (!data || data.items.length === 0) return null;
  return (
    <section class="panel panel-later" aria-labelledby="advice-heading" data-testid="advice">
      <h2 id="advice-heading">Adviser</h2>
      <ul class="advice">
        {data.items.map((advice) => (
          <Item key={advice.id} advice={advice} />
        ))}
      </ul>
    </section>
  );
}

function Item({ advice }: { advice: Advice }) {
  const { label, tone, why } = outcomeOf(advice);
  return (
    <li data-status={advice.status}>
      <span class="chip" data-tone={tone}>
        {label}
      </span>
      {advice.proposal && <p class="advice-proposal">{proposalWords(advice.proposal)}</p>}
      <p class="advice-why">{why}</p>
      <p class="panel-foot">
        {advice.model && `${advice.model} · `}
        {advice.neurons > 0 && `${Math.round(advice.neurons).toLocaleString()} neurons · `}
        <Ago at={advice.at} />
      </p>
    </li>
  );
}
