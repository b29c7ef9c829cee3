/* All stacks in one drawing: a box for each way through the program, as wide as the number of threads on it. */

const boxHeight = 20;
/** Pixels of the narrowest box that is drawn. */
const narrowest = 0.7;

/** The tree of calls of some stacks with weights, as columns by number of the box; 0 is the root. */
class CallTree {
  /** `fromInnermost`: the root's children are what threads are in, else what they began with.

      With weights of before, `oldWeights`, a box is as wide as the larger of both, and knows both. */
  constructor(weightOfStack, fromInnermost, oldWeights) {
    const used = [];
    weightOfStack.forEach((weight, stack) => {
      const old = oldWeights ? oldWeights[stack] : 0;
      if (weight > 0 || old > 0) {
        const keys = stacks[stack].map((frame) => frameKey(frame));
        const order = fromInnermost ? stacks[stack] : [...stacks[stack]].reverse();
        if (!fromInnermost) keys.reverse();
        used.push({ keys, order, weight, old });
      }
    });
    used.sort((a, b) => compareKeys(a.keys, b.keys));
    this.frame = [none];
    this.parent = [none];
    this.depth = [0];
    this.weight = [0];
    this.children = [[]];
    this.oldWeight = oldWeights && [0];
    // Of stacks that end here.
    this.own = [0];
    this.oldOwn = [0];
    // Stacks in order: each shares its beginning with the one before.
    const path = [0];
    let before = [];
    for (const { keys, order, weight, old } of used) {
      let common = 0;
      while (common < keys.length && common < before.length && keys[common] === before[common]) common++;
      path.length = common + 1;
      for (let i = common; i < keys.length; i++) path.push(this.add(order[i], path[i]));
      for (const node of path) {
        this.weight[node] += weight;
        if (oldWeights) this.oldWeight[node] += old;
      }
      this.own[path[path.length - 1]] += weight;
      this.oldOwn[path[path.length - 1]] += old;
      before = keys;
    }
    this.width = this.weight;
    if (oldWeights) this.widen();
    this.place();
    this.maxDepth = this.depth.reduce((most, depth) => Math.max(most, depth), 0);
  }

  add(frame, parent) {
    const node = this.frame.length;
    this.frame.push(frame);
    this.parent.push(parent);
    this.depth.push(this.depth[parent] + 1);
    this.weight.push(0);
    this.own.push(0);
    this.oldOwn.push(0);
    if (this.oldWeight) this.oldWeight.push(0);
    this.children.push([]);
    this.children[parent].push(node);
    return node;
  }

  /** Room for what is gone and for what is new. */
  widen() {
    this.width = this.own.map((own, node) => Math.max(own, this.oldOwn[node]));
    // Boxes come after the one they are in.
    for (let node = this.width.length - 1; node > 0; node--) this.width[this.parent[node]] += this.width[node];
  }

  /** How many more there are than before; 0 where nothing is compared. */
  difference(node) {
    return this.oldWeight ? this.weight[node] - this.oldWeight[node] : 0;
  }

  /** Gives each box its place: the widest of its parent's first. */
  place() {
    this.x = new Float64Array(this.frame.length);
    this.rank = new Int32Array(this.frame.length);
    for (let node = 0; node < this.frame.length; node++) {
      const children = this.children[node];
      children.sort((a, b) => this.width[b] - this.width[a] || a - b);
      let x = this.x[node];
      children.forEach((child, rank) => {
        this.x[child] = x;
        this.rank[child] = rank;
        x += this.width[child];
      });
    }
  }

  isBelow(node, above) {
    while (node > above) node = this.parent[node];
    return node === above;
  }
}

function compareKeys(a, b) {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

/** Small numbers, equal for frames of the same function, whatever the line. */
let frameKeys;
function frameKey(frame) {
  if (!frameKeys) {
    const numbers = new Map();
    frameKeys = Int32Array.from({ length: frames.count }, (_, frame) => {
      const module = frames.module[frame] >= 0 ? modules[frames.module[frame]].name : "";
      const key = `${module}\n${frameName(frame)}`;
      if (!numbers.has(key)) numbers.set(key, numbers.size);
      return numbers.get(key);
    });
  }
  return frameKeys[frame];
}

// MARK: The view

function stacksView() {
  const hasBoth = threads.count > 0 && tasks.count > 0;
  const of = choice("Stacks of", [["threads", "Threads"], ["tasks", "Tasks"], ["both", "Both"]], "threads",
    (value) => go({ of: value, zoom: "" }));
  const direction = choice("Direction", [["", "Callers first"], ["in", "Called first"]], "",
    (value) => go({ dir: value, zoom: "" }));
  const form = choice("Form", [["", "Drawing"], ["table", "Functions"]], "", (value) => go({ mode: value }));
  const toolbar = new Toolbar([threads, tasks], [hasBoth && of.element, form.element, direction.element], { isCompared: diff !== undefined });
  const drawing = new Icicle();
  const table = new FunctionTable();
  const area = h("div", { class: "split one" });
  const element = h("div", { class: "view icicle-view" }, toolbar.element, drawing.readout, drawing.element, table.grid.element);
  let shownKey = null;
  return {
    element,
    show(filter) {
      toolbar.show(filter);
      const subject = !hasBoth ? (tasks.count ? "tasks" : "threads") : filter.of || "threads";
      of.set(subject);
      direction.set(filter.dir);
      form.set(filter.mode);
      const populations = [threads, tasks].filter((population) => subject === "both" || subject === `${population.noun}s`);
      const isTable = filter.mode === "table";
      drawing.element.hidden = isTable;
      drawing.readout.hidden = isTable;
      direction.element.hidden = isTable;
      table.grid.element.hidden = !isTable;
      const key = JSON.stringify([filterNames.map((name) => filter[name]), filter.group, subject, filter.dir, isTable]);
      if (key !== shownKey) {
        shownKey = key;
        const weights = weightsOf(populations, filter);
        if (isTable) table.setWeights(weights);
        else drawing.setTree(new CallTree(weights, filter.dir === "in", oldWeights(populations, filter)), populations);
      }
      if (isTable) setText(toolbar.result, table.search(filter.q));
      else setText(toolbar.result, drawing.search(filter.q, Number(filter.zoom) || 0));
    },
  };
}

/** How many of the threads and tasks that the menus let through have which stack. */
function weightsOf(populations, filter) {
  const weights = new Float64Array(stacks.length);
  for (const population of populations) {
    const mask = selectRows(population, filter, false);
    for (let row = 0; row < mask.length; row++) if (mask[row] && population.stack[row] >= 0) weights[population.stack[row]]++;
  }
  return weights;
}

/** `+40`, `−3`, "" */
const signed = (difference) => (difference === 0 ? "" : `${difference > 0 ? "+" : "−"}${grouped(Math.abs(difference))}`);

class Icicle {
  constructor() {
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.space = h("div");
    // What screen readers hear is an element for the box in focus; two take turns, so that each move is told.
    this.items = [0, 1].map((i) => h("div", { class: "hidden", role: "treeitem", id: `box-${i}` }));
    this.element = h("div", {
      class: "canvas-frame", tabindex: 0, role: "tree", "aria-label": "All stacks. Arrow keys move, Enter zooms in, Escape zooms out.",
      "aria-activedescendant": "box-0",
      onscroll: () => this.schedule(),
      onkeydown: (event) => this.key(event),
      onmousemove: (event) => this.point(event),
      onmouseleave: () => {
        this.hovered = none;
        this.schedule();
      },
      onclick: (event) => this.click(event),
    }, this.canvas, this.space, this.items);
    this.name = h("div", { class: "function" });
    this.share = h("div", { class: "share" });
    this.list = h("button", { type: "button", class: "button", onclick: () => this.listThreads() }, "List threads");
    this.out = h("button", { type: "button", class: "button", onclick: () => this.zoomOut() }, "Zoom out");
    this.readout = h("div", { class: "readout" }, h("div", null, this.name, this.share), h("div", null, this.out, " ", this.list));
    this.focused = 0;
    this.hovered = none;
    this.zoomed = 0;
    this.query = "";
    this.colors = new Map();
    new ResizeObserver(() => this.resize()).observe(this.element);
    themeListeners.push(() => {
      this.colors.clear();
      this.schedule();
    });
  }

  setTree(tree, populations) {
    this.tree = tree;
    this.populations = populations;
    this.focused = 0;
    this.hovered = none;
    this.query = null;
    this.element.scrollTop = 0;
  }

  /** Marks what was searched for, and says how much of all that is. */
  search(query, zoom) {
    if (query !== this.query) {
      this.query = query;
      this.match(query);
    }
    const { tree } = this;
    const target = zoom < tree.frame.length ? zoom : 0;
    if (target !== this.zoomed || !this.sized) {
      this.zoomed = target;
      if (!tree.isBelow(this.focused, target)) this.focused = target;
      this.resize();
    }
    this.tell();
    this.schedule();
    const all = tree.weight[0];
    const items = countItems(all, this.populations);
    return this.matched ? `${grouped(this.matchedWeight)} of ${items} match (${percent(this.matchedWeight, all)})` : items;
  }

  match(query) {
    const { tree } = this;
    const terms = parseQuery(query).filter((term) => !term.not && (!term.field || ["functions", "files", "modules"].includes(searchFields.get(term.field))));
    this.matched = null;
    this.matchedWeight = 0;
    if (!terms.length) return;
    const masks = terms.map((term) => matchingFrames(term.value, term.field && searchFields.get(term.field)));
    this.matched = new Uint8Array(tree.frame.length);
    // Boxes come after the one they are in: what is below a match is counted with it.
    const below = new Uint8Array(tree.frame.length);
    for (let node = 1; node < tree.frame.length; node++) {
      below[node] = below[tree.parent[node]];
      if (!masks.some((mask) => mask[tree.frame[node]])) continue;
      this.matched[node] = 1;
      if (!below[node]) this.matchedWeight += tree.weight[node];
      below[node] = 1;
    }
  }

  resize() {
    if (!this.tree || !this.element.clientWidth) return;
    this.sized = true;
    const width = this.element.clientWidth;
    const height = this.element.clientHeight;
    const scale = window.devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * scale) || this.canvas.height !== Math.round(height * scale)) {
      this.canvas.width = Math.round(width * scale);
      this.canvas.height = Math.round(height * scale);
      this.canvas.style.width = `${width}px`;
      this.canvas.style.height = `${height}px`;
    }
    const total = (this.tree.maxDepth + 1) * boxHeight + 8;
    this.space.style.height = `${Math.max(0, total - height)}px`;
    this.schedule();
  }

  schedule() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.draw();
    });
  }

  /** Where a box is on the canvas; above the one that is zoomed into boxes are as wide as everything. */
  box(node) {
    const { tree } = this;
    const width = this.element.clientWidth;
    const scale = width / (tree.width[this.zoomed] || 1);
    const y = tree.depth[node] * boxHeight - this.element.scrollTop;
    if (tree.isBelow(this.zoomed, node)) return [0, y, width];
    return [(tree.x[node] - tree.x[this.zoomed]) * scale, y, tree.width[node] * scale];
  }

  draw() {
    const { tree, element } = this;
    if (!tree || !element.clientWidth) return;
    const context = this.canvas.getContext("2d");
    const scale = window.devicePixelRatio || 1;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    const width = element.clientWidth;
    const height = element.clientHeight;
    const theme = this.theme();
    context.fillStyle = theme.bg;
    context.fillRect(0, 0, width, height);
    context.font = `12px ${theme.mono}`;
    context.textBaseline = "middle";
    this.letter ||= context.measureText("mmmmmmmmmm").width / 10;
    for (let node = this.zoomed; node >= 0; node = tree.parent[node]) this.paint(context, node, theme);
    const unit = width / (tree.width[this.zoomed] || 1);
    const open = [...tree.children[this.zoomed]];
    while (open.length) {
      const node = open.pop();
      const [, y, boxWidth] = this.box(node);
      if (y > height) continue;
      if (boxWidth < narrowest) continue;
      if (y > -boxHeight) this.paint(context, node, theme);
      const children = tree.children[node];
      // The widest comes first: where it is too narrow, the others are too, and a strip says that there are some.
      if (children.length && tree.width[children[0]] * unit < narrowest) this.paintStrip(context, node, unit, theme);
      else for (const child of children) open.push(child);
    }
    this.outline(context, this.focused, theme.accent, 2);
    if (this.hovered >= 0) this.outline(context, this.hovered, theme.text, 1);
  }

  paint(context, node, theme) {
    const [x, y, width] = this.box(node);
    const isFaded = this.matched && !this.matched[node];
    context.fillStyle = node === 0 ? theme.panel : this.matched && this.matched[node] ? theme.match : isFaded ? theme.faded : this.color(node, theme);
    context.fillRect(x, y, Math.max(width - (width > 3 ? 1 : 0), 0.5), boxHeight - 1);
    if (width < 22) return;
    const room = Math.floor((width - 8) / this.letter);
    const difference = signed(this.tree.difference(node));
    let label = node === 0 ? `all ${grouped(this.tree.weight[0])}` : frameName(this.tree.frame[node]);
    if (difference) label = `${difference} ${label}`;
    if (label.length > room) label = room > 2 ? label.slice(0, room - 1) + "…" : "";
    if (!label) return;
    context.fillStyle = this.matched && this.matched[node] ? theme.onMatch : theme.text;
    context.fillText(label, Math.max(x, 0) + 4, y + boxHeight / 2);
  }

  /** What is too narrow to be drawn. */
  paintStrip(context, node, unit, theme) {
    const [x, y] = this.box(node);
    const width = this.tree.children[node].reduce((sum, child) => sum + this.tree.width[child], 0) * unit;
    context.fillStyle = theme.strip;
    context.fillRect(x, y + boxHeight, Math.max(width - (width > 3 ? 1 : 0), 0.5), 5);
  }

  outline(context, node, color, thickness) {
    const [x, y, width] = this.box(node);
    context.strokeStyle = color;
    context.lineWidth = thickness;
    context.strokeRect(x + thickness / 2, y + thickness / 2, Math.max(width - 1 - thickness, 1), boxHeight - 1 - thickness);
  }

  theme() {
    if (this.colors.has("theme")) return this.colors.get("theme");
    const resolve = (name) => {
      this.probe().style.color = `var(${name})`;
      return getComputedStyle(this.probe()).color;
    };
    const isDark = getComputedStyle(document.documentElement).colorScheme === "dark"
      || (getComputedStyle(document.documentElement).colorScheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
    const theme = {
      isDark, bg: resolve("--bg"), panel: resolve("--panel"), text: resolve("--text"), accent: resolve("--accent"), strip: resolve("--control"),
      match: isDark ? "#b85c00" : "#ffb454", onMatch: isDark ? "#ffffff" : "#16191d", faded: isDark ? "#23292f" : "#eceef1",
      mono: getComputedStyle(document.documentElement).getPropertyValue("--mono"),
    };
    this.colors.set("theme", theme);
    return theme;
  }

  /** An element whose colour tells what a variable stands for. */
  probe() {
    if (!this.probed) {
      this.probed = h("span", { class: "hidden", "aria-hidden": "true" });
      this.element.append(this.probed);
    }
    return this.probed;
  }

  /** More or fewer than before: the stronger, the more of it is new or gone. */
  changeColor(node, theme) {
    const { tree } = this;
    const difference = tree.difference(node);
    if (difference === 0) return theme.faded;
    const share = Math.min(1, Math.abs(difference) / Math.max(tree.weight[node], tree.oldWeight[node]));
    const hue = difference > 0 ? 8 : 210;
    return theme.isDark ? `hsl(${hue} ${30 + 30 * share}% ${22 + 10 * share}%)` : `hsl(${hue} ${60 + 30 * share}% ${93 - 15 * share}%)`;
  }

  /** By module: the service's own in colours, the system's nearly grey. */
  color(node, theme) {
    if (this.tree.oldWeight) return this.changeColor(node, theme);
    const frame = this.tree.frame[node];
    const module = frames.module[frame];
    const key = module * 2 + (isSystem(frame) ? 1 : 0);
    let color = this.colors.get(key);
    if (!color) {
      let hue = 24;
      if (module >= 0) for (const letter of modules[module].name) hue = (hue * 31 + letter.codePointAt(0)) % 360;
      const saturation = isSystem(frame) ? 14 : 68;
      color = theme.isDark ? `hsl(${hue} ${saturation * 0.6}% 27%)` : `hsl(${hue} ${saturation}% 82%)`;
      this.colors.set(key, color);
    }
    return color;
  }

  // MARK: Moving about

  at(event) {
    const frame = this.element.getBoundingClientRect();
    const depth = Math.floor((event.clientY - frame.top + this.element.scrollTop) / boxHeight);
    const { tree } = this;
    if (depth <= tree.depth[this.zoomed]) {
      let node = this.zoomed;
      while (tree.depth[node] > depth) node = tree.parent[node];
      return node;
    }
    const x = tree.x[this.zoomed] + ((event.clientX - frame.left) / this.element.clientWidth) * tree.width[this.zoomed];
    let node = this.zoomed;
    while (node !== undefined && tree.depth[node] < depth) {
      node = tree.children[node].find((child) => x >= tree.x[child] && x < tree.x[child] + tree.width[child]);
    }
    return node ?? none;
  }

  point(event) {
    const node = this.at(event);
    if (node === this.hovered) return;
    this.hovered = node;
    this.tell();
    this.schedule();
  }

  click(event) {
    const node = this.at(event);
    if (node < 0) return;
    this.focused = node;
    go({ zoom: node === 0 ? "" : String(node) });
  }

  zoomOut() {
    const parent = this.tree.parent[this.zoomed];
    if (parent >= 0) go({ zoom: parent === 0 ? "" : String(parent) });
    this.element.focus();
  }

  key(event) {
    if (event.target !== this.element || event.ctrlKey || event.metaKey || event.altKey) return;
    const { tree } = this;
    const siblings = this.focused > 0 ? tree.children[tree.parent[this.focused]] : [0];
    const rank = tree.rank[this.focused];
    const to = {
      ArrowDown: tree.children[this.focused][0], ArrowUp: tree.parent[this.focused], ArrowRight: siblings[rank + 1],
      ArrowLeft: siblings[rank - 1], Home: this.zoomed,
    };
    if (event.key in to) {
      event.preventDefault();
      const node = to[event.key];
      if (node === undefined || node < 0) return;
      this.hovered = none;
      this.focused = node;
      // Out of what is zoomed into: zoom out with it.
      if (!tree.isBelow(node, this.zoomed)) return go({ zoom: tree.parent[this.zoomed] > 0 ? String(tree.parent[this.zoomed]) : "" });
      this.reveal();
      this.tell();
      return this.schedule();
    }
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      return go({ zoom: this.focused === 0 ? "" : String(this.focused) });
    }
    if (event.key === "Escape" && this.zoomed > 0) {
      event.preventDefault();
      this.zoomOut();
    }
  }

  reveal() {
    const top = this.tree.depth[this.focused] * boxHeight;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    const low = top + boxHeight + 4 - this.element.clientHeight;
    if (low > this.element.scrollTop) this.element.scrollTop = low;
  }

  /** The line above the drawing, and what screen readers hear. */
  tell() {
    const { tree } = this;
    const node = this.hovered >= 0 ? this.hovered : this.focused;
    const frame = tree.frame[node];
    const name = node === 0 ? "All stacks" : frameName(frame);
    const difference = signed(tree.difference(node));
    const before = tree.oldWeight ? ` · before: ${grouped(tree.oldWeight[node])}${difference && ` (${difference})`}` : "";
    const share = `${countItems(tree.weight[node], this.populations)}, ${percent(tree.weight[node], tree.weight[0])}${before}`;
    const place = node === 0 ? "" : [framePlace(frame), frames.module[frame] >= 0 && frames.file[frame] >= 0 ? modules[frames.module[frame]].name : ""].filter(Boolean).join(" · ");
    setText(this.name, name + (node > 0 && isInlined(frame) ? " (inlined)" : ""));
    setText(this.share, [share, place].filter(Boolean).join(" · "));
    this.out.disabled = this.zoomed === 0;
    this.list.disabled = node === 0;
    if (this.hovered >= 0) return;
    this.items.reverse();
    const [item, other] = this.items;
    item.setAttribute("aria-label", [name, share, place].filter(Boolean).join(", "));
    item.setAttribute("aria-level", tree.depth[node] + 1);
    item.setAttribute("aria-posinset", tree.rank[node] + 1);
    item.setAttribute("aria-setsize", node > 0 ? tree.children[tree.parent[node]].length : 1);
    item.setAttribute("aria-selected", String(node === this.zoomed));
    other.removeAttribute("aria-label");
    other.setAttribute("aria-hidden", "true");
    item.removeAttribute("aria-hidden");
    this.element.setAttribute("aria-activedescendant", item.id);
  }

  listThreads() {
    const name = frameName(this.tree.frame[this.focused]);
    const view = this.populations.includes(threads) ? "threads" : "tasks";
    go({ view, sel: "", sort: "", q: `fn:"${name}"`.replace(/"(.*)"(?=.)/, '"$1') });
  }
}

// MARK: Functions

/** The same as a table: how many have a function anywhere, and how many are in it. */
class FunctionTable {
  constructor() {
    const bar = (cell, value, all) => {
      if (!cell.firstChild) cell.append(h("div", { class: "weight" }, h("span", { class: "bar" }), h("span", { class: "value" })));
      cell.firstChild.children[0].hidden = value === 0;
      cell.firstChild.children[0].style.width = `${all ? (100 * value) / all : 0}%`;
      setText(cell.firstChild.children[1], grouped(value));
    };
    this.columns = [
      { id: "total", label: "On stacks", width: "110px", class: "number", descending: true, sort: (f) => f.total, fill: (cell, f) => bar(cell, f.total, this.all) },
      { id: "self", label: "Innermost", width: "110px", class: "number", descending: true, sort: (f) => f.self, fill: (cell, f) => bar(cell, f.self, this.all) },
      { id: "name", label: "Function", width: "minmax(0, 2fr)", class: "where", sort: (f) => f.name, fill: (cell, f) => setMarked(cell, f.name, this.needles) },
      { id: "place", label: "Place", width: "minmax(0, 1fr)", class: "wide soft", sort: (f) => f.place, fill: (cell, f) => setMarked(cell, f.place, this.needles) },
    ];
    this.grid = new Grid({
      label: "Functions", columns: this.columns, rowHeight: 32, onchoose: () => {},
      onopen: (f) => go({ view: state.of === "tasks" ? "tasks" : "threads", sel: "", sort: "", q: `fn:"${f.name.replaceAll('"', "")}"` }),
      onsort: (id) => {
        this.descending = this.sort === id ? !this.descending : Boolean(this.columns.find((column) => column.id === id).descending);
        this.sort = id;
        this.fill();
      },
    });
    this.sort = "total";
    this.descending = true;
    this.needles = [];
  }

  setWeights(weights) {
    const functions = new Map();
    this.all = 0;
    weights.forEach((weight, stack) => {
      if (!weight) return;
      this.all += weight;
      const seen = new Set();
      stacks[stack].forEach((frame, depth) => {
        const key = frameKey(frame);
        let f = functions.get(key);
        if (!f) functions.set(key, (f = { frame, name: frameName(frame), place: shortPlace(frame), total: 0, self: 0 }));
        if (depth === 0) f.self += weight;
        if (!seen.has(key)) f.total += weight;
        seen.add(key);
      });
    });
    this.functions = [...functions.values()];
    this.query = null;
  }

  search(query) {
    if (query !== this.query) {
      this.query = query;
      this.needles = needlesOf(query);
      this.fill();
    }
    return count(this.grid.rows.length, "function");
  }

  fill() {
    const masks = parseQuery(this.query || "").map((term) => [matchingFrames(term.value, term.field && searchFields.get(term.field)), term.not]);
    const rows = this.functions.filter((f) => masks.every(([mask, not]) => Boolean(mask[f.frame]) !== not));
    const column = this.columns.find((column) => column.id === this.sort);
    this.grid.showSort(this.sort, this.descending);
    this.grid.setRows(sortRows(rows, column.sort, this.descending), { empty: emptyText });
  }
}
