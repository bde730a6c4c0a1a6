/** Training: the run that is under way, step by step, and how the last ones ended. */
import { useEffect, useRef } from "preact/hooks";
import type { TrainingRunView } from "../../../../../shared/model/views.ts";
import { SECOND_MS } from "../../../../../shared/time.ts";
import { listRuns, train } from "../../api/models.ts";
import { may, user } from "../../api/session.ts";
import { percent } from "../../format.ts";
import { useAction } from "../../live/action.ts";
import { useResource } from "../../live/resource.ts";
import { modelHref } from "../../route.ts";
import { ProblemNotice } from "../../ui/notice.tsx";
import { Ago } from "../../ui/times.tsx";
import { isOpen, RUN_STATUS, RUN_STEPS, STEPS, TRIGGER_WORDS } from "./model-words.ts";

/** While it computes; and while it waits for carts to end, which takes days. */
const COMPUTING_MS = 2 * SECOND_MS;
const WAITING_MS = 30 * SECOND_MS;
const PAST = 3;

export function TrainPanel({ changed, titles }: { changed: () => void; titles: ReadonlyMap<string, string> }) {
  const { data, problem, reload } = useResource(`runs ${user.value?.storeId}`, listRuns);
  const start = useAction(async () => {
    await train().finally(reload);
  });
  const runs = data?.items ?? [];
  const open = runs.find(isOpen);
  usePolling(open ? (open.status === "running" ? COMPUTING_MS : WAITING_MS) : null, reload, data);
  useEnded(runs, changed);
  return (
    <section class="panel training" aria-labelledby="training-heading" data-testid="training">
      <header class="panel-title">
        <h2 id="training-heading">Training</h2>
        {may("models:write") && open?.status !== "running" && data && (
          <button
            type="button"
            class="button button-primary"
            aria-disabled={start.busy}
            title={open ? "Ends the trial of the model that waits" : undefined}
            onClick={() => void start.run()}
            data-testid="train"
          >
            {start.busy ? "Starting…" : open ? "Train anew" : "Train now"}
          </button>
        )}
      </header>
      {start.problem && <ProblemNotice problem={start.problem} />}
      {problem && <ProblemNotice problem={problem} retry={reload} />}
      {open && <Open run={open} titles={titles} />}
      <ul class="runs" aria-label="Earlier runs">
        {runs
          .filter((run) => !isOpen(run))
          .slice(0, PAST)
          .map((run) => (
            <Ended key={run.id} run={run} titles={titles} />
          ))}
      </ul>
      {data && runs.length === 0 && (
        <p class="panel-lead">
          Nothing was trained yet. It begins by itself, by schedule and when the carts drift away from what was learned.
        </p>
      )}
    </section>
  );
}

/** Reads again some time after each answer; not while nobody looks. */
function usePolling(ms: number | null, read: () => void, answer: unknown): void {
  useEffect(() => {
    if (ms === null) return;
    const timer = setInterval(() => !document.hidden && read(), ms);
    return () => clearInterval(timer);
  }, [ms, read, answer]);
}

/** What a run made or promoted is news for the rest of the page. */
function useEnded(runs: TrainingRunView[], changed: () => void): void {
  const latest = useRef(changed);
  latest.current = changed;
  const state = runs.map(({ id, status, version }) => `${id} ${status} ${version}`).join();
  const before = useRef("");
  useEffect(() => {
    if (before.current !== "" && before.current !== state) latest.current();
    before.current = state;
  }, [state]);
}

interface RunProps {
  run: TrainingRunView;
  titles: ReadonlyMap<string, string>;
}

function Open({ run, titles }: RunProps) {
  const at = RUN_STEPS.indexOf(run.step);
  const { label, does } = STEPS[run.step];
  return (
    <div data-testid="run" data-step={run.step} data-status={run.status}>
      <p role="status">
        <b>{label}</b>: {does}
        {run.status === "waiting" && ". This takes days: carts have to end first"}.
      </p>
      <progress class="progress" value={run.progress} max={1} aria-label="Progress of the training">
        {percent(run.progress)}
      </progress>
      <ol class="training-steps">
        {RUN_STEPS.map((step, i) => (
          <li key={step} data-state={i < at ? "done" : i === at ? "now" : "next"} aria-current={i === at && "step"}>
            {STEPS[step].label}
            {i < at && <span class="visually-hidden"> done</span>}
          </li>
        ))}
      </ol>
      <p class="panel-foot">
        <MadeBy run={run} titles={titles} />
        Begun {TRIGGER_WORDS[run.trigger]} <Ago at={run.startedAt} />
      </p>
    </div>
  );
}

function Ended({ run, titles }: RunProps) {
  const { label, tone } = RUN_STATUS[run.status];
  return (
    <li data-testid="past-run" data-status={run.status}>
      <span class="chip" data-tone={tone}>
        {label}
      </span>
      <span class="run-text">
        <MadeBy run={run} titles={titles} />
        {run.reason && run.reason.charAt(0).toUpperCase() + run.reason.slice(1)}
      </span>
      <span class="run-when">
        {TRIGGER_WORDS[run.trigger]}, <Ago at={run.endedAt ?? run.startedAt} />
      </span>
    </li>
  );
}

/** The version that came of it, once there is one. */
function MadeBy({ run: { version }, titles }: RunProps) {
  const title = titles.get(version ?? "");
  if (!version || !title) return null;
  return (
    <>
      <a href={modelHref(version)}>{title}</a>{" "}
    </>
  );
}
