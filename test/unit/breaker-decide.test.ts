import { describe, expect, it } from "vitest";
import {
  ASK_AGAIN_MS,
  type BreakerOutcome,
  type BreakerState,
  closedState,
  type Entry,
  enter,
  MAX_OPEN_MS,
  MIN_FAILURES,
  OPEN_MS,
  PROBE_LEASE_MS,
  report,
  WINDOW_MS,
} from "../../objects/breaker/decide.ts";

const T = 1_000_000;

/** A breaker with a clock of its own. */
class Circuit {
  state: BreakerState = closedState();
  now = T;

  enter(): Entry {
    const { state, entry } = enter(this.state, this.now);
    this.state = state;
    return entry;
  }

  report(outcome: BreakerOutcome, probe = 0): BreakerState["phase"] {
    this.state = report(this.state, outcome, probe, this.now, "store/smtp");
    return this.state.phase;
  }

  fail(times: number): void {
    for (let i = 0; i < times; i++) this.report("failure");
  }

  /** Fails until it opens; answers how long it stays open. */
  trip(): number {
    this.fail(MIN_FAILURES);
    return this.state.until - this.now;
  }
}

describe("closed", () => {
  it("lets everything through, and asks for no reports while nothing failed", () => {
    expect(new Circuit().enter()).toEqual({ allowed: true, quiet: true, probe: 0 });
  });

  it("wants to hear of successes while a failure is recent", () => {
    const circuit = new Circuit();
    circuit.fail(1);
    expect(circuit.enter()).toMatchObject({ allowed: true, quiet: false });
    circuit.now += WINDOW_MS;
    expect(circuit.enter()).toMatchObject({ allowed: true, quiet: true });
  });

  it("opens at the fifth failure of a minute, not before", () => {
    const circuit = new Circuit();
    circuit.fail(MIN_FAILURES - 1);
    expect(circuit.state.phase).toBe("closed");
    expect(circuit.report("failure")).toBe("open");
  });

  it("stays closed when failures are spread over more than a minute", () => {
    const circuit = new Circuit();
    for (let i = 0; i < 50; i++) {
      expect(circuit.report("failure")).toBe("closed");
      circuit.now += WINDOW_MS / (MIN_FAILURES - 1);
    }
  });

  it("stays closed while less than half fails, and opens at half", () => {
    const circuit = new Circuit();
    for (let i = 0; i < 2 * MIN_FAILURES; i++) circuit.report("success");
    circuit.fail(2 * MIN_FAILURES - 1);
    expect(circuit.state.phase).toBe("closed");
    expect(circuit.report("failure")).toBe("open");
  });

  it("does not count calls that were not made", () => {
    const circuit = new Circuit();
    for (let i = 0; i < 100; i++) expect(circuit.report("void")).toBe("closed");
    expect(circuit.state.outcomes).toEqual([]);
  });

  it("remembers a bounded number of outcomes", () => {
    const circuit = new Circuit();
    for (let i = 0; i < 10_000; i++) circuit.report("success");
    expect(circuit.state.outcomes.length).toBeLessThanOrEqual(100);
  });
});

describe("open", () => {
  it("refuses until its time, and says when that is", () => {
    const circuit = new Circuit();
    const wait = circuit.trip();
    expect(wait).toBeGreaterThanOrEqual(OPEN_MS);
    expect(wait).toBeLessThanOrEqual(OPEN_MS * 1.1);
    expect(circuit.enter()).toEqual({ allowed: false, until: circuit.now + wait, quiet: true, probe: 0 });
    circuit.now += wait - 1;
    expect(circuit.enter().allowed).toBe(false);
    circuit.now += 1;
    expect(circuit.enter()).toEqual({ allowed: true, quiet: false, probe: 1 });
  });

  it("stays open twice as long after each probe that failed, up to ten minutes", () => {
    const circuit = new Circuit();
    const waits = [circuit.trip()];
    for (let i = 0; i < 8; i++) {
      circuit.now = circuit.state.until;
      const { probe } = circuit.enter();
      expect(circuit.report("failure", probe)).toBe("open");
      waits.push(circuit.state.until - circuit.now);
    }
    for (const [i, wait] of waits.entries()) {
      const planned = Math.min(MAX_OPEN_MS, OPEN_MS * 2 ** i);
      expect(wait / planned, String(i)).toBeGreaterThanOrEqual(1);
      expect(wait / planned, String(i)).toBeLessThanOrEqual(1.1);
    }
  });

  it("has a jitter that is stable for a name and differs between names", () => {
    const until = (name: string) => {
      let state = closedState();
      for (let i = 0; i < MIN_FAILURES; i++) state = report(state, "failure", 0, T, name);
      return state.until;
    };
    expect(until("a/smtp")).toBe(until("a/smtp"));
    expect(new Set(["a", "b", "c", "d"].map((store) => until(`${store}/smtp`))).size).toBe(4);
  });

  it("is not moved by reports of calls begun before", () => {
    const circuit = new Circuit();
    circuit.trip();
    const before = circuit.state;
    for (const late of ["success", "failure", "void"] as const) circuit.report(late);
    expect(circuit.state).toBe(before);
  });
});

describe("half-open", () => {
  function halfOpen(): { circuit: Circuit; probe: number } {
    const circuit = new Circuit();
    circuit.now += circuit.trip();
    return { circuit, probe: circuit.enter().probe };
  }

  it("lets exactly one probe through", () => {
    const { circuit } = halfOpen();
    const others = Array.from({ length: 100 }, () => circuit.enter());
    expect(others.filter((entry) => entry.allowed)).toEqual([]);
    expect(others[0]?.until).toBe(circuit.now + ASK_AGAIN_MS);
  });

  it("closes at one success and forgets how often it had opened", () => {
    const { circuit, probe } = halfOpen();
    expect(circuit.report("success", probe)).toBe("closed");
    expect(circuit.enter()).toMatchObject({ allowed: true, quiet: true });
    expect(circuit.trip()).toBeLessThanOrEqual(OPEN_MS * 1.1);
  });

  it("gives the probe's place to the next when its call was not made", () => {
    const { circuit, probe } = halfOpen();
    expect(circuit.report("void", probe)).toBe("half_open");
    expect(circuit.enter()).toMatchObject({ allowed: true, probe: probe + 1 });
    expect(circuit.enter().allowed).toBe(false);
  });

  it("gives the place to the next when the probe dies", () => {
    const { circuit, probe } = halfOpen();
    circuit.now += PROBE_LEASE_MS;
    const next = circuit.enter();
    expect(next).toMatchObject({ allowed: true, probe: probe + 1 });
    expect(circuit.enter().allowed).toBe(false);
    expect(circuit.report("failure", probe)).toBe("half_open");
    expect(circuit.report("success", next.probe)).toBe("closed");
  });

  it("is not moved by a call that was begun before it opened", () => {
    const { circuit } = halfOpen();
    for (const late of ["success", "failure", "void"] as const) expect(circuit.report(late)).toBe("half_open");
    expect(circuit.enter().allowed).toBe(false);
  });
});
