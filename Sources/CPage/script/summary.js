/* The first page: what is wrong, then what there is. */

function summaryView() {
  return pageView(() => [
    captureSection(), findingSection(), tileSection(), groupSection(),
    h("div", { class: "columns" }, processSection(), resourceSummary(), noteSection()),
    moduleSection(),
  ]);
}

function captureSection() {
  const { capture } = data;
  return [
    h("p", { class: "lead" }, capture.cause),
    capture.crash && h("div", { class: "notice alarm" },
      h("strong", null, capture.crash[0].toUpperCase() + capture.crash.slice(1)),
      capture.crashedTid !== undefined && threadRow(capture.crashedTid) !== undefined &&
        [" ", itemLink(`t${capture.crashedTid}`, "show its stack")],
      capture.message && h("pre", null, capture.message)),
    !capture.crash && capture.message && h("div", { class: "notice alarm" }, h("pre", null, capture.message)),
    capture.problems.map((problem) => h("p", { class: "notice" }, `Incomplete: ${problem}`)),
    !capture.complete && capture.problems.length === 0 && h("p", { class: "notice" }, "Incomplete: parts of this capture are missing."),
    capture.tasks && h("p", { class: "notice" }, capture.tasks[0].toUpperCase() + capture.tasks.slice(1)),
  ];
}

function findingSection() {
  const { findings } = data;
  if (!findings.length) {
    return [h("h2", null, "Findings"), h("p", { class: "finding fine" }, "Nothing in this report is known to be wrong by itself.")];
  }
  return [
    h("h2", null, `Findings (${findings.length})`),
    h("ul", null, findings.map((finding) => {
      const links = [...finding.tids.slice(0, 12).map(threadLink), ...finding.tasks.slice(0, 12).map(taskLink)];
      const more = finding.tids.length + finding.tasks.length - links.length;
      return h("li", { class: "finding" },
        h("span", { class: "badge alarm" }, finding.kind), finding.text,
        links.length > 0 && h("div", { class: "links" }, links, more > 0 && h("span", { class: "soft" }, `and ${grouped(more)} more`)));
    })),
  ];
}

function tileSection() {
  const total = data.descriptors.filter((value) => typeof value === "number").reduce((sum, value) => sum + value, data.uncounted || 0);
  const tiles = [
    [threads.count, "thread", { view: "threads" }],
    [tasks.count, "task", { view: "tasks" }],
    [allGroups.length, "group", { view: "groups" }],
    [total, "descriptor", { view: "resources" }],
    [data.connections.reduce((sum, connection) => sum + connection.count, 0), "connection", { view: "resources" }],
  ];
  return h("div", { class: "tiles" }, tiles.filter(([number]) => number > 0).map(([number, noun, target]) =>
    h("button", { type: "button", class: "tile", onclick: () => go({ ...target, sel: "", ...noFilters }) },
      h("b", null, grouped(number)), h("span", null, number === 1 ? noun : noun + "s"))));
}

/** Where most threads and tasks stand. */
function groupSection() {
  // Idle pools say little: behind all others.
  const largest = [...allGroups.filter((group) => !group.idle), ...allGroups.filter((group) => group.idle)].slice(0, 8);
  if (!largest.length) return false;
  return [
    h("h2", null, "Largest groups"),
    h("ul", { class: "rows" }, largest.map((group) => {
      const [where, place] = whereText(group.stack);
      return h("li", null, h("button", { type: "button", class: "row", onclick: () => go({ view: "groups", sel: keyOfGroup(group), ...noFilters }) },
        h("span", { class: "weight" },
          h("span", { class: "bar", "width%": (100 * group.members.length) / Math.max(...largest.map((group) => group.members.length)) }),
          h("span", { class: "value" }, grouped(group.members.length))),
        h("span", { class: "two" },
          h("div", { class: "where" }, where || `no stack: ${text(group.population.reason?.[group.members[0]] ?? none)}`, " ", h("span", { class: "soft" }, place)),
          h("div", { class: "soft" }, `${group.members.length === 1 ? group.population.noun : group.population.noun + "s"} ${groupLine(group)}`))));
    })),
    allGroups.length > largest.length &&
      h("p", null, h("button", { type: "button", class: "button link", onclick: () => go({ view: "groups", sel: "", ...noFilters }) }, `All ${count(allGroups.length, "group")}`)),
  ];
}

/** `sleeping in futex (condition) · "worker-8" … "worker-11"` */
function groupLine(group) {
  const waits = group.waits >= 0 && text(group.waits) ? `waits: ${text(group.waits)}` : "";
  return [group.idle && `idle: ${group.idle}`, text(group.activity), waits, (group.waitLines || [])[0], text(group.names)].filter(Boolean).join(" · ");
}

function processSection() {
  return h("section", null, h("h2", null, "Process"), factList(data.facts),
    data.control.length > 0 && [h("h2", null, "Control group"), factList(data.control)]);
}

function noteSection() {
  if (!data.notes.length) return false;
  const missing = [
    data.olderNotes && `${grouped(data.olderNotes)} older ones are not kept`,
    data.lostNotes && `${grouped(data.lostNotes)} lost while others wrote`,
  ].filter(Boolean).join(", ");
  return h("section", null, h("h2", null, "The service’s last lines"),
    missing && h("p", { class: "soft" }, missing),
    h("ul", { class: "log" }, data.notes.map((note) =>
      h("li", null, note.time && h("time", { datetime: note.time }, note.time.slice(11, -1)), note.tid !== undefined && [threadLink(note.tid), " "], note.text))));
}

function moduleSection() {
  const lacking = modules.filter((module) => module.used && module.status !== "debug-info");
  if (!lacking.length) return false;
  return [
    h("h2", null, "Modules without line numbers"),
    table([["Module", "mono"], ["Has", "nowrap"], ["Why", ""]],
      lacking.map((module) => [text(module.path), module.status === "symbols" ? "function names" : "no names", module.reason || ""]),
      "Modules without line numbers"),
    lacking.some((module) => /^(libc|libm|libpthread|libdl|librt|libresolv)\.so|^ld-linux/.test(module.name)) &&
      h("p", { class: "soft" }, "On Debian, libc6-dbg has the C library’s: ", h("code", null, "apt-get install libc6-dbg")),
    lacking.some((module) => text(module.path).startsWith("/")) &&
      h("p", { class: "soft" }, "Debug files elsewhere: ", h("code", null, "dumpcollect symbolize CAPTURE --debug-dir DIR")),
  ];
}
