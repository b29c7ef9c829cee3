/* Descriptors, sockets, connections, limits, environment and modules. */

function resourceView() {
  return pageView(() => [
    h("div", { class: "columns" }, descriptorSection(), socketSection(), connectionSection(), limitSection()),
    environmentSection(), allModuleSection(),
  ]);
}

/** Kinds of descriptors as pairs. */
function descriptorKinds() {
  const kinds = [];
  for (let i = 0; i < data.descriptors.length; i += 2) kinds.push([data.descriptors[i], data.descriptors[i + 1]]);
  if (data.uncounted) kinds.push(["not looked at", data.uncounted]);
  return kinds;
}

const descriptorTotal = () => descriptorKinds().reduce((sum, [, number]) => sum + number, 0);

/** The short form, for the summary. */
function resourceSummary() {
  return descriptorKinds().length > 0 && descriptorSection();
}

function table(headings, rows, label) {
  return h("div", { class: "scroll" }, h("table", { "aria-label": label },
    h("thead", null, h("tr", null, headings.map(([heading, style]) => h("th", { scope: "col", class: style }, heading)))),
    h("tbody", null, rows.map((row) => h("tr", null, row.map((cell, index) => h("td", { class: headings[index][1] }, cell)))))));
}

function descriptorSection() {
  const kinds = descriptorKinds();
  const total = descriptorTotal();
  const limit = data.limits.find((limit) => limit.name === "nofile");
  const soft = limit && limit.soft !== undefined ? Number(limit.soft) : 0;
  const use = soft > 0 ? Math.min(100, (100 * total) / soft) : 0;
  return h("section", null,
    h("h2", null, "Descriptors"),
    h("p", null, soft > 0 ? `${grouped(total)} of ${grouped(soft)} open` : `${grouped(total)} open`,
      soft > 0 && h("span", { class: use > 80 ? "use high" : "use", role: "img", "aria-label": `${percent(total, soft)} of the limit` }, h("span", { "width%": use }))),
    table([["Kind", ""], ["Open", "number"]], kinds.map(([kind, number]) => [kind, grouped(number)]), "Descriptors by kind"));
}

function socketSection() {
  if (!data.sockets) return false;
  const [tcp, udp, unix, other, cut] = data.sockets;
  const rows = [["TCP", tcp], ["UDP", udp], ["Unix domain", unix], ["Other", other]].filter(([, number]) => number > 0);
  return h("section", null, h("h2", null, "Sockets"),
    table([["Family", ""], ["Open", "number"]], rows.map(([name, number]) => [name, grouped(number)]), "Sockets by family"),
    cut === 1 && h("p", { class: "doubt" }, "Time ran out while they were counted: these are too low."));
}

function connectionSection() {
  if (!data.connections.length) return false;
  return h("section", null, h("h2", null, "TCP connections"),
    table([["State", ""], ["Here", "mono"], ["Peer", "mono"], ["Open", "number"]],
      data.connections.map((connection) => [connection.state, connection.local || "", connection.peer || "", grouped(connection.count)]), "TCP connections"));
}

function limitSection() {
  if (!data.limits.length) return false;
  const value = (limit) => (limit === undefined ? "none" : grouped(Number(limit)));
  return h("section", null, h("h2", null, "Limits"),
    table([["Resource", "mono"], ["Soft", "number"], ["Hard", "number"]],
      data.limits.map((limit) => [limit.name, value(limit.soft), value(limit.hard)]), "Resource limits"));
}

function environmentSection() {
  if (!data.environment.length) return false;
  const hasValues = data.environment.some((variable) => variable.value !== undefined);
  return [h("h2", null, "Environment"),
    hasValues
      ? table([["Name", "mono"], ["Value", "mono"]], data.environment.map((variable) => [variable.name, variable.value ?? ""]), "Environment")
      : [h("p", { class: "soft" }, "Names alone; values are kept with environment=on."),
        h("p", { class: "members mono" }, data.environment.map((variable) => h("span", null, variable.name)))]];
}

function allModuleSection() {
  if (!modules.length) return false;
  return [h("h2", null, `Modules (${modules.length})`),
    table([["Module", "mono"], ["Build ID", "mono"], ["Mapped", "mono nowrap"], ["Has", "nowrap"], ["Why not more", ""]],
      modules.map((module) => [text(module.path), module.build || "", `${module.base}–${module.end}`,
        { "debug-info": "lines", symbols: "function names", none: "no names" }[module.status], module.reason || ""]), "Modules")];
}
