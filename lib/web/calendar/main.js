// The calendar page: which time is shown, who looks, and what happens when something changes.
import { show } from "./details.js";
import { listen } from "./keys.js";
import { Live, logIn, logOut } from "./live.js";
import { news } from "./model.js";
import { HOUR, clockText, dayName, dayOf, dayStart, rangeText, zone } from "./time.js";
import { Timeline, element } from "./timeline.js";

const $ = (id) => document.getElementById(id);
const roles = { operator: "operator", distributor: "distributor" };
const state = { from: dayStart(Date.now()), days: 1, document: null, live: null, shown: "" };
const timeline = new Timeline($("scroller"), (bar, row) => show($("details"), bar, row));

// A day goes on to the next noon, for what goes on after midnight.
const end = () => (state.days === 1 ? dayStart(state.from, 1) + 12 * HOUR : dayStart(state.from, state.days));

function status(kind, text) {
  const node = $("status");
  if (node.dataset.state === kind && node.lastChild.textContent === text) return;
  node.dataset.state = kind;
  node.lastChild.textContent = text;
}

function visible(page) {
  $("login").hidden = page;
  $("scroller").hidden = !page;
  $("legend").hidden = !page;
}

function denied(text) {
  state.live?.close();
  state.document = null;
  $("login-text").textContent = text ?? "This calendar is for distributors and operators.";
  $("who").textContent = "";
  $("leave").hidden = true;
  $("scroller").replaceChildren();
  $("details").close();
  visible(false);
  status("lost", "Not logged in");
}

function tell(before, after) {
  const parts = news(before, after).map(({ what, booking: b }) => `${what}: ${b.title || "untitled"} on ${b.channel}, ${clockText(Date.parse(b.start))}`);
  if (parts.length > 0) $("news").textContent = parts.length > 3 ? `${parts.length} changes` : parts.join(". ");
}

function take(doc) {
  const shown = `${state.from} ${state.days}`;
  const fresh = state.shown !== shown;
  if (!fresh && state.document) tell(state.document, doc);
  state.document = doc;
  state.shown = shown;
  visible(true);
  $("who").replaceChildren(doc.name ?? "", element("span", { class: "role" }, doc.name ? ` · ${roles[doc.role]}` : ""));
  $("leave").hidden = !doc.name;
  timeline.draw(doc, state.from, end(), fresh);
  const now = timeline.now();
  if (fresh) timeline.scrollTo(now >= state.from && now < end() ? now : state.from);
  const open = $("details");
  if (open.open && open.dataset.id && !doc.bookings[open.dataset.id]) open.close();
}

/** Shows the stretch that state says, live. */
function go() {
  $("range").textContent = rangeText(state.from, dayStart(state.from, state.days), window.matchMedia("(max-width: 40rem)").matches);
  document.title = `${$("range").textContent} · Slotcast`;
  for (const b of document.querySelectorAll("[data-days]")) b.setAttribute("aria-pressed", Number(b.dataset.days) === state.days);
  history.replaceState(null, "", `#day=${dayName(state.from)}&days=${state.days}`);
  state.live?.close();
  status("wait", "Connecting");
  state.live = new Live(state.from, end(), { document: take, status, denied });
}

const page = (n) => {
  state.from = dayStart(state.from, n * state.days);
  go();
};
const today = () => {
  state.from = dayStart(Date.now());
  state.shown = "";
  go();
};

function readAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  state.from = dayOf(asked.get("day")) ?? state.from;
  if ([1, 3, 7].includes(Number(asked.get("days")))) state.days = Number(asked.get("days"));
}

function wire() {
  $("before").addEventListener("click", () => page(-1));
  $("after").addEventListener("click", () => page(1));
  $("today").addEventListener("click", today);
  for (const b of document.querySelectorAll("[data-days]"))
    b.addEventListener("click", () => {
      state.days = Number(b.dataset.days);
      go();
    });
  $("leave").addEventListener("click", async () => {
    await logOut();
    denied("You are logged out.");
  });
  $("details").addEventListener("click", (e) => {
    if (e.target === $("details")) $("details").close();
  });
  listen($("scroller"), timeline, { page, today });
  let width = 0;
  new ResizeObserver(([entry]) => {
    if (state.document && entry.contentRect.width > 0 && entry.contentRect.width !== width) timeline.draw(state.document, state.from, end(), false);
    width = entry.contentRect.width;
  }).observe($("scroller"));
  setInterval(() => state.document && timeline.tick(), 5_000);
  $("zone").textContent = `times of ${zone()}`;
  window.addEventListener("hashchange", () => start());
}

async function start() {
  const failed = await logIn();
  if (failed) return denied(`The link did not log you in: ${failed}.`);
  readAddress();
  go();
}

wire();
start();
