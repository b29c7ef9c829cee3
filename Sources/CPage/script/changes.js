/* What differs from the first report to the last: the page of `dumpcollect diff --format html`. */

const { diff } = data;

/** Changes that are written out; of so many nobody reads the rest here. */
const mostChanges = 300;

function changesView() {
  return pageView(() => {
    const [first, ...lines] = diff.lines;
    const still = diff.still || [];
    return [
      h("p", { class: "lead" }, first),
      lines.map((line) => h("p", { class: /^(new|still) [a-z-]+:/.test(line) ? "notice alarm" : "" }, line)),
      h("h2", null, diff.groups.length ? `Groups that changed (${grouped(diff.groups.length)})` : "No group changed"),
      changeList(diff.groups, (change) => signedCount(change)),
      still.length > 0 && [h("h2", null, `In the same frames all the time (${grouped(still.length)})`),
        changeList(still, (group) => h("span", { class: group.kind === "lock" ? "change more" : "change" }, grouped(group.count)))],
      diff.details.map((line) => (line.startsWith(" ") ? h("p", { class: "mono" }, line.trim()) : h("h2", null, line.replace(/:$/, "")))),
    ];
  });
}

/** `▲ +40`, `▼ −3`: the sign says what the colour says. */
function signedCount(change) {
  const difference = change.counts[change.counts.length - 1] - change.counts[0];
  const isMore = difference > 0;
  const word = { new: "new", gone: "gone" }[change.kind];
  return h("span", { class: isMore ? "change more" : "change less" },
    `${isMore ? "▲ +" : "▼ −"}${grouped(Math.abs(difference))}`, word && h("div", { class: "soft" }, word));
}

function changeList(changes, mark) {
  if (!changes.length) return false;
  const list = h("ul", { class: "rows" }, changes.slice(0, mostChanges).map((change) => {
    const [where, place] = whereText(change.stack ?? none);
    const more = h("div", { class: "frame-more", hidden: true, id: `change-${++frameNumber}` });
    const button = h("button", {
      type: "button", class: "row", "aria-expanded": "false", "aria-controls": more.id,
      onclick: () => {
        more.hidden = !more.hidden;
        button.setAttribute("aria-expanded", String(!more.hidden));
        if (!more.hidden && !more.firstChild) append(more, [stackSection(change.stack ?? none, {}), change.print && factList([["Fingerprint", h("code", null, change.print)]])]);
      },
    }, mark(change), h("span", { class: "two" },
      h("div", { class: "where" }, where || "no stack", " ", h("span", { class: "soft" }, place)),
      h("div", { class: "soft" }, `${change.counts ? `${seriesText(change.counts)} ${change.tasks ? "tasks" : "threads"} · ` : change.tasks ? "tasks · " : "threads · "}${change.text}`)));
    return h("li", null, button, more);
  }));
  return [list, changes.length > mostChanges && h("p", { class: "soft" }, `${grouped(changes.length - mostChanges)} more: dumpcollect diff --json has them all.`)];
}

/** `10 → 20 → 50` */
function seriesText(counts) {
  const shown = counts.map(grouped);
  return (shown.length > 8 ? [...shown.slice(0, 4), "…", ...shown.slice(-3)] : shown).join(" → ");
}

/** The first report's threads and tasks as far as it is known of them: rows that stand for several, which the menus filter too. */
const before = diff && new Map([threads, tasks].map((population) => {
  const table = diff.old[`${population.noun}s`];
  return [population, {
    ...columns(table, ["number", "stack", "state", "wait", "name", "idle"]), kind: population.kind, noun: population.noun, labels: table.labels || {},
  }];
}));

/** How many of those of the first report that the menus let through had which stack; undefined where nothing is compared. */
function oldWeights(populations, filter) {
  if (!diff) return undefined;
  const weights = new Float64Array(stacks.length);
  for (const population of populations) {
    const old = before.get(population);
    const mask = selectRows(old, filter, false);
    for (let row = 0; row < mask.length; row++) if (mask[row] && old.stack[row] >= 0) weights[old.stack[row]] += old.number[row];
  }
  return weights;
}
