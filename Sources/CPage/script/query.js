/* Search and filters: which threads and tasks of the report are wanted.

   A text is compared with each distinct string once, then with frames, then with stacks, and only then with rows: a
   keystroke costs the same whether a stack is that of one thread or of ten thousand. */

/** `worker state:running -epoll "std::vector<int, A>"` as a list of terms, all of which must hold. */
function parseQuery(query) {
  const terms = [];
  const pattern = /(-?)(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))/giy;
  let at = 0;
  for (;;) {
    while (query[at] === " ") at++;
    pattern.lastIndex = at;
    const match = pattern.exec(query);
    if (!match) break;
    at = pattern.lastIndex;
    let [whole, minus, field, quoted, word] = match;
    field = field && field.toLowerCase();
    let value = quoted !== undefined ? quoted : word;
    if (field && !searchFields.has(field)) {
      // `std::sort`, `http://…`: no field of ours.
      value = `${field}:${value}`;
      if (quoted === undefined) value = whole.slice(minus.length);
      field = undefined;
    }
    if (value) terms.push({ not: minus === "-", field, value: value.toLowerCase() });
  }
  return terms;
}

const searchFields = new Map([
  ["fn", "functions"], ["function", "functions"], ["file", "files"], ["module", "modules"], ["name", "name"],
  ["state", "state"], ["wait", "wait"], ["label", "labels"], ["id", "id"], ["tid", "id"], ["task", "id"],
]);

/** What of a query can be seen in texts, to be marked there. */
function needlesOf(query) {
  return parseQuery(query).filter((term) => !term.not).map((term) => term.value);
}

let lowerStrings;
const recent = new Map();

/** Keeps the last answers: of a query's terms only the one that is being typed changes. */
function remembered(key, make) {
  let value = recent.get(key);
  if (value === undefined) {
    value = make();
    if (recent.size >= 24) recent.delete(recent.keys().next().value);
  } else {
    recent.delete(key);
  }
  recent.set(key, value);
  return value;
}

/** The first search needs all texts in lower case; made while nobody waits for it. */
function prepareSearch() {
  lowerStrings ||= strings.map((string) => string.toLowerCase());
}

function matchingStrings(needle) {
  return remembered(`s${needle}`, () => {
    prepareSearch();
    const mask = new Uint8Array(lowerStrings.length);
    for (let i = 0; i < mask.length; i++) if (lowerStrings[i].includes(needle)) mask[i] = 1;
    return mask;
  });
}

/** Frames in which the needle stands: in the function, the file, the module, or in any of them. */
function matchingFrames(needle, field) {
  return remembered(`f${field}:${needle}`, () => {
    const found = matchingStrings(needle);
    const inModule = modules.map((module) => found[module.path]);
    const mask = new Uint8Array(frames.count);
    const all = field === undefined;
    for (let i = 0; i < mask.length; i++) {
      if (all || field === "functions") {
        if (frames.name[i] >= 0 ? found[frames.name[i]] : frameName(i).includes(needle)) mask[i] = 1;
        else if (frames.full[i] >= 0 && found[frames.full[i]]) mask[i] = 1;
        else if (frames.linkage[i] >= 0 && found[frames.linkage[i]]) mask[i] = 1;
      }
      if ((all || field === "files") && frames.file[i] >= 0 && found[frames.file[i]]) mask[i] = 1;
      if ((all || field === "modules") && frames.module[i] >= 0 && inModule[frames.module[i]]) mask[i] = 1;
    }
    return mask;
  });
}

function matchingStacks(needle, field) {
  return remembered(`k${field}:${needle}`, () => {
    const wanted = matchingFrames(needle, field);
    const mask = new Uint8Array(stacks.length);
    for (let i = 0; i < mask.length; i++) {
      const stack = stacks[i];
      for (let j = 0; j < stack.length; j++) {
        if (wanted[stack[j]]) {
          mask[i] = 1;
          break;
        }
      }
    }
    return mask;
  });
}

/** Clears in `mask` the rows for which a term does not hold. */
function applyTerm(population, term, mask) {
  const field = term.field && searchFields.get(term.field);
  const found = matchingStrings(term.value);
  const isOfStack = !field || field === "functions" || field === "files" || field === "modules";
  const inStack = isOfStack ? matchingStacks(term.value, field) : null;
  const columnsOfField = {
    name: [population.name], state: [population.state, population.status], wait: [population.wait, population.detail, population.waitsFor],
  };
  const searched = (
    field ? columnsOfField[field] || [] : [
      population.name, population.state, population.wait, population.activity, population.detail, population.reason, population.waitsFor,
      population.priority, population.doubt,
    ]
  ).filter(hasValues);
  const digits = (!field || field === "id") && /^\d+$/.test(term.value) ? term.value : null;
  const labels = !field || field === "labels" ? labelsMatching(population, term.value) : null;
  for (let row = 0; row < mask.length; row++) {
    if (!mask[row]) continue;
    let holds = inStack !== null && population.stack[row] >= 0 && inStack[population.stack[row]] === 1;
    for (let i = 0; i < searched.length && !holds; i++) {
      const number = searched[i][row];
      holds = number >= 0 && found[number] === 1;
    }
    if (!holds && digits) holds = field ? String(population.id[row]) === digits : String(population.id[row]).includes(digits);
    if (!holds && labels) holds = labels.has(row);
    if (holds === term.not) mask[row] = 0;
  }
}

/** Columns of which there is something to be found in. */
const valueColumns = new Map();
function hasValues(column) {
  if (!column) return false;
  if (!valueColumns.has(column)) valueColumns.set(column, column.some((number) => number >= 0));
  return valueColumns.get(column);
}

function labelsMatching(population, needle) {
  const rows = new Set();
  for (const [row, labels] of Object.entries(population.labels)) {
    for (let i = 0; i < labels.length; i += 2) {
      if (`${strings[labels[i]]}=${strings[labels[i + 1]]}`.toLowerCase().includes(needle)) rows.add(Number(row));
    }
  }
  return rows;
}

/** Rows that the menus let through, and, with `withSearch`, in which everything searched for is found: a byte a row. */
function selectRows(population, filter, withSearch = true) {
  const mask = new Uint8Array(population.count).fill(1);
  const keep = (holds) => {
    for (let row = 0; row < mask.length; row++) if (mask[row] && !holds(row)) mask[row] = 0;
  };
  if (filter.state) keep((row) => text(population.state[row]) === filter.state);
  if (filter.wait) keep((row) => text(population.wait[row]) === filter.wait);
  if (filter.name) keep((row) => familyOf(population.name[row]) === filter.name);
  if (filter.module) {
    const module = modules.findIndex((module) => text(module.path) === filter.module);
    const inModule = stacksWithModule(module);
    keep((row) => population.stack[row] >= 0 && inModule[population.stack[row]] === 1);
  }
  if (filter.idle) keep((row) => isIdle(population, row) === (filter.idle === "idle"));
  if (filter.label) {
    keep((row) => {
      const labels = population.labels[row] || [];
      for (let i = 0; i < labels.length; i += 2) {
        if (`${strings[labels[i]]}=${strings[labels[i + 1]]}` === filter.label) return true;
      }
      return false;
    });
  }
  if (withSearch && filter.q) for (const term of parseQuery(filter.q)) applyTerm(population, term, mask);
  return mask;
}

/** The rows of a mask. */
function rowsOf(mask) {
  const rows = [];
  for (let row = 0; row < mask.length; row++) if (mask[row]) rows.push(row);
  return rows;
}
