/* Threads and tasks: a search, menus, a list, and beside it the detail of what was chosen. */

/** The filter of an address without one. */
const noFilters = { q: "", state: "", wait: "", name: "", module: "", label: "", idle: "", group: "", sort: "", zoom: "" };
const filterNames = ["state", "wait", "name", "module", "label", "idle"];

/** Counts how many of the populations have which value, in the first report of a comparison too, the most frequent first. */
function tally(populations, valuesOf) {
  const counts = new Map();
  for (const population of populations) {
    for (let row = 0; row < population.count; row++) {
      for (const value of valuesOf(population, row)) if (value) counts.set(value, (counts.get(value) || 0) + (population.number ? population.number[row] : 1));
    }
  }
  return counts;
}

function moduleTally(populations) {
  const weights = new Float64Array(stacks.length);
  for (const population of populations) {
    for (let row = 0; row < population.count; row++) {
      if (population.stack[row] >= 0) weights[population.stack[row]] += population.number ? population.number[row] : 1;
    }
  }
  const counts = new Float64Array(modules.length);
  stacks.forEach((stack, index) => {
    if (weights[index] === 0) return;
    for (const module of new Set(stack.map((frame) => frames.module[frame]))) if (module >= 0) counts[module] += weights[index];
  });
  return new Map(modules.map((module, index) => [text(module.path), counts[index]]).filter(([, number]) => number > 0));
}

/** What a menu offers: values and how many have them, `12`, or `10 → 12` where reports are compared. */
function menuEntries(now, old) {
  const values = [...new Set([...now.keys(), ...(old ? old.keys() : [])])];
  const most = (value) => Math.max(now.get(value) || 0, old?.get(value) || 0);
  values.sort((a, b) => most(b) - most(a) || (a < b ? -1 : 1));
  return values.map((value) => {
    const [first, last] = [old?.get(value) || 0, now.get(value) || 0];
    return [value, old && first !== last ? seriesText([first, last]) : grouped(last)];
  });
}

function labelTexts(population, row) {
  const labels = population.labels[row];
  if (!labels) return [];
  return Array.from({ length: labels.length / 2 }, (_, i) => `${strings[labels[2 * i]]}=${strings[labels[2 * i + 1]]}`);
}

/** Values that a menu has at most; what is rarer the search finds. */
const menuLength = 200;

/** The search and the menus above a list. */
class Toolbar {
  /** `isCompared`: the menus filter the first report of a comparison too. */
  constructor(populations, extra = [], { isCompared = false } = {}) {
    // The attribute is HTML's name for the hint in an empty field.
    this.search = h("input", {
      type: "search", "aria-label": "Search", placeholder: "Search functions, files, names, ids…  ( / )", spellcheck: "false",
      autocomplete: "off",
      oninput: () => go({ q: this.search.value }, { replace: true }),
      onkeydown: (event) => {
        if (event.key === "Escape" && this.search.value) {
          event.preventDefault();
          event.stopPropagation();
          go({ q: "" }, { replace: true });
        }
      },
    });
    this.result = h("span", { class: "result", role: "status" });
    this.menus = {};
    const old = isCompared ? populations.map((population) => before.get(population)) : undefined;
    const menu = (name, label, count) => {
      const entries = menuEntries(count(populations), old && count(old));
      if (entries.length < (name === "module" || name === "label" ? 1 : 2)) return false;
      const select = h("select", { "aria-label": label, onchange: () => go({ [name]: select.value, zoom: "" }) },
        h("option", { value: "" }, label),
        entries.slice(0, menuLength).map(([value, number]) =>
          h("option", { value }, `${name === "module" ? fileName(value) : value} (${number})`)));
      this.menus[name] = select;
      return select;
    };
    const values = (valuesOf) => (populations) => tally(populations, valuesOf);
    const filters = h("div", { class: "filters", id: `filters-${++gridNumber}` },
      menu("state", "Any state", values((population, row) => [text(population.state[row])])),
      menu("wait", "Any wait", values((population, row) => [text(population.wait[row])])),
      menu("name", "Any name", values((population, row) => [familyOf(population.name[row])])),
      menu("module", "Any module", moduleTally),
      menu("label", "Any label", values(labelTexts)),
      menu("idle", "Busy and idle", values((population, row) => [isIdle(population, row) ? "idle" : "busy"])));
    const more = h("button", {
      type: "button", class: "button filters-button", "aria-expanded": "false", "aria-controls": filters.id,
      onclick: () => more.setAttribute("aria-expanded", String(filters.classList.toggle("shown"))),
    }, "Filters");
    this.clear = h("button", { type: "button", class: "button quiet", onclick: () => go({ ...noFilters }) }, "Clear");
    this.element = h("div", { class: "toolbar" }, h("div", { class: "search", role: "search" }, this.search),
      Object.keys(this.menus).length > 0 && more, filters, extra, this.clear, this.result);
  }

  show(filter) {
    if (this.search.value !== filter.q) this.search.value = filter.q;
    for (const [name, select] of Object.entries(this.menus)) {
      if (filter[name] && ![...select.options].some((option) => option.value === filter[name])) {
        select.append(h("option", { value: filter[name] }, filter[name]));
      }
      select.value = filter[name];
      select.classList.toggle("set", filter[name] !== "");
    }
    this.clear.hidden = !Object.keys(noFilters).some((name) => name !== "sort" && filter[name]);
  }
}

/** A list with a toolbar above and a detail beside it. */
class ListView {
  constructor({ label, columns, rowHeight, populations, extra, tree, keyOf, rowOf }) {
    this.columns = columns;
    this.keyOf = keyOf;
    this.rowOf = rowOf;
    this.toolbar = new Toolbar(populations, extra);
    this.grid = new Grid({
      label, columns, rowHeight, tree,
      onchoose: (row) => go({ sel: keyOf(row) }, { replace: true }),
      onopen: (row) => {
        go({ sel: keyOf(row) });
        this.focusDetail = this.grid.narrow.matches;
        if (this.focusDetail) this.detail.querySelector("h2")?.focus();
      },
      onsort: (id) => this.sortBy(id),
    });
    this.panel = h("div");
    this.detail = h("aside", { class: "detail", tabindex: 0, "aria-label": "Detail", onkeydown: (event) => {
      if (event.key === "Escape") this.close();
    } },
      h("button", { type: "button", class: "button back", onclick: () => this.close() }, "← Back to the list"), this.panel);
    this.split = h("div", { class: "split" }, this.grid.element, this.detail);
    this.element = h("div", { class: "view list-view" }, this.toolbar.element, this.split);
    this.shownKey = null;
  }

  close() {
    if (this.grid.narrow.matches) go({ sel: "" });
    this.grid.element.focus();
  }

  sortBy(id) {
    const [current, direction] = state.sort.split(".");
    const column = this.columns.find((column) => column.id === id);
    // First in the order that tells most: numbers from the largest on.
    const first = column.descending ? "down" : "up";
    const other = first === "down" ? "up" : "down";
    go({ sort: current === id && direction === first ? `${id}.${other}` : `${id}.${first}` }, { replace: true });
  }

  sorted(rows, sort) {
    const [id, direction] = (sort || "").split(".");
    const column = this.columns.find((column) => column.id === id && column.sort);
    this.grid.showSort(column && id, direction === "down");
    return column ? sortRows(rows, column.sort, direction === "down") : rows;
  }

  /** The rows of the filter; views say how they are chosen and what is said of how many there are. */
  show(filter) {
    this.toolbar.show(filter);
    this.needles = needlesOf(filter.q);
    const key = JSON.stringify([...filterNames.map((name) => filter[name]), filter.q, filter.group, filter.sort, filter.mode, filter.alike]);
    if (key !== this.shownKey) {
      const isFirst = this.shownKey === null;
      this.shownKey = key;
      const { rows, result, empty } = this.choose(filter);
      this.grid.setRows(this.sorted(rows, filter.sort), { empty });
      setText(this.toolbar.result, result);
      if (isFirst) this.grid.schedule();
    }
    this.showDetail(filter.sel);
  }

  showDetail(sel) {
    const item = itemOf(sel);
    const row = item ? this.rowOf(item) : undefined;
    this.split.classList.toggle("open", item !== undefined);
    if (this.grid.selected !== (row ?? null)) this.grid.select(row ?? null);
    const shown = `${sel} ${this.needles.join("\n")}`;
    if (this.shownDetail === shown) return;
    const isOther = (this.shownDetail || "").split(" ")[0] !== sel;
    this.shownDetail = shown;
    replaceChildren(this.panel, ...(sel && !item ? [h("p", { class: "notice" }, "This report has no such thread, task or group.")] : detailOf(item, this.needles)));
    if (isOther) this.detail.scrollTop = 0;
  }
}

/** Rows in the order of a value: numbers, or texts in which numbers count as such. */
function sortRows(rows, valueOf, descending) {
  const values = new Map();
  const key = (value) => (typeof value === "string" ? value.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(15, "0")) : value);
  const keys = rows.map((row) => {
    const value = valueOf(row);
    if (typeof value !== "string") return value;
    let known = values.get(value);
    if (known === undefined) values.set(value, (known = key(value)));
    return known;
  });
  const order = rows.map((_, index) => index);
  const sign = descending ? -1 : 1;
  order.sort((a, b) => (keys[a] < keys[b] ? -sign : keys[a] > keys[b] ? sign : a - b));
  return order.map((index) => rows[index]);
}

const emptyText = "Nothing matches. Clear the search or a filter to see more.";

function cellOf(fill) {
  return (cell, row) => fill(cell, row);
}

/** Two lines in a cell: a function with its place, and what else there is to say. */
function fillTwo(cell, first, place, second, needles) {
  if (!cell.firstChild) {
    cell.append(h("div", { class: "where" }, h("span"), " ", h("span", { class: "soft" })), h("div", { class: "soft" }));
  }
  const [top, bottom] = cell.children;
  const [name, where] = top.querySelectorAll(":scope > :not(.twist)");
  setMarked(name, first, needles);
  setMarked(where, place, needles);
  setMarked(bottom, second, needles);
}

// MARK: Threads

function threadsView() {
  const hasTimes = Array.prototype.some.call(threads.user, (time) => time >= 0);
  const time = (row) => Math.max(threads.user[row], 0) + Math.max(threads.system[row], 0);
  const columns = [
    {
      id: "tid", label: "Thread", width: "84px", class: "number", sort: (row) => Number(threads.tid[row]),
      fill: cellOf((cell, row) => setMarked(cell, String(threads.tid[row]), view.needles)),
    },
    {
      id: "name", label: "Name", width: "minmax(80px, 130px)", sort: (row) => text(threads.name[row]),
      fill: cellOf((cell, row) => setMarked(cell, text(threads.name[row]), view.needles)),
    },
    {
      id: "activity", label: "Does", width: "minmax(90px, 1fr)", class: "wide", sort: (row) => text(threads.activity[row]),
      fill: cellOf((cell, row) => setMarked(cell, text(threads.activity[row]), view.needles)),
    },
    {
      id: "age", label: "Age", width: "58px", class: "number wide", descending: true, sort: (row) => -(Number(threads.started[row]) || Infinity),
      fill: cellOf((cell, row) => setText(cell, threads.started[row] > 0 && data.capture.time ? age(Math.max(0, data.capture.time - threads.started[row])).replace(/^(\S+ \S+) .*/, "$1") : "")),
    },
    {
      id: "where", label: "Where", width: "minmax(0, 1.6fr)", class: "where", sort: (row) => whereText(threads.stack[row])[0],
      fill: cellOf((cell, row) => fillWhere(cell, threads.stack[row], view.needles)),
    },
  ];
  if (hasTimes) {
    columns.push({
      id: "cpu", label: "CPU", width: "74px", class: "number wide", descending: true, sort: time,
      fill: cellOf((cell, row) => setText(cell, threads.user[row] >= 0 ? seconds(time(row)) : "")),
    });
  }
  if (!Array.prototype.some.call(threads.started, (time) => time > 0)) columns.splice(columns.findIndex(({ id }) => id === "age"), 1);
  const view = new ListView({
    label: "Threads", columns, rowHeight: 32, populations: [threads], keyOf: keyOfThread,
    rowOf: (item) => (item.population === threads ? item.row : undefined),
  });
  view.choose = (filter) => chooseRows(threads, filter);
  return view;
}

/** The function and its place in one line. */
function fillWhere(cell, stack, needles) {
  if (!cell.firstChild) cell.append(h("span"), " ", h("span", { class: "soft" }));
  const [where, place] = whereText(stack);
  setMarked(cell.children[0], where, needles);
  setMarked(cell.children[1], place, needles);
}

function chooseRows(population, filter) {
  const mask = selectRows(population, filter);
  const group = filter.group && itemOf(filter.group)?.group;
  let rows = rowsOf(mask);
  if (group && group.population === population) {
    const wanted = new Set((group.variants || [group]).map(({ index }) => index));
    rows = rows.filter((row) => wanted.has(population.group[row]));
  }
  const all = rows.length === population.count;
  return {
    rows, empty: emptyText,
    result: all ? count(rows.length, population.noun) : `${grouped(rows.length)} of ${count(population.count, population.noun)}`,
  };
}

// MARK: Tasks

function tasksView() {
  const mode = choice("Order of tasks", [["", "List"], ["tree", "Tree"]], "", (value) => go({ mode: value }));
  const hasParents = Array.prototype.some.call(tasks.parent, (parent) => parent >= 0);
  const tree = new TaskTree(() => view.show({ ...state, redraw: true }));
  const columns = [
    {
      id: "id", label: "Task", width: hasParents ? "112px" : "84px", sort: (row) => Number(tasks.id[row]),
      fill: cellOf((cell, row) => tree.fillName(cell, row, view.needles)),
    },
    {
      id: "name", label: "Name", width: "minmax(60px, 130px)", sort: (row) => text(tasks.name[row]),
      fill: cellOf((cell, row) => setMarked(cell, text(tasks.name[row]), view.needles)),
    },
    {
      id: "state", label: "State", width: "92px", class: "wide", sort: (row) => text(tasks.state[row]),
      fill: cellOf((cell, row) => setText(cell, text(tasks.state[row]) + (tasks.cancelled[row] ? ", cancelled" : ""))),
    },
    {
      id: "wait", label: "Waits for", width: "minmax(80px, 1fr)", class: "wide", sort: taskWait,
      fill: cellOf((cell, row) => setMarked(cell, taskWait(row), view.needles)),
    },
    {
      id: "where", label: "Where", width: "minmax(0, 1.6fr)", class: "where", sort: (row) => whereText(tasks.stack[row])[0],
      fill: cellOf((cell, row) => fillWhere(cell, tasks.stack[row], view.needles)),
    },
  ];
  const view = new ListView({
    label: "Tasks", columns, rowHeight: 32, populations: [tasks], keyOf: keyOfTask, extra: hasParents ? [mode.element] : [],
    tree, rowOf: (item) => (item.population === tasks ? item.row : undefined),
  });
  view.choose = (filter) => {
    mode.set(filter.mode);
    const chosen = chooseRows(tasks, filter);
    tree.shows = filter.mode === "tree";
    return tree.shows ? { ...chosen, rows: tree.rows(chosen.rows, filter) } : chosen;
  };
  const sorted = view.sorted;
  // A tree has its own order.
  view.sorted = (rows, sort) => sorted.call(view, rows, tree.shows ? "" : sort);
  const show = view.show;
  view.show = (filter) => {
    if (filter.redraw) {
      view.grid.setRows(view.choose(filter).rows, { keep: true });
      return view.grid.draw();
    }
    show.call(view, filter);
  };
  return view;
}
