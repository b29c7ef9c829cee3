/* A list of any length of which only the rows in sight exist. */

let gridNumber = 0;

/** `columns`: {id, label, width, class, fill(cell, row), sort(row)}; `tree`: {level(row), expanded(row), toggle(row)}. */
class Grid {
  constructor({ label, columns, rowHeight, onchoose, onopen, onsort, tree }) {
    this.id = `grid-${++gridNumber}`;
    this.columns = columns;
    this.rowHeight = rowHeight;
    this.onchoose = onchoose;
    this.onopen = onopen;
    this.tree = tree;
    this.rows = [];
    this.active = -1;
    this.selected = null;
    this.pool = [];
    this.headers = columns.map((column) => this.header(column, onsort));
    this.head = h("div", { class: "grid-head", role: "row", "aria-rowindex": 1 }, this.headers);
    this.body = h("div", { class: "grid-body", role: "rowgroup" });
    this.message = h("p", { class: "empty", hidden: true });
    this.element = h("div", {
      class: "grid", role: tree ? "treegrid" : "grid", tabindex: 0, "aria-label": label, "aria-readonly": "true",
      "aria-colcount": columns.length,
      onscroll: () => this.schedule(),
      onkeydown: (event) => this.key(event),
    }, h("div", { role: "rowgroup", class: "grid-top" }, this.head), this.body, this.message);
    this.element.style.setProperty("--columns", columns.map((column) => column.width).join(" "));
    this.narrow = matchMedia("(max-width: 820px)");
    const fit = () => {
      const shown = columns.filter((column) => !this.narrow.matches || !/\bwide\b/.test(column.class || ""));
      this.element.style.setProperty("--columns", shown.map((column) => column.width).join(" "));
    };
    fit();
    this.narrow.addEventListener("change", fit);
    new ResizeObserver(() => this.schedule()).observe(this.element);
  }

  header(column, onsort) {
    const sortable = onsort && column.sort;
    return h("div", { role: "columnheader", class: column.class, "data-column": column.id },
      sortable
        ? h("button", { type: "button", onclick: () => onsort(column.id) }, column.label)
        : h("span", null, column.label));
  }

  /** Shows which column the rows are in the order of. */
  showSort(id, descending) {
    this.headers.forEach((header, index) => {
      if (this.columns[index].id === id) header.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else header.removeAttribute("aria-sort");
    });
  }

  /** Other rows; the place in the list is kept where `keep` says so. */
  setRows(rows, { keep = false, empty = "Nothing is here." } = {}) {
    this.rows = rows;
    this.element.setAttribute("aria-rowcount", rows.length + 1);
    // Browsers lay out no element higher than some 17 million pixels.
    this.shown = Math.min(rows.length, Math.floor(15e6 / this.rowHeight));
    this.body.style.height = `${this.shown * this.rowHeight}px`;
    this.message.hidden = rows.length > 0;
    setText(this.message, empty);
    this.active = this.selected === null ? -1 : rows.indexOf(this.selected);
    if (!keep) this.element.scrollTop = 0;
    this.draw();
  }

  /** Marks a row as the one whose detail is shown, and brings it into sight. */
  select(row) {
    this.selected = row;
    this.active = row === null ? -1 : this.rows.indexOf(row);
    if (this.active >= 0) this.reveal(this.active);
    this.draw();
  }

  schedule() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.draw();
    });
  }

  draw() {
    const height = this.element.clientHeight;
    if (!height) return;
    const first = Math.max(0, Math.floor(this.element.scrollTop / this.rowHeight) - 4);
    const last = Math.min(this.shown || 0, Math.ceil((this.element.scrollTop + height) / this.rowHeight) + 4);
    const wanted = Math.max(0, last - first);
    while (this.pool.length < wanted) {
      const element = this.makeRow();
      this.pool.push(element);
      this.body.append(element);
    }
    this.pool.forEach((element, index) => {
      const position = first + index;
      element.hidden = index >= wanted;
      if (index < wanted) this.fill(element, position);
    });
    const active = this.active >= first && this.active < last;
    if (active) this.element.setAttribute("aria-activedescendant", `${this.id}-${this.active}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  makeRow() {
    const cells = this.columns.map((column, index) =>
      h("div", { class: column.class, role: "gridcell", "aria-colindex": index + 1 }));
    const element = h("div", { class: "grid-row", role: "row" }, cells);
    element.style.height = `${this.rowHeight}px`;
    element.addEventListener("click", (event) => {
      this.active = element.position;
      const row = this.rows[element.position];
      if (this.tree && event.target.closest(".twist") && this.tree.expanded(row) !== undefined) this.tree.toggle(row);
      else this.choose(true);
    });
    return element;
  }

  fill(element, position) {
    const row = this.rows[position];
    element.position = position;
    element.id = `${this.id}-${position}`;
    element.style.transform = `translateY(${position * this.rowHeight}px)`;
    element.setAttribute("aria-rowindex", position + 2);
    element.setAttribute("aria-selected", String(row === this.selected));
    element.classList.toggle("active", position === this.active);
    if (this.tree) {
      element.setAttribute("aria-level", this.tree.level(row) + 1);
      const expanded = this.tree.expanded(row);
      if (expanded === undefined) element.removeAttribute("aria-expanded");
      else element.setAttribute("aria-expanded", String(expanded));
    }
    for (let i = 0; i < this.columns.length; i++) this.columns[i].fill(element.children[i], row);
  }

  reveal(position) {
    const top = position * this.rowHeight;
    const view = this.element.clientHeight - 32;
    if (!view) return;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top + this.rowHeight > this.element.scrollTop + view) this.element.scrollTop = top + this.rowHeight - view;
  }

  /** Takes the active row; `open`: by click or Enter. */
  choose(open) {
    const row = this.rows[this.active];
    if (row === undefined) return;
    if (open || !this.narrow.matches) {
      this.selected = row;
      (open ? this.onopen : this.onchoose)(row);
    }
    this.draw();
  }

  key(event) {
    if (event.target !== this.element || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.rowHeight) - 2);
    const moves = {
      ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity,
    };
    if (event.key in moves) {
      const to = Math.min(Math.max(this.active + moves[event.key], 0), (this.shown || 0) - 1);
      if (to < 0) return;
      event.preventDefault();
      this.active = to;
      this.reveal(to);
      return this.choose(false);
    }
    if (event.key === "Enter" && this.active >= 0) {
      event.preventDefault();
      return this.choose(true);
    }
    if (this.tree && this.active >= 0 && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
      const row = this.rows[this.active];
      const expanded = this.tree.expanded(row);
      event.preventDefault();
      if (expanded === (event.key === "ArrowLeft")) return this.tree.toggle(row);
      if (event.key === "ArrowLeft") return this.moveToParent();
    }
  }

  moveToParent() {
    const level = this.tree.level(this.rows[this.active]);
    for (let position = this.active - 1; position >= 0; position--) {
      if (this.tree.level(this.rows[position]) < level) {
        this.active = position;
        this.reveal(position);
        return this.choose(false);
      }
    }
  }
}
