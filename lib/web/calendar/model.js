// What the calendar knows: control's document, kept up to date by merge patches, and the rows that
// are drawn of it. Nothing here touches the page.

/** RFC 7396. */
export function merge(target, patch) {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const out = target !== null && typeof target === "object" && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key];
    else out[key] = merge(out[key], value);
  }
  return out;
}

const spanOf = (o) => ({ from: Date.parse(o.from), to: Date.parse(o.to) });

/** Bars of the document's bookings, by start. `open`, `close`: with lead-in and drain. */
function bookings(doc) {
  return Object.values(doc.bookings)
    .map((b) => {
      const from = Date.parse(b.start);
      const to = Date.parse(b.end);
      return { kind: b.state, key: b.id, from, to, open: from - b.lead_in_s * 1000, close: to + b.drain_s * 1000, booking: b };
    })
    .sort((a, b) => a.from - b.from || (a.key < b.key ? -1 : 1));
}

const plain = (kind, key, span, more = {}) => ({ kind, key, ...span, open: span.from, close: span.to, ...more });

function maintenance(doc, prefix) {
  return Object.entries(doc.maintenance)
    .filter(([, m]) => m.resource === prefix || m.resource.startsWith(`${prefix}:`))
    .map(([name, m]) => plain("maintenance", `maintenance ${name} ${prefix}`, spanOf(m), { name, resource: m.resource, units: m.units }));
}

/** How much of `resource` is taken, as [{from, to, used}]. */
const levels = (doc, resource) =>
  (doc.load[resource] ?? []).map((l) => ({ ...spanOf(l), used: l.used }));

// Those of `all` that are not `own`, as spans one above the other: where two are taken, two spans.
function othersSpans(all, own) {
  const edges = new Map();
  const add = (t, n) => edges.set(t, (edges.get(t) ?? 0) + n);
  for (const l of all) add(l.from, l.used), add(l.to, -l.used);
  for (const b of own) add(b.open, -1), add(b.close, 1);
  const out = [];
  const running = [];
  let count = 0;
  for (const t of [...edges.keys()].sort((a, b) => a - b)) {
    count += edges.get(t);
    while (running.length < count) running.push(t);
    while (running.length > Math.max(count, 0)) out.push({ from: running.pop(), to: t });
  }
  return out;
}

/** Puts each bar on the first line that is free; there are enough, as admission counted them. */
export function lanes(bars) {
  const out = [];
  for (const bar of [...bars].sort((a, b) => a.open - b.open)) {
    let lane = out.findIndex((l) => l.at(-1).close <= bar.open);
    if (lane < 0) lane = out.push([]) - 1;
    out[lane].push(bar);
  }
  return out;
}

const MOST_LINES = 6;

function carrierRows(doc, name, bars) {
  const carrier = doc.carriers[name];
  const own = bars.filter((b) => b.booking.carriers.includes(name));
  const clipped = own.map((b) => ({ open: Math.max(b.open, Date.parse(doc.from)), close: Math.min(b.close, Date.parse(doc.to)) }));
  const lines = levels(doc, `carrier:${name}:lines`);
  const others = othersSpans(lines, clipped).map((s, i) => plain("busy", `busy ${name} ${s.from} ${i}`, s));
  const used = lanes([...own, ...others]);
  const shown = Math.max(used.length, Math.min(carrier.lines, MOST_LINES));
  const rows = [
    {
      kind: "capacity", key: `carrier ${name}`, label: name, group: "Carrier lines",
      note: `${carrier.type}, ${carrier.lines} ${carrier.lines === 1 ? "line" : "lines"}`,
      total: carrier.capacity_bps, levels: levels(doc, `carrier:${name}:bits`), bars: maintenance(doc, `carrier:${name}`),
    },
  ];
  for (let i = 0; i < shown; ++i)
    rows.push({ kind: "line", key: `line ${name} ${i}`, label: `line ${i + 1}`, of: name, group: "Carrier lines", bars: used[i] ?? [] });
  return rows;
}

/** The rows from top to bottom: channels, carriers with their lines, relays. */
export function rows(doc) {
  const bars = bookings(doc);
  const out = [];
  for (const [name, c] of Object.entries(doc.channels)) {
    const busy = (doc.busy[name] ?? []).map((s) => plain("busy", `busy ${name} ${s.from}`, spanOf(s)));
    const here = [...bars.filter((b) => b.booking.channel === name), ...busy, ...maintenance(doc, `channel:${name}`)];
    here.sort((a, b) => a.from - b.from);
    out.push({ kind: "channel", key: `channel ${name}`, label: name, group: "Channels", note: `relay ${c.relay}`, bars: here });
  }
  for (const name of Object.keys(doc.carriers)) out.push(...carrierRows(doc, name, bars));
  for (const [name, r] of Object.entries(doc.relays))
    out.push({
      kind: "capacity", key: `relay ${name}`, label: name, group: "Relays", note: "to viewers", total: r.egress_bps,
      levels: levels(doc, `relay:${name}:egress`), bars: maintenance(doc, `relay:${name}`),
    });
  return out;
}

/** What came, went and changed between two documents, as sentences' parts. */
export function news(before, after) {
  const out = [];
  for (const [id, b] of Object.entries(after.bookings)) {
    const old = before.bookings[id];
    if (!old) out.push({ what: b.state === "held" ? "Held" : "Booked", booking: b });
    else if (old.state !== b.state) out.push({ what: stateText(b.state), booking: b });
  }
  for (const [id, b] of Object.entries(before.bookings))
    if (!after.bookings[id]) out.push({ what: "Gone", booking: b });
  return out;
}

const states = {
  held: "Held", booked: "Booked", active: "On air", ended: "Ended", expired: "Expired", cancelled: "Cancelled",
  no_show: "No show", revoked: "Revoked", busy: "Taken", maintenance: "Maintenance",
};
export const stateText = (state) => states[state] ?? state;
