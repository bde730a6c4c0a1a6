/** Cron expressions as Cloudflare reads them: five fields in UTC, days of the week 1–7 from Sunday or by name. Pure. */
const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/** Whether `cron` names the minute of `at`. Lists, ranges, steps and names are read; an unreadable field is never due. */
export function isDue(cron: string, at: Date): boolean {
  const fields = cron.trim().toUpperCase().split(/\s+/);
  if (fields.length !== 5) return false;
  const [minute, hour, day, month, weekday] = fields as [string, string, string, string, string];
  if (!matches(minute, at.getUTCMinutes(), 0, 59)) return false;
  if (!matches(hour, at.getUTCHours(), 0, 23)) return false;
  if (!matches(named(month, MONTHS), at.getUTCMonth() + 1, 1, 12)) return false;
  const dayDue = matches(day, at.getUTCDate(), 1, 31);
  const weekdayDue = matches(named(weekday, DAYS), at.getUTCDay() + 1, 1, 7);
  // As in every cron: when both days are restricted, either is enough.
  return day !== "*" && weekday !== "*" ? dayDue || weekdayDue : dayDue && weekdayDue;
}

const named = (field: string, names: string[]): string =>
  field.replace(/[A-Z]{3}/g, (name) => String(names.indexOf(name) + 1));

function matches(field: string, value: number, min: number, max: number): boolean {
  return field.split(",").some((part) => {
    const found = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(part);
    if (!found) return false;
    const [, first, last, step] = found;
    const from = first === undefined ? min : Number(first);
    const to = last !== undefined ? Number(last) : first === undefined || step !== undefined ? max : from;
    const by = step === undefined ? 1 : Number(step);
    return by > 0 && value >= from && value <= to && (value - from) % by === 0;
  });
}
