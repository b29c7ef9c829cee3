/* Which task is whose child, as rows of a list. */

class TaskTree {
  constructor(onchange) {
    this.onchange = onchange;
    this.shows = false;
    this.levels = new Map();
    // What people closed; everything else is open.
    this.closed = new Set();
  }

  level(row) {
    return this.shows ? this.levels.get(row) || 0 : 0;
  }

  /** Undefined where there is nothing to open. */
  expanded(row) {
    if (!this.shows || !childrenOfTask(row).length) return undefined;
    return !this.closed.has(row);
  }

  toggle(row) {
    if (!this.closed.delete(row)) this.closed.add(row);
    this.onchange();
  }

  /** The tasks that match and those they are children of, parents before children. */
  rows(matching, filter) {
    const wanted = new Uint8Array(tasks.count);
    for (let row of matching) {
      // A damaged capture may have circles: a row that is wanted already ends the way up.
      while (row >= 0 && !wanted[row]) {
        wanted[row] = 1;
        row = tasks.parent[row];
      }
    }
    this.levels.clear();
    const result = [];
    const seen = new Uint8Array(tasks.count);
    const write = (root) => {
      const open = [[root, 0]];
      while (open.length) {
        const [row, level] = open.pop();
        if (seen[row] || !wanted[row]) continue;
        seen[row] = 1;
        this.levels.set(row, level);
        result.push(row);
        if (this.closed.has(row)) {
          this.skip(row, seen);
          continue;
        }
        const children = childrenOfTask(row);
        for (let i = children.length - 1; i >= 0; i--) open.push([children[i], level + 1]);
      }
    };
    // Families first: most tasks of many services have neither parent nor child.
    for (let row = 0; row < tasks.count; row++) if (tasks.parent[row] < 0 && childrenOfTask(row).length) write(row);
    for (let row = 0; row < tasks.count; row++) if (tasks.parent[row] < 0) write(row);
    for (let row = 0; row < tasks.count; row++) write(row);
    return result;
  }

  /** What is below a closed row is shown nowhere else. */
  skip(row, seen) {
    const open = [...childrenOfTask(row)];
    while (open.length) {
      const child = open.pop();
      if (seen[child]) continue;
      seen[child] = 1;
      open.push(...childrenOfTask(child));
    }
  }

  fillName(cell, row, needles) {
    if (!cell.firstChild) cell.append(h("span", { class: "twist", "aria-hidden": "true" }), h("span"));
    const [twist, name] = cell.children;
    const expanded = this.expanded(row);
    cell.style.paddingLeft = `${14 * Math.min(this.level(row), 20)}px`;
    twist.hidden = !this.shows;
    setText(twist, expanded === undefined ? "" : expanded ? "▾" : "▸");
    setMarked(name, String(tasks.id[row]), needles);
  }
}
