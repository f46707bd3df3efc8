// What is known of one bar, in a dialog.
import { stateText } from "./model.js";
import { durationText, moneyText, rateText, spanText } from "./time.js";
import { element } from "./timeline.js";

const count = new Intl.NumberFormat();

function facts(bar, row) {
  const when = [["When", spanText(bar.from, bar.to)], ["Length", durationText(bar.to - bar.from)]];
  if (bar.kind === "maintenance") return [...when, ["Of", bar.resource], ["Missing", bar.units ? count.format(bar.units) : "all of it"]];
  const b = bar.booking;
  if (!b) return [...when, ["Where", row.kind === "line" ? row.of : row.label]];
  const out = [
    ...when,
    ["Lead-in and drain", `${durationText(b.lead_in_s * 1000)}, ${durationText(b.drain_s * 1000)}`],
    ["By", b.owner], ["Channel", `${b.channel}, relay ${b.relay}`], ["Carriers", b.carriers.join(", ")],
    ["Rate", rateText(b.rate_bps)], ["Viewers", count.format(b.viewers)], ["Disclosure", b.disclosure],
  ];
  if (b.hold_expires) out.push(["Held until", new Date(b.hold_expires).toLocaleTimeString()]);
  if (b.fee) out.push(["Fee", moneyText(b.fee)]);
  if (b.viewer_url) out.push(["Viewers' address", b.viewer_url]);
  out.push(["Reservation", b.id]);
  return out;
}

export function show(dialog, bar, row) {
  const titles = { busy: "Taken by others", maintenance: bar.name };
  dialog.querySelector(".state").textContent = stateText(bar.kind);
  dialog.querySelector(".state").dataset.state = bar.kind;
  dialog.querySelector("h2").textContent = titles[bar.kind] ?? (bar.booking.title || "Untitled");
  const list = dialog.querySelector("dl");
  list.replaceChildren();
  for (const [name, value] of facts(bar, row)) list.append(element("dt", {}, name), element("dd", {}, value));
  dialog.dataset.id = bar.booking?.id ?? "";
  dialog.showModal();
}
