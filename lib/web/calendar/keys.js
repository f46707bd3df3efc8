// The keyboard: one bar is in the tab order, arrows move from bar to bar.

/** The cell to go to from `at` in `direction`; `cells` in the order of the page. */
export function next(cells, at, direction) {
  const time = (c) => (Number(c.dataset.from) + Number(c.dataset.close)) / 2;
  const rows = [...new Set(cells.map((c) => c.dataset.row))];
  const row = cells.filter((c) => c.dataset.row === at.dataset.row).sort((a, b) => time(a) - time(b));
  const here = row.indexOf(at);
  if (direction === "ArrowRight") return row[here + 1];
  if (direction === "ArrowLeft") return row[here - 1];
  if (direction === "Home") return row[0];
  if (direction === "End") return row.at(-1);
  const other = rows[rows.indexOf(at.dataset.row) + (direction === "ArrowDown" ? 1 : -1)];
  const near = cells.filter((c) => c.dataset.row === other);
  return near.sort((a, b) => Math.abs(time(a) - time(at)) - Math.abs(time(b) - time(at)))[0];
}

const MOVES = ["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Home", "End"];

/** `page(n)`: n stretches later; `today()`. */
export function listen(scroller, timeline, { page, today }) {
  const step = (e) => {
    const at = e.target.closest?.("[role=gridcell]");
    if (!at || !MOVES.includes(e.key)) return false;
    const to = next(timeline.cells(), at, e.key);
    if (to) {
      at.tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
      to.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    return true;
  };
  document.addEventListener("keydown", (e) => {
    if (e.defaultPrevented || e.ctrlKey || e.altKey || e.metaKey || document.querySelector("dialog[open]")) return;
    let done = true;
    if (e.key === "PageDown") page(1);
    else if (e.key === "PageUp") page(-1);
    else if (e.key === "t" || e.key === "T") today();
    else if (e.key === "Enter" && e.target.matches?.("div[role=gridcell]")) done = false;
    else done = step(e);
    if (done) e.preventDefault();
  });
  scroller.addEventListener("focusin", (e) => {
    const cell = e.target.closest("[role=gridcell]");
    if (!cell) return;
    for (const other of timeline.cells()) other.tabIndex = other === cell ? 0 : -1;
  });
}
