// Times as people of this browser's zone read them. Instants are milliseconds since 1970; days are
// those of the zone, so one of them has 23 hours and one 25.

const format = (options) => new Intl.DateTimeFormat(undefined, options);
const clock = format({ hour: "2-digit", minute: "2-digit" });
const clockSeconds = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayLong = format({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
const dayBrief = format({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
const daysLong = format({ day: "numeric", month: "long", year: "numeric" });
const daysBrief = format({ day: "numeric", month: "short", year: "numeric" });
const dayShort = format({ weekday: "short", day: "numeric", month: "short" });
const whole = format({ weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

export const HOUR = 3_600_000;

export const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
export const clockText = (t) => (t % 60_000 === 0 ? clock : clockSeconds).format(t);
export const dayText = (t) => dayShort.format(t);

/** The first instant of the day that holds `t`, `days` days later. */
export function dayStart(t, days = 0) {
  const d = new Date(t);
  return new Date(d.getFullYear(), d.getMonth(), d.getDate() + days).getTime();
}

/** "2026-11-22" of the zone, and back; null when it is none. */
export function dayName(t) {
  const d = new Date(t);
  const two = (n) => String(n).padStart(2, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}
export function dayOf(name) {
  const m = /^(\d{4})-(\d\d)-(\d\d)$/.exec(name ?? "");
  if (!m) return null;
  const t = new Date(+m[1], m[2] - 1, +m[3]).getTime();
  return dayName(t) === name ? t : null;
}

/** The days of [from, to); `brief` for narrow screens. */
export function rangeText(from, to, brief) {
  const last = dayStart(to - 1);
  if (last === from) return (brief ? dayBrief : dayLong).format(from);
  return (brief ? daysBrief : daysLong).formatRange(from, last);
}

/** "18:00 to 20:00", with the days where they are not the same. */
export function spanText(from, to) {
  const sameDay = dayStart(from) === dayStart(to - 1);
  return sameDay
    ? `${dayShort.format(from)}, ${clockText(from)} to ${clockText(to)}`
    : `${whole.format(from)} to ${whole.format(to)}`;
}

export function durationText(ms) {
  const s = Math.round(ms / 1000);
  const parts = [[Math.floor(s / 3600), "h"], [Math.floor((s % 3600) / 60), "min"], [s % 60, "s"]];
  return parts.filter(([n]) => n > 0).map(([n, unit]) => `${n} ${unit}`).join(" ") || "0 s";
}

/** The whole hours within [from, to), every `step` hours of the day. */
export function hours(from, to, step) {
  const out = [];
  for (let day = from; day < to; day = dayStart(day, 1)) {
    const d = new Date(day);
    for (let hour = 0; hour < 24; hour += step) {
      const at = new Date(d.getFullYear(), d.getMonth(), d.getDate(), hour).getTime();
      if (at >= from && at < to && new Date(at).getHours() === hour) out.push(at);
    }
  }
  return out;
}

/** 7.6 Mbit/s */
export function rateText(bps) {
  const units = [[1e9, "Gbit/s"], [1e6, "Mbit/s"], [1e3, "kbit/s"]];
  const [unit, name] = units.find(([u]) => bps >= u) ?? [1, "bit/s"];
  return `${new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 }).format(bps / unit)} ${name}`;
}

export function moneyText(fee) {
  try {
    const money = new Intl.NumberFormat(undefined, { style: "currency", currency: fee.currency });
    return money.format(fee.minor / 10 ** money.resolvedOptions().maximumFractionDigits);
  } catch {
    return `${fee.minor} ${fee.currency}`;
  }
}
