/**
 * A strict reader of Prometheus' text format 0.0.4, after the format's own document and the rules of `promtool check
 * metrics`. Answers what is wrong, line by line; nothing when all is well.
 */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Exposition {
  samples: Sample[];
  types: Map<string, string>;
  errors: string[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)$/;
const PAIR = /^([^=]+)="((?:[^"\\\n]|\\[\\n"])*)"(?:,|$)/;
const VALUE = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/i;
const TYPES = ["counter", "gauge", "histogram", "summary", "untyped"];
/** promtool: base units only, no abbreviations, no type in the name. */
const BAD_UNITS = /_(milliseconds|microseconds|minutes|hours|days|ms|sec|secs|kilobytes|kb|mb|megabytes|percent)(_|$)/;

const familyOf = (name: string, types: Map<string, string>): string => {
  const base = name.replace(/_(bucket|sum|count)$/, "");
  return base !== name && types.get(base) === "histogram" ? base : name;
};

function labelsOf(text: string | undefined, fail: (why: string) => void): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text ?? ""; rest !== ""; ) {
    const found = PAIR.exec(rest);
    if (!found) {
      fail(`labels cannot be read: ${rest}`);
      return labels;
    }
    const [whole, label = "", value = ""] = found;
    if (!LABEL.test(label)) fail(`bad label name ${label}`);
    if (label in labels) fail(`label ${label} twice`);
    labels[label] = value.replace(/\\([\\n"])/g, (_, c: string) => (c === "n" ? "\n" : c));
    rest = rest.slice(whole.length);
  }
  return labels;
}

export function readExposition(text: string): Exposition {
  const errors: string[] = [];
  const types = new Map<string, string>();
  const helps = new Map<string, string>();
  const samples: Sample[] = [];
  const finished = new Set<string>();
  const seen = new Set<string>();
  let current = "";
  if (!text.endsWith("\n")) errors.push("the last line has no end");
  text
    .split("\n")
    .slice(0, -1)
    .forEach((line, i) => {
      const fail = (why: string) => errors.push(`line ${i + 1}: ${why}`);
      const comment = /^# (HELP|TYPE) ([^ ]+) (.+)$/.exec(line);
      if (comment) {
        const [, kind, name = "", rest = ""] = comment;
        const known = kind === "HELP" ? helps : types;
        if (!NAME.test(name)) fail(`bad name ${name}`);
        if (known.has(name)) fail(`${kind} of ${name} twice`);
        if (finished.has(name) || (name === current && samples.some((s) => familyOf(s.name, types) === name)))
          fail(`${kind} of ${name} after its samples`);
        if (kind === "TYPE" && !TYPES.includes(rest)) fail(`unknown type ${rest}`);
        if (kind === "HELP" && /\\[^\\n]/.test(rest)) fail("bad escape in HELP");
        known.set(name, rest);
        if (name !== current) finished.add(current);
        current = name;
        return;
      }
      const found = SAMPLE.exec(line);
      if (!found) {
        fail(`cannot be read: ${line}`);
        return;
      }
      const [, name = "", labelText, value = ""] = found;
      const family = familyOf(name, types);
      if (family !== current) fail(`${name} stands outside its family`);
      if (!types.has(family) || !helps.has(family)) fail(`${family} has no HELP or TYPE before its samples`);
      if (!VALUE.test(value)) fail(`bad value ${value}`);
      const labels = labelsOf(labelText, fail);
      const key = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
      if (seen.has(key)) fail(`${key} twice`);
      seen.add(key);
      samples.push({ name, labels, value: Number(value.replace(/Inf$/i, "Infinity")) });
    });
  for (const [name, type] of types) errors.push(...namingErrors(name, type));
  errors.push(...samples.flatMap((s) => sampleErrors(s, types)), ...histogramErrors(samples, types));
  return { samples, types, errors };
}

function namingErrors(name: string, type: string): string[] {
  const errors: string[] = [];
  if ((type === "counter") !== name.endsWith("_total")) errors.push(`${name}: counters, and only they, end in _total`);
  if (/[A-Z]/.test(name)) errors.push(`${name}: camel case`);
  if (BAD_UNITS.test(name)) errors.push(`${name}: not a base unit`);
  if (/_(counter|gauge|histogram|summary)(_|$)/.test(name)) errors.push(`${name}: the type is in the name`);
  if (type !== "histogram" && /_(bucket|sum|count)$/.test(name)) errors.push(`${name}: a reserved suffix`);
  return errors;
}

function sampleErrors({ name, labels, value }: Sample, types: Map<string, string>): string[] {
  const type = types.get(familyOf(name, types));
  const errors: string[] = [];
  if (type === "counter" && !(value >= 0)) errors.push(`${name}: a counter of ${value}`);
  if ("le" in labels !== name.endsWith("_bucket")) errors.push(`${name}: le belongs to buckets`);
  if ("quantile" in labels) errors.push(`${name}: quantile belongs to summaries`);
  return errors;
}

/** Buckets ascend and accumulate, end with `+Inf`, and that is the count. */
function histogramErrors(samples: Sample[], types: Map<string, string>): string[] {
  const errors: string[] = [];
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const family = familyOf(sample.name, types);
    if (types.get(family) !== "histogram") continue;
    const { le: _, ...rest } = sample.labels;
    const key = `${family} ${JSON.stringify(Object.entries(rest).sort())}`;
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  for (const [key, group] of groups) {
    const family = key.split(" ")[0]!;
    const buckets = group.filter((s) => s.name === `${family}_bucket`);
    const bounds = buckets.map((b) => Number(b.labels.le?.replace("+Inf", "Infinity")));
    const rising = (list: number[], strictly: boolean) =>
      list.every((n, i) => i === 0 || (strictly ? n > list[i - 1]! : n >= list[i - 1]!));
    if (!rising(bounds, true)) errors.push(`${key}: bounds do not ascend`);
    const counts = buckets.map((b) => b.value);
    if (!rising(counts, false)) errors.push(`${key}: buckets do not accumulate`);
    if (bounds.at(-1) !== Infinity) errors.push(`${key}: no +Inf`);
    const count = group.find((s) => s.name === `${family}_count`)?.value;
    if (count === undefined || count !== buckets.at(-1)?.value) errors.push(`${key}: +Inf is not the count`);
    if (!group.some((s) => s.name === `${family}_sum`)) errors.push(`${key}: no sum`);
  }
  return errors;
}

/** The sum of the samples of this name that have these labels. */
export const totalOf = ({ samples }: Exposition, name: string, labels: Record<string, string> = {}): number =>
  samples
    .filter((s) => s.name === name && Object.entries(labels).every(([label, value]) => s.labels[label] === value))
    .reduce((sum, s) => sum + s.value, 0);
