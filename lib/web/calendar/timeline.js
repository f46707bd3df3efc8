// Draws rows over time. Text only ever gets in as text: nothing here reads HTML.
import { rows, stateText } from "./model.js";
import { HOUR, clockText, dayStart, dayText, hours, rateText, spanText } from "./time.js";

export function element(tag, attributes = {}, ...children) {
  const out = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== null && value !== false) out.setAttribute(name, value === true ? "" : value);
  out.append(...children);
  return out;
}

const place = (node, a, b) => {
  node.style.setProperty("--a", a);
  if (b !== undefined) node.style.setProperty("--b", b);
  return node;
};

/** A bar, said in a sentence. */
export function sentence(bar, row) {
  const where = row.kind === "line" ? `${row.of}, ${row.label}` : row.label;
  const when = spanText(bar.from, bar.to);
  if (bar.kind === "busy") return `Taken by others, ${when}, ${where}`;
  if (bar.kind === "maintenance") return `Maintenance ${bar.name} of ${bar.resource}, ${when}`;
  const b = bar.booking;
  return `${stateText(bar.kind)}: ${b.title || "without a title"}, ${when}, ${where}, by ${b.owner}`;
}

export const freeText = (row, level) =>
  `${row.label}: ${rateText(row.total - level.used)} free, ${rateText(level.used)} of ${rateText(row.total)} taken`;

export class Timeline {
  #scroller;
  #open;
  #seen = null;
  #from = 0;
  #to = 1;
  #offset = 0;
  #now = null;

  /** `open(bar, row)` is called for the bar that is chosen. */
  constructor(scroller, open) {
    this.#scroller = scroller;
    this.#open = open;
  }

  draw(doc, from, to, fresh) {
    const at = [this.#scroller.scrollLeft, this.#scroller.scrollTop];
    const focused = document.activeElement?.closest?.("[data-key]")?.dataset.key;
    this.#from = from;
    this.#to = to;
    this.#offset = Date.parse(doc.time) - Date.now();
    const all = rows(doc);
    const canvas = element("div", { class: "canvas", role: "grid", "aria-label": "Bookings and capacity over time", "aria-rowcount": all.length });
    canvas.append(this.#axis(), this.#back());
    let group = "";
    let body = null;
    const known = new Set();
    for (const row of all) {
      if (row.group !== group) {
        group = row.group;
        body = element("div", { role: "rowgroup", "aria-label": group });
        const head = element("div", { class: "label", role: "columnheader" }, group);
        body.append(element("div", { class: "group", role: "row" }, head));
        canvas.append(body);
      }
      body.append(this.#row(row, fresh ? null : this.#seen, known));
    }
    canvas.append(element("div", { class: "row fill", "aria-hidden": true }, element("div", { class: "label" })));
    this.#seen = known;
    this.#scroller.replaceChildren(canvas);
    this.#scroller.scrollTo(...at);
    const cells = this.cells();
    const back = cells.find((c) => c.dataset.key === focused);
    const first = back ?? cells.find((c) => Number(c.dataset.close) > this.now()) ?? cells[0];
    if (first) first.tabIndex = 0;
    back?.focus({ preventScroll: true });
    this.tick();
  }

  now = () => Date.now() + this.#offset;
  cells = () => [...this.#scroller.querySelectorAll("[role=gridcell]")];

  /** Moves the line that is now. */
  tick() {
    const now = this.now();
    this.#now.hidden = now < this.#from || now >= this.#to;
    place(this.#now, this.#share(now));
    this.#now.firstChild.textContent = clockText(Math.floor(now / 60_000) * 60_000);
    place(this.#scroller.querySelector(".past"), 0, Math.min(Math.max(this.#share(now), 0), 1));
  }

  /** Shows `t` a little right of the left edge. */
  scrollTo(t) {
    const track = this.#scroller.querySelector(".track");
    if (track) this.#scroller.scrollLeft = Math.max(0, this.#share(t) * track.offsetWidth - this.#scroller.clientWidth / 5);
  }

  #share = (t) => (t - this.#from) / (this.#to - this.#from);
  #spread = (node, from, to) => place(node, Math.max(this.#share(from), 0), Math.min(this.#share(to), 1));

  #step() {
    const wanted = 58 / this.#hourWidth();
    return [1, 2, 3, 4, 6, 12, 24].find((n) => n >= wanted) ?? 24;
  }

  #hourWidth() {
    const count = (this.#to - this.#from) / HOUR;
    const label = window.matchMedia("(max-width: 40rem)").matches ? 0 : 168;
    const room = Math.max(this.#scroller.clientWidth - label, 0);
    const width = Math.max(room / count, count > 100 ? 14 : count > 40 ? 32 : 96);
    this.#scroller.style.setProperty("--width", `${Math.round(width * count)}px`);
    return width;
  }

  #axis() {
    const step = this.#step();
    const track = element("div", { class: "ticks", role: "presentation" });
    for (let day = this.#from; day < this.#to; day = dayStart(day, 1))
      track.append(this.#spread(element("span", { class: "day" }, element("span", {}, dayText(day))), day, dayStart(day, 1)));
    for (const t of hours(this.#from, this.#to, step))
      if (step < 24) track.append(place(element("span", { class: "hour" }, clockText(t)), this.#share(t)));
    this.#now = element("div", { class: "now", "aria-hidden": true }, element("span", {}));
    track.append(this.#now);
    return element("div", { class: "axis", role: "presentation" }, element("div", { class: "corner" }), track);
  }

  // Behind the rows: what is past, hours and days.
  #back() {
    const back = element("div", { class: "back", "aria-hidden": true }, place(element("div", { class: "past" }), 0, 0));
    for (const t of hours(this.#from, this.#to, this.#step()))
      back.append(place(element("i", dayStart(t) === t ? { class: "midnight" } : {}), this.#share(t)));
    return back;
  }

  #row(row, seen, known) {
    const track = element("div", { class: "track", role: "presentation" });
    if (row.kind === "capacity") this.#capacity(track, row);
    for (const bar of row.bars) {
      const key = `${row.key}|${bar.key}`;
      known.add(key);
      track.append(this.#bar(bar, row, key, seen && !seen.has(key)));
    }
    const head = element("div", { class: "label", role: "rowheader" }, element("b", {}, row.label));
    if (row.note) head.append(" ", element("small", {}, row.note));
    if (row.kind === "capacity") head.append(" ", element("small", { class: "total" }, rateText(row.total)));
    return element("div", { class: `row ${row.kind}`, role: "row" }, head, track);
  }

  #capacity(track, row) {
    for (const level of row.levels) {
      const share = Math.min(level.used / row.total, 1);
      const free = rateText(row.total - level.used);
      const node = element("div", {
        class: share >= 0.999 ? "level full" : "level", role: "gridcell", tabindex: -1, "data-key": `${row.key}|${level.from}`,
        "data-from": level.from, "data-close": level.to, "data-row": row.key,
        "aria-label": `${spanText(level.from, level.to)}, ${freeText(row, level)}`, title: freeText(row, level),
      }, element("span", {}, `${free} free`));
      node.style.setProperty("--share", share);
      track.append(this.#spread(node, level.from, level.to));
    }
  }

  #bar(bar, row, key, arrived) {
    const b = bar.booking;
    const node = element("button", {
      type: "button", class: `bar ${bar.kind}${arrived ? " new" : ""}`, role: "gridcell", tabindex: -1, "data-key": key, "data-id": b?.id,
      "data-from": bar.from, "data-close": bar.close, "data-row": row.key, "aria-label": sentence(bar, row),
      "aria-haspopup": "dialog", title: sentence(bar, row),
    });
    const length = bar.close - bar.open;
    node.style.setProperty("--in", (bar.from - bar.open) / length);
    node.style.setProperty("--out", (bar.close - bar.to) / length);
    const text = element("span", { class: "text" });
    if (bar.kind === "busy") text.append(element("span", { class: "title" }, "Taken"));
    else if (bar.kind === "maintenance") text.append(element("span", { class: "title" }, `Maintenance: ${bar.name}`));
    else text.append(element("span", { class: "badge" }, bar.kind === "booked" ? "" : stateText(bar.kind)), element("span", { class: "title" }, b.title || "Untitled"));
    if (row.kind === "channel" && b) text.append(element("span", { class: "small" }, `${clockText(bar.from)}–${clockText(bar.to)} · ${b.owner}`));
    node.append(text);
    node.addEventListener("click", () => this.#open(bar, row));
    return this.#spread(node, bar.open, bar.close);
  }
}
