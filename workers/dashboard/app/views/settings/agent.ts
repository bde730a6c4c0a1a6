/** What a `User-Agent` means to a person: `Firefox on Linux`. Pure. */
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(?:A|iOS)?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\b(?:Firefox|FxiOS)\//, "Firefox"],
  [/\b(?:Chrome|CriOS|HeadlessChrome)\//, "Chrome"],
  [/\bVersion\/[\d.]+ .*Safari\//, "Safari"],
];

const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\b(?:iPhone|iPad)\b/, "iOS"],
  [/\bAndroid\b/, "Android"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b/, "macOS"],
  [/\bLinux\b/, "Linux"],
];

const find = (table: typeof BROWSERS, agent: string) => table.find(([sign]) => sign.test(agent))?.[1];

/** Programs are named by their first word. */
export function describeAgent(agent: string | null): string {
  if (!agent) return "Unknown device";
  const browser = find(BROWSERS, agent) ?? agent.split(/[\s/(]/, 1)[0]?.slice(0, 40);
  const system = find(SYSTEMS, agent);
  return [browser || "Unknown device", system].filter(Boolean).join(" on ");
}
