/* What stands beside a list: all of one thread, task or group. */

/** A key of the address bar, `t4711`, `k9`, `g0`, `G3`, of similar stacks `s0`, `S3`, as what it names; undefined for what is not in this report. */
function itemOf(key) {
  const kind = (key || "")[0];
  const rest = (key || "").slice(1);
  // A number: an address that somebody wrote may have any word there.
  const group = (groups) => (/^\d+$/.test(rest) && groups[rest] ? { group: groups[rest] } : undefined);
  if (kind === "g") return group(threads.groups);
  if (kind === "G") return group(tasks.groups);
  if (kind === "s") return group(threads.similar);
  if (kind === "S") return group(tasks.similar);
  const population = kind === "t" ? threads : kind === "k" ? tasks : undefined;
  const row = population === threads ? threadRow(rest) : population === tasks ? taskRow(rest) : undefined;
  return row === undefined ? undefined : { population, row };
}

const keyOfThread = (row) => `t${threads.tid[row]}`;
const keyOfTask = (row) => `k${tasks.id[row]}`;
const keyOfRow = (population, row) => (population === threads ? keyOfThread(row) : keyOfTask(row));
const keyOfGroup = (group) => `${(group.variants ? "sS" : "gG")[group.population === threads ? 0 : 1]}${group.index}`;

/** A button that goes to an item. */
function itemLink(key, label) {
  const view = { t: "threads", k: "tasks" }[key[0]] || "groups";
  const alike = /^[sS]/.test(key) ? { alike: "similar" } : {};
  return h("button", { type: "button", class: "button link", onclick: () => go({ view, sel: key, ...noFilters, ...alike }) }, label);
}

const threadLink = (tid) => {
  const row = threadRow(tid);
  return row === undefined ? `thread ${tid}` : itemLink(keyOfThread(row), nameOfThread(row));
};
const taskLink = (id) => {
  const row = taskRow(id);
  return row === undefined ? `task ${id}` : itemLink(keyOfTask(row), nameOfTask(row));
};
const taskRowLink = (row) => itemLink(keyOfTask(row), nameOfTask(row));

/** The detail of an item as the children of its panel. */
function detailOf(item, needles) {
  if (!item) return [h("p", { class: "soft" }, "Choose a row to see its stack.")];
  if (item.group) return groupDetail(item.group, needles);
  return item.population === threads ? threadDetail(item.row, needles) : taskDetail(item.row, needles);
}

function stackSection(stack, options) {
  if (stack < 0) return [h("p", { class: "notice" }, `No stack: ${options.missing || "nothing was captured"}.`)];
  return [
    h("h3", null, options.title || "Stack", h("span", null, `${count(stacks[stack].length, "frame")}`), copyButton(stack)),
    stackElement(stack, options),
  ];
}

function copyButton(stack) {
  if (!navigator.clipboard) return false;
  const button = h("button", { type: "button", class: "button", onclick: async () => {
    try {
      await navigator.clipboard.writeText(stackText(stack));
      setText(button, "Copied");
    } catch (error) {
      // The browser may ask, and people may say no.
      setText(button, "Not allowed");
    }
    announce(button.textContent);
    setTimeout(() => setText(button, "Copy"), 1500);
  } }, "Copy");
  return button;
}

function groupDetail(group, needles) {
  const { population, members } = group;
  const own = whereText(group.stack)[0];
  const list = (filter) => ({ view: population === threads ? "threads" : "tasks", sel: "", ...noFilters, ...filter });
  const shown = members.slice(0, 40).map((row) =>
    itemLink(keyOfRow(population, row), population === threads ? `${threads.tid[row]}` : `${tasks.id[row]}`));
  return [
    h("h2", { tabindex: -1 }, `${count(members.length, population.noun)}${own ? ` in ${own}` : ""}`),
    h("p", { class: "lead" }, text(group.activity), group.waits >= 0 && text(group.waits) ? `, waits: ${text(group.waits)}` : ""),
    (group.waitLines || []).map((line) => h("p", { class: "lead" }, line)),
    factList([
      ["Names", text(group.names)],
      ["Idle", group.idle],
      ["CPU time", group.cpu !== undefined && seconds(group.cpu)],
      [population === threads ? "Threads" : "Tasks", text(group.ids)],
      ["Similar stacks", group.similar && itemLink(keyOfGroup(group.similar), similarText(group.similar))],
      ["Fingerprint", group.print && h("code", null, group.print)],
    ]),
    stackSection(group.stack, {
      needles, variants: group.variants, title: group.variants && "The most frequent stack", truncated: text(group.truncated === undefined ? population.truncated[members[0]] : group.truncated),
      missing: population === threads ? text(threads.reason[members[0]]) : text(group.truncated),
    }),
    group.creatorStack !== undefined && stackSection(group.creatorStack, { title: "Created by", needles, label: "Stack that created them" }),
    group.variants && variantSection(group),
    h("h3", null, "Members"),
    h("div", { class: "members" }, shown, members.length > shown.length &&
      h("button", { type: "button", class: "button link", onclick: () => go(list({ group: keyOfGroup(group) })) },
        `all ${count(members.length, population.noun)}`)),
  ];
}

/** `12 threads in 5 different stacks` */
const similarText = (group) =>
  `${count(group.members.length, group.population.noun)} in ${count(group.variants.length, "different stack")}`;

/** Variants that are written out; the list has them all. */
const mostVariants = 60;

/** The different stacks of a group of similar ones, by what is their own. */
function variantSection(group) {
  const { variants } = group;
  return [
    h("h3", null, "Different stacks", h("span", null, grouped(variants.length))),
    h("ul", { class: "rows variants", "aria-label": "Different stacks" }, variants.slice(0, mostVariants).map((variant) =>
      h("li", null, h("button", { type: "button", class: "row", onclick: () => go({ sel: keyOfGroup(variant) }) },
        h("span", { class: "weight" },
          h("span", { class: "bar", "width%": (100 * variant.members.length) / variants[0].members.length }),
          h("span", { class: "value" }, grouped(variant.members.length))),
        h("span", { class: "two" },
          h("div", { class: "where" }, differenceText(variant) || "elsewhere in the same line"),
          h("div", { class: "soft" }, [text(variant.activity), text(variant.names)].filter(Boolean).join(" · "))))))),
    variants.length > mostVariants && h("p", { class: "soft" }, `${grouped(variants.length - mostVariants)} more in the list.`),
  ];
}

function threadDetail(row, needles) {
  const labels = threads.labels[row] || [];
  const task = (data.threads.task || {})[row];
  const executor = (data.threads.executor || {})[row];
  const registers = (data.threads.registers || {})[row];
  const signal = (data.threads.signal || {})[row];
  const creator = threads.creator[row];
  const group = threads.groups[threads.group[row]];
  const crashed = signal || data.capture.crashedTid === Number(threads.tid[row]);
  const times = [["user", threads.user[row]], ["system", threads.system[row]]].filter(([, time]) => time >= 0);
  return [
    h("h2", { tabindex: -1 }, nameOfThread(row)),
    h("p", { class: "lead" }, text(threads.activity[row])),
    crashed && h("p", { class: "notice alarm" }, `Crashed${signal ? `: ${signal}` : ""}`),
    text(threads.status[row]) === "quiet" &&
      h("p", { class: "notice" }, `Read without a signal${threads.reason[row] >= 0 ? `: ${text(threads.reason[row])}` : ""}`),
    labels.length > 0 && h("div", { class: "chips", "aria-label": "Labels", role: "group" },
      Array.from({ length: labels.length / 2 }, (_, i) =>
        h("span", { class: "badge accent" }, `${strings[labels[2 * i]]}: ${strings[labels[2 * i + 1]]}`))),
    factList([
      ...waitFacts(row),
      ["Runs", task && h("span", null, taskLink(task), executor !== undefined ? ` on ${executors[executor].text}` : "")],
      ["CPU time", times.map(([name, time]) => `${seconds(time)} ${name}`).join(", ")],
      ["Started", startedText(row)],
      ["Scheduling", (data.threads.schedule || {})[row]],
      ["Wait channel", threads.channel[row] >= 0 && h("code", null, text(threads.channel[row]))],
      ["Same stack", group && group.members.length > 1 && itemLink(keyOfGroup(group), `${count(group.members.length, "thread")}`)],
      ["Similar stacks", group?.similar && itemLink(keyOfGroup(group.similar), similarText(group.similar))],
      ["Created by", creator >= 0 && h("span", null, threadLink(creator),
        threadRow(creator) === undefined && threads.creatorName[row] >= 0 ? ` "${text(threads.creatorName[row])}"` : "")],
    ]),
    stackSection(threads.stack[row], { needles, truncated: text(threads.truncated[row]), missing: text(threads.reason[row]) }),
    threads.creatorStack[row] >= 0 &&
      stackSection(threads.creatorStack[row], { title: "Created by", needles, label: "Stack that created it" }),
    registers && [
      h("h3", null, "Registers"),
      h("dl", { class: "registers" }, Array.from({ length: registers.length / 2 }, (_, i) =>
        h("div", null, h("dt", null, registers[2 * i]), h("dd", null, registers[2 * i + 1].padStart(16, "0"))))),
    ],
  ];
}

/** What a thread waits for, and who could end that. */
function waitFacts(row) {
  const target = text(threads.waitsFor[row]);
  const blocker = blockerOf(row);
  const waiting = locks.flatMap((lock, index) => (lock.owner === Number(threads.tid[row]) ? lockWaiters[index] : []));
  return [
    ["Waits for", target || text(threads.wait[row])],
    ["Behind", blocker !== undefined && itemLink(keyOfThread(blocker), nameOfThread(blocker))],
    ["Wait for it", waiting.length > 0 && h("span", { class: "members" },
      waiting.slice(0, 20).map((waiter) => itemLink(keyOfThread(waiter), nameOfThread(waiter))),
      waiting.length > 20 && `and ${grouped(waiting.length - 20)} more`)],
  ];
}

/** `2026-03-01 09:00:00 UTC, 5 min before the capture` */
function startedText(row) {
  const started = Number(threads.started[row]);
  if (started <= 0) return "";
  const moment = `${new Date(started).toISOString().slice(0, 19).replace("T", " ")} UTC`;
  return data.capture.time > started ? `${moment}, ${age(data.capture.time - started)} before the capture` : moment;
}

/** `12 s`, `3 min`, `5 h 12 min`, `8 d 3 h` of milliseconds. */
function age(milliseconds) {
  const whole = Math.floor(milliseconds / 1000);
  if (whole < 60) return milliseconds < 10000 ? `${(milliseconds / 1000).toFixed(1)} s` : `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor(whole / 60) % 60} min`;
  return `${grouped(Math.floor(whole / 86400))} d ${Math.floor(whole / 3600) % 24} h`;
}

function taskDetail(row, needles) {
  const group = tasks.groups[tasks.group[row]];
  const executor = tasks.executor[row] >= 0 ? executors[tasks.executor[row]] : null;
  const foreign = (taskTable.foreignParent || {})[row];
  const awaited = tasks.awaited[row];
  const wait = taskWait(row);
  const holder = executor && (executor.task || executor.tid) &&
    h("span", null, executor.task && taskLink(executor.task), executor.task && executor.tid ? " on " : "", executor.tid && threadLink(executor.tid));
  const priority = text(tasks.priority[row]) + (tasks.base[row] >= 0 ? `, created with ${text(tasks.base[row])}` : "");
  const children = childrenOfTask(row);
  return [
    h("h2", { tabindex: -1 }, nameOfTask(row)),
    h("p", { class: "lead" }, text(tasks.state[row]), wait && `, waits: ${wait}`),
    tasks.cancelled[row] === 1 && h("p", { class: "notice" }, "Cancelled: it was asked to end."),
    tasks.doubt[row] >= 0 && h("p", { class: "notice" }, `Doubtful: ${text(tasks.doubt[row])}`),
    factList([
      ["Waits for", awaited >= 0 && taskRowLink(awaited)],
      ["Actor", executor && executor.text],
      ["Held by", holder],
      ["Runs on", tasks.tid[row] >= 0 && threadLink(tasks.tid[row])],
      ["Kind", text(tasks.origin[row])],
      ["Child of", tasks.parent[row] >= 0 ? taskRowLink(tasks.parent[row]) : foreign && `task ${foreign}, which had completed`],
      ["Children", children.length > 0 && h("span", { class: "members" }, children.slice(0, 20).map(taskRowLink),
        children.length > 20 && `and ${grouped(children.length - 20)} more`)],
      ["Priority", priority],
      ["Same stack", group && group.members.length > 1 && itemLink(keyOfGroup(group), `${count(group.members.length, "task")}`)],
      ["Similar stacks", group?.similar && itemLink(keyOfGroup(group.similar), similarText(group.similar))],
      ["Address", h("code", null, hex(tasks.address[row]))],
    ]),
    stackSection(tasks.stack[row], { needles, truncated: text(tasks.truncated[row]), missing: text(tasks.truncated[row]) }),
  ];
}

/** Children by row of their parent, in the order of the capture. */
let taskChildren;
function childrenOfTask(row) {
  if (!taskChildren) {
    taskChildren = new Map();
    for (let child = 0; child < tasks.count; child++) {
      const parent = tasks.parent[child];
      if (parent < 0 || parent === child) continue;
      if (!taskChildren.has(parent)) taskChildren.set(parent, []);
      taskChildren.get(parent).push(child);
    }
  }
  return taskChildren.get(row) || [];
}
