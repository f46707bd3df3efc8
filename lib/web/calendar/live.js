// Control, as the page sees it: the login, the document, its changes.
import { merge } from "./model.js";

const POLL = 10_000;
const RETRY_STREAM = 60_000;

/** Takes the code out of the address, where it would stay in the history, and logs in with it. */
export async function logIn() {
  const code = new URLSearchParams(location.hash.slice(1)).get("login");
  if (!code) return null;
  history.replaceState(null, "", location.pathname);
  const answer = await fetch("/v1/calendar/session", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": `"${crypto.randomUUID()}"` },
    body: JSON.stringify({ code }),
  });
  if (answer.ok) return null;
  const problem = await answer.json().catch(() => ({}));
  return problem.detail ?? `control answered ${answer.status}`;
}

export const logOut = () => fetch("/v1/calendar/session", { method: "DELETE" });

/** One stretch of time, kept up to date until close(). `on`: document(doc), status(state, text), denied(). */
export class Live {
  #on;
  #query;
  #source = null;
  #timer = 0;
  #document = null;
  #closed = false;

  constructor(from, to, on) {
    this.#on = on;
    this.#query = new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
    this.#listen();
  }

  close() {
    this.#closed = true;
    this.#source?.close();
    clearTimeout(this.#timer);
  }

  #listen() {
    this.#source = new EventSource(`/v1/events?${this.#query}`);
    this.#source.addEventListener("calendar", (e) => this.#take(JSON.parse(e.data), "live", "Live"));
    this.#source.addEventListener("change", (e) => {
      if (this.#document) this.#take(merge(this.#document, JSON.parse(e.data)), "live", "Live");
    });
    this.#source.addEventListener("problem", (e) => {
      this.#source.close();
      this.#on.status("lost", JSON.parse(e.data).detail);
    });
    this.#source.addEventListener("open", () => {
      if (this.#document) this.#on.status("live", "Live");
    });
    this.#source.addEventListener("error", () => {
      if (this.#closed) return;
      this.#on.status("wait", "Reconnecting");
      // Refused, and not only cut: then the browser does not try again by itself.
      if (this.#source.readyState === EventSource.CLOSED) this.#poll(Date.now() + RETRY_STREAM);
    });
  }

  #take(document, state, text) {
    if (this.#closed) return;
    this.#document = document;
    this.#on.document(document);
    this.#on.status(state, text);
  }

  // Without a stream (too many listen) the document is asked for from time to time.
  async #poll(listenAgain) {
    const answer = await fetch(`/v1/calendar?${this.#query}`).catch(() => null);
    if (this.#closed) return;
    if (answer?.status === 401) return this.#on.denied();
    if (answer?.ok) this.#take(await answer.json(), "poll", "Every 10 s");
    else if (answer?.status === 422) return this.#on.status("lost", (await answer.json()).detail);
    const again = answer?.ok && Date.now() < listenAgain ? () => this.#poll(listenAgain) : () => this.#listen();
    this.#timer = setTimeout(again, POLL);
  }
}
