/** Why carts were lost this week: a few sentences, by a language model or by rules, over figures that are always counted. */
import { useState } from "preact/hooks";
import type { LossReason, LossView } from "../../../../../shared/loss.ts";
import { readLoss, sumUpLoss } from "../../api/loss.ts";
import { may, user } from "../../api/session.ts";
import { formatMoney, words } from "../../format.ts";
import { useAction } from "../../live/action.ts";
import { useResource } from "../../live/resource.ts";
import { ProblemNotice } from "../../ui/notice.tsx";
import { Ago } from "../../ui/times.tsx";

const REASONS: Record<LossReason, string> = {
  no_address: "No e-mail address",
  not_messaged: "Nobody wrote to them",
  message_without_effect: "A message did not help",
  payment_failed: "The payment failed",
  left_before_checkout: "Left before the checkout",
  left_in_checkout: "Left in the checkout",
};

export function LossCard() {
  const { data, problem, reload } = useResource(`loss ${user.value?.storeId}`, readLoss);
  const [anew, setAnew] = useState<LossView | null>(null);
  const make = useAction(async () => setAnew(await sumUpLoss()));
  const loss = anew ?? data;
  return (
    <section class="panel loss" aria-labelledby="loss-heading" data-testid="loss">
      <header class="panel-title">
        <h2 id="loss-heading">Why carts were lost this week</h2>
        {may("campaigns:write") && loss && (
          <button
            type="button"
            class="button"
            aria-disabled={make.busy}
            onClick={() => void make.run()}
            data-testid="loss-make"
          >
            {make.busy ? "Summing up…" : "Sum up again"}
          </button>
        )}
      </header>
      {make.problem && <ProblemNotice problem={make.problem} />}
      {problem && <ProblemNotice problem={problem} retry={reload} />}
      {loss ? <Summary loss={loss} /> : !problem && <p class="loading">Counting…</p>}
    </section>
  );
}

function Summary({ loss: { figures, text, source, model, at } }: { loss: LossView }) {
  return (
    <>
      <p class="loss-text" aria-live="polite">
        {text}
      </p>
      <dl class="figures">
        <div>
          <dt>carts left behind</dt>
          <dd>{figures.left.toLocaleString()}</dd>
        </div>
        <div>
          <dt>of them lost</dt>
          <dd>{figures.lost.toLocaleString()}</dd>
        </div>
        <div>
          <dt>worth</dt>
          <dd>{formatMoney(figures.lostValue)}</dd>
        </div>
        <div>
          <dt>lost the week before</dt>
          <dd>{figures.lostLastWeek.toLocaleString()}</dd>
        </div>
      </dl>
      {figures.left > 0 && figures.reasons.length > 0 && (
        <ul class="loss-reasons" aria-label="What stands out">
          {figures.reasons.map(({ code, count, percent }) => (
            <li key={code}>
              <span>{REASONS[code] ?? words(code)}</span>
              <span class="loss-track" aria-hidden="true">
                <span style={{ width: `${percent}%` }} />
              </span>
              <span>
                {count.toLocaleString()} <span class="loss-share">{percent}%</span>
              </span>
            </li>
          ))}
        </ul>
      )}
      <p class="panel-foot">
        In the words of {source === "model" ? (model ?? "a language model") : "rules"}, <Ago at={at} />. The figures are
        counted.
      </p>
    </>
  );
}
