/* The report as the views read it: columns of numbers, and what they stand for. */

const data = JSON.parse(document.getElementById("data").textContent);
document.getElementById("data").remove();

const none = -1;

/** A column of PageColumns.swift as an array. */
function column(value, rows, absent = none) {
  if (value === undefined) return new Int32Array(rows).fill(absent);
  if (typeof value === "number") return new Array(rows).fill(value);
  if (Array.isArray(value)) return value;
  let last = 0;
  return value.d.map((difference) => (last += difference));
}

/** Columns of which nothing is 0. */
const zeroColumns = new Set(["flags", "cancelled", "steady", "started", "idle"]);

function columns(table, names) {
  const result = { count: table.count || 0 };
  for (const name of names) {
    result[name] = column(table[name], result.count, zeroColumns.has(name) ? 0 : none);
  }
  return result;
}

const strings = data.strings;
/** The text of a number, or "". */
const text = (number) => (number >= 0 ? strings[number] : "");

const modules = data.modules;
const modulePath = (module) => text(modules[module].path);
const fileName = (path) => path.slice(path.lastIndexOf("/") + 1);
for (const module of modules) module.name = fileName(text(module.path));

const frames = columns(data.frames, [
  "name", "full", "linkage", "file", "line", "col", "module", "offset", "address", "flags", "origin", "unknown", "source",
]);
frames.aliases = data.frames.aliases || {};
const stacks = data.stacks;

const isInlined = (frame) => (frames.flags[frame] & 1) !== 0;
const isSignalFrame = (frame) => (frames.flags[frame] & 2) !== 0;
const isAsync = (frame) => (frames.flags[frame] & 4) !== 0;
/** Code of the system's libraries, of the C library, of a language's: what is rarely the reason why a thread waits. */
const isSystem = (frame) => (frames.flags[frame] & 32) === 0;

const hex = (value) => "0x" + (typeof value === "string" ? BigInt(value) : value).toString(16);

/** The function, or the place in the module where it has no name. */
function frameName(frame) {
  if (frames.name[frame] >= 0) return strings[frames.name[frame]];
  const module = frames.module[frame];
  if (module < 0 || (frames.flags[frame] & 16) === 0) return hex(frames.address[frame]);
  return `${modules[module].name}+${hex(frames.offset[frame])}`;
}

/** File and line, else the module, else why there is nothing. */
function framePlace(frame) {
  if (frames.file[frame] >= 0) {
    const file = strings[frames.file[frame]];
    if (file === "/<compiler-generated>") return "<compiler-generated>";
    return frames.line[frame] >= 0 ? `${file}:${frames.line[frame]}` : file;
  }
  if (frames.name[frame] >= 0 && frames.module[frame] >= 0) return modules[frames.module[frame]].name;
  return frames.unknown[frame] >= 0 ? `(${strings[frames.unknown[frame]]})` : "";
}

/** `client.cpp:41` */
function shortPlace(frame) {
  return frames.file[frame] >= 0 ? fileName(framePlace(frame)) : framePlace(frame);
}

/** By stack: which of its frames tells where the service is. */
const ownPositions = column(data.own, stacks.length);

/** The frame that tells where the service is; none of an empty stack. */
function ownFrame(stack) {
  return stack === undefined || stack < 0 || ownPositions[stack] < 0 ? none : stacks[stack][ownPositions[stack]];
}

/** `Client.read()  client.cpp:41`, in two texts. */
function whereText(stack) {
  const frame = ownFrame(stack);
  return frame < 0 ? ["", ""] : [frameName(frame), shortPlace(frame)];
}

/* Threads and tasks are two populations with the same columns, so that one list, one search and one drawing do for both. */

const executors = data.executors || [];

const threads = columns(data.threads, [
  "tid", "name", "state", "status", "activity", "wait", "reason", "truncated", "user", "system", "channel", "stack",
  "creator", "creatorName", "creatorStack", "waitsFor", "lock", "owner", "steady", "started",
]);
Object.assign(threads, {
  kind: "thread",
  noun: "thread",
  labels: data.threads.labels || {},
  id: threads.tid,
  group: column(data.threadGroup, threads.count),
  groups: data.groups || [],
});

const taskTable = data.tasks || { count: 0 };
const tasks = columns(taskTable, [
  "id", "address", "name", "state", "kind", "priority", "base", "cancelled", "parent", "wait", "detail", "awaited",
  "executor", "stack", "truncated", "tid", "doubt",
]);
Object.assign(tasks, {
  origin: tasks.kind,
  kind: "task",
  noun: "task",
  labels: {},
  group: column(data.taskGroup, tasks.count),
  groups: data.taskGroups || [],
});

for (const population of [threads, tasks]) {
  population.groups.forEach((group, index) => Object.assign(group, { population, index, members: [] }));
  for (let row = 0; row < population.count; row++) {
    const group = population.groups[population.group[row]];
    if (group) group.members.push(row);
  }
  for (const group of population.groups) if (group.stack === undefined) group.stack = none;
}

/** Groups whose stacks differ in lines or addresses alone, as one: `variants` are these groups, the largest first. */
threads.similar = similarGroups(threads, data.similar || []);
tasks.similar = similarGroups(tasks, data.similarTasks || []);

function similarGroups(population, table) {
  return table.map((group, index) => {
    const variants = group.of.map((number) => population.groups[number]);
    const members = variants.flatMap((variant) => variant.members).sort((a, b) => a - b);
    const similar = Object.assign(group, { population, index, variants, members });
    for (const variant of variants) variant.similar = similar;
    return similar;
  });
}

/** Whether it waits for work and for nothing else. */
const isIdle = (population, row) => (population.idle ? population.idle[row] === 1 : Boolean(population.groups[population.group[row]]?.idle));

/** The largest first; of as many, threads first. */
const bySize = (groups) => groups.sort((a, b) => b.members.length - a.members.length);
const allGroups = bySize([...threads.groups, ...tasks.groups]);
/** The same with one group for those that are similar. */
const groupsOfSimilar = bySize([...threads.similar, ...tasks.similar, ...allGroups.filter((group) => !group.similar)]);
const hasSimilar = groupsOfSimilar.length < allGroups.length;

/** Positions in the stack at which similar stacks differ, innermost first. */
function differingPositions(group) {
  group.differing ||= stacks[group.stack].map((_, at) => at).filter((at) => {
    const frame = stacks[group.stack][at];
    return group.variants.some(({ stack }) => !isShownAlike(frame, stacks[stack][at]));
  });
  return group.differing;
}

/** Whether two frames of one function read the same. */
function isShownAlike(a, b) {
  return a === b || (frames.file[a] === frames.file[b] && frames.line[a] === frames.line[b] && isInlined(a) === isInlined(b)
    && frames.module[a] === frames.module[b]);
}

/** `work()  work.cpp:43 ← run()  run.cpp:7`: what of a stack is its own among similar ones. */
function differenceText(variant) {
  const frames = differingPositions(variant.similar).slice(0, 2).map((at) => stacks[variant.stack][at]);
  return frames.map((frame) => `${frameName(frame)}${isInlined(frame) ? " (inlined)" : ""} ${shortPlace(frame)}`).join(" ← ");
}

/** `3 threads`, `1 task`, `5 threads and tasks` */
function countItems(number, populations) {
  const nouns = populations.filter((population) => population.count > 0).map((population) => population.noun);
  if (nouns.length === 1) return count(number, nouns[0]);
  return `${grouped(number)} threads and tasks`;
}

/** Row of a thread by its id; undefined for an id that no thread has. */
let threadRows;
function threadRow(tid) {
  threadRows ||= new Map(Array.from(threads.tid, (id, row) => [Number(id), row]));
  return threadRows.get(Number(tid));
}

let taskRows;
function taskRow(id) {
  taskRows ||= new Map(Array.from(tasks.id, (id, row) => [String(id), row]));
  return taskRows.get(String(id));
}

const nameOfThread = (row) => `thread ${threads.tid[row]}` + (threads.name[row] >= 0 ? ` "${text(threads.name[row])}"` : "");
const nameOfTask = (row) => `task ${tasks.id[row]}` + (tasks.name[row] >= 0 ? ` "${text(tasks.name[row])}"` : "");

/** What a task waits for, in words; "" for one that runs. */
function taskWait(row) {
  const wait = text(tasks.wait[row]);
  if (!wait) return text(tasks.state[row]) === "enqueued" ? "a thread" : "";
  if (wait === "task") {
    if (tasks.awaited[row] >= 0) return nameOfTask(tasks.awaited[row]);
    const foreign = (data.foreignAwaited || taskTable.foreignAwaited || {})[row];
    return foreign ? `task ${foreign}` : "another task";
  }
  if (wait === "group") return "its task group";
  if (wait === "actor" || wait === "main-actor") {
    return tasks.executor[row] >= 0 ? executors[tasks.executor[row]].text : "an actor";
  }
  return wait + (tasks.detail[row] >= 0 ? ` (${text(tasks.detail[row])})` : "");
}

/** Names without their last number: `worker-1` and `worker-22` are of one family. */
const families = new Map();
function familyOf(name) {
  if (name < 0) return "";
  let family = families.get(name);
  if (family === undefined) families.set(name, (family = strings[name].replace(/\d+$/, "*")));
  return family;
}

/** By module: the stacks that have a frame of it. */
const stacksOfModule = new Map();
function stacksWithModule(module) {
  let mask = stacksOfModule.get(module);
  if (!mask) {
    mask = Uint8Array.from(stacks, (stack) => (stack.some((frame) => frames.module[frame] === module) ? 1 : 0));
    stacksOfModule.set(module, mask);
  }
  return mask;
}
