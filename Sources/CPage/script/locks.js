/* Who waits for whom: locks with the threads that hold them and those that wait, actors with their tasks. */

const locks = data.locks || [];

/** By number of the lock: rows of the threads that wait for it. */
const lockWaiters = locks.map(() => []);
for (let row = 0; row < threads.count; row++) if (threads.lock[row] >= 0) lockWaiters[threads.lock[row]].push(row);

/** Row of the thread that has to act before this one goes on; undefined where nobody knows. */
function blockerOf(row) {
  return threads.owner[row] >= 0 ? threadRow(threads.owner[row]) : undefined;
}

/** Threads that wait for each other in a circle: each circle once, as rows. */
function lockCircles() {
  const circles = [];
  const seen = new Map();
  for (let start = 0; start < threads.count; start++) {
    const path = [];
    let row = start;
    while (row !== undefined && !seen.has(row)) {
      seen.set(row, start);
      path.push(row);
      row = blockerOf(row);
    }
    if (row !== undefined && seen.get(row) === start) circles.push(path.slice(path.indexOf(row)));
  }
  return circles;
}

/** Who waits is named up to here. */
const mostWaiters = 50;

/** By number of the executor: rows of the tasks that wait for their turn on it. */
function executorWaiters() {
  const waiters = executors.map(() => []);
  for (let row = 0; row < tasks.count; row++) {
    const wait = text(tasks.wait[row]);
    if (tasks.executor[row] >= 0 && (wait === "actor" || wait === "main-actor")) waiters[tasks.executor[row]].push(row);
  }
  return waiters;
}

/** What is held and waited for, as the view writes it. */
function heldThings() {
  const inCircle = new Set(lockCircles().flat());
  const ofExecutor = executorWaiters();
  const things = locks.map((lock, index) => ({
    text: lock.kind === "join" ? "the end of a thread" : lock.text, detail: lock.address, noun: "thread",
    owner: lock.owner !== undefined ? threadLink(lock.owner) : lock.readers > 0 ? count(lock.readers, "reader") : null,
    verb: lock.kind === "join" ? "that is " : "held by ",
    waiters: () => lockWaiters[index].slice(0, mostWaiters).map((row) => itemLink(keyOfThread(row), nameOfThread(row))),
    count: lockWaiters[index].length,
    circle: lockWaiters[index].some((row) => inCircle.has(row)),
  }));
  executors.forEach((executor, index) => {
    const waiting = ofExecutor[index];
    if (!waiting.length && executor.task === undefined && executor.tid === undefined) return;
    things.push({
      text: executor.text, detail: executor.address, note: executor.unknown && `type unknown: ${executor.unknown}`, verb: "held by ",
      owner: executor.task !== undefined ? taskLink(executor.task) : executor.tid !== undefined ? threadLink(executor.tid) : null,
      on: executor.task !== undefined && executor.tid !== undefined ? threadLink(executor.tid) : null,
      waiters: () => waiting.slice(0, mostWaiters).map(taskRowLink), count: waiting.length, noun: "task",
    });
  });
  return things.sort((a, b) => (b.circle ? 1 : 0) - (a.circle ? 1 : 0) || b.count - a.count);
}

function hasHeldThings() {
  return executors.length > 0 || locks.length > 0;
}

function locksView() {
  return pageView(() => {
    const things = heldThings();
    return [
      lockCircles().map(circleSection),
      lockDrawing(),
      h("h2", null, "Held and waited for"),
      things.length === 0 && h("p", { class: "soft" }, "Nobody waits for anybody here."),
      things.slice(0, 200).map(thingSection),
      things.length > 200 && h("p", { class: "soft" }, `${grouped(things.length - 200)} more that fewer wait for.`),
    ];
  });
}

function thingSection(thing) {
  return h("section", { class: thing.circle ? "lock circle" : "lock" },
    h("h3", null, thing.text, " ", h("code", { class: "soft" }, thing.detail),
      thing.circle && [" ", h("span", { class: "badge alarm" }, "in a circle")]),
    thing.note && h("p", { class: "doubt" }, thing.note),
    h("p", null, thing.owner ? [thing.verb, thing.owner, thing.on && [" on ", thing.on]] : h("span", { class: "soft" }, "held by nobody known"),
      thing.count > 0 ? `, ${count(thing.count, thing.noun)} ${thing.count === 1 ? "waits" : "wait"}:` : ""),
    thing.count > 0 && h("ul", { "aria-label": `Waiting for ${thing.text}` },
      thing.waiters().map((waiter) => h("li", null, waiter)),
      thing.count > mostWaiters && h("li", { class: "soft" }, `${grouped(thing.count - mostWaiters)} more`)));
}

/** A circle, as what each waits for. */
function circleSection(circle) {
  const isCertain = circle.every((row) => threads.steady[row] === 1);
  return h("section", { class: "lock circle" },
    h("h3", null, circle.length === 1 ? "A thread waits for itself" : `${circle.length} threads wait for each other`),
    !isCertain && h("p", { class: "doubt" }, "This may be over by itself: one of the threads gives up after some time, or may have gone on since its lock was read."),
    h("ul", null, circle.map((row) => h("li", null, itemLink(keyOfThread(row), nameOfThread(row)), ` waits for ${text(threads.waitsFor[row]) || "it"}`))));
}

// MARK: The drawing

const nodeWidth = 164;
/** Room for arrows between two layers. */
const layerGap = 56;
const nodeHeight = 34;

/** Boxes of a drawing that can be taken in at one look. */
const mostNodes = 60;

/** Who waits for what from right to left: a lock points at its owner, those who wait point at the lock. */
function lockDrawing() {
  const wanted = locks.map((_, index) => index).filter((index) => locks[index].owner !== undefined && threadRow(locks[index].owner) !== undefined);
  if (!wanted.length) return false;
  const inCircle = new Set(lockCircles().flat());
  const nodes = new Map();
  const edges = [];
  const node = (key, make) => {
    if (!nodes.has(key)) nodes.set(key, { key, ...make() });
    return nodes.get(key);
  };
  const threadNode = (row) => node(`t${row}`, () => ({ label: text(threads.name[row]) || "thread", small: `thread ${threads.tid[row]}`, row, circle: inCircle.has(row) }));
  const holders = new Set(wanted.map((index) => threadRow(locks[index].owner)));
  for (const index of wanted) {
    if (nodes.size > mostNodes) break;
    const lock = locks[index];
    const waiters = lockWaiters[index];
    const isCircle = waiters.some((row) => inCircle.has(row));
    const isJoin = lock.kind === "join";
    const lockNode = node(`l${index}`, () => ({ label: isJoin ? "end of thread" : lock.short || lock.kind || "lock", small: isJoin ? `${lock.owner}` : lock.address, lock: true, circle: isCircle }));
    edges.push([lockNode, threadNode(threadRow(lock.owner)), isCircle]);
    // Those that hold something themselves are drawn one by one, the others as one box.
    const alone = waiters.filter((row) => holders.has(row));
    const others = waiters.filter((row) => !holders.has(row));
    for (const row of alone) edges.push([threadNode(row), lockNode, inCircle.has(row)]);
    if (others.length === 1) edges.push([threadNode(others[0]), lockNode, false]);
    else if (others.length > 1) edges.push([node(`w${index}`, () => ({ label: count(others.length, "thread"), small: "wait" })), lockNode, false]);
  }
  return [h("h2", null, "Who waits for whom"), h("div", { class: "drawing", tabindex: 0, role: "group", "aria-label": "Drawing of locks" }, drawGraph([...nodes.values()], edges))];
}

/** In layers: what waits for nothing is in the first one. */
function drawGraph(nodes, edges) {
  const targets = new Map(nodes.map((node) => [node, []]));
  for (const [from, to] of edges) targets.get(from).push(to);
  const open = new Set();
  const layerOf = (node) => {
    if (node.layer !== undefined) return node.layer;
    // A circle is cut where it was entered.
    if (open.has(node)) return -1;
    open.add(node);
    const layer = 1 + Math.max(-1, ...targets.get(node).map(layerOf));
    open.delete(node);
    return (node.layer = layer);
  };
  nodes.forEach(layerOf);
  const layers = [];
  for (const node of nodes) (layers[node.layer] ||= []).push(node);
  layers.forEach((layer, index) => layer.forEach((node, rank) => {
    node.x = 16 + index * (nodeWidth + layerGap);
    node.y = 16 + rank * (nodeHeight + 18);
  }));
  const width = 32 + layers.length * (nodeWidth + layerGap) - layerGap;
  const height = 32 + Math.max(...layers.map((layer) => layer.length)) * (nodeHeight + 18) + 24;
  const shorten = (label) => (label.length > 21 ? label.slice(0, 20) + "…" : label);
  return svg("svg", {
    width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `${count(edges.length, "arrow")} from those that wait to what they wait for; the lists around this drawing say the same`,
  },
    edges.map(([from, to, isCircle]) => edge(from, to, isCircle)),
    nodes.map((node) => svg("g", {},
      svg("rect", { x: node.x, y: node.y, width: nodeWidth, height: nodeHeight, rx: node.lock ? 17 : 5, class: `${node.lock ? "lock-node" : ""}${node.circle ? " circle" : ""}` }),
      svg("text", { x: node.x + 12, y: node.y + 15 }, shorten(node.label)),
      svg("text", { x: node.x + 12, y: node.y + 28, class: "faint" }, shorten(node.small)))));
}

function edge(from, to, isCircle) {
  const style = isCircle ? "circle" : "";
  const [x1, y1] = [from.x, from.y + nodeHeight / 2];
  const [x2, y2] = [to.x + nodeWidth + 8, to.y + nodeHeight / 2];
  // Back over the boxes where a circle closes.
  const isBack = from.x <= to.x;
  const path = isBack
    ? `M${from.x + nodeWidth / 2} ${from.y + nodeHeight} C${from.x + nodeWidth / 2} ${from.y + nodeHeight + 46} ${to.x + nodeWidth / 2} ${to.y + nodeHeight + 46} ${to.x + nodeWidth / 2} ${to.y + nodeHeight + 8}`
    : `M${x1} ${y1} C${x1 - 26} ${y1} ${x2 + 26} ${y2} ${x2} ${y2}`;
  const tip = isBack ? [to.x + nodeWidth / 2, to.y + nodeHeight] : [to.x + nodeWidth, y2];
  const head = isBack
    ? `M${tip[0]} ${tip[1]} l-5 9 l10 0 Z`
    : `M${tip[0]} ${tip[1]} l9 -5 l0 10 Z`;
  return [svg("path", { d: path, class: style }), svg("path", { d: head, class: `head ${style}` })];
}
