/* Groups of identical stacks, or of similar ones with the identical ones below them. */

/** Groups of similar stacks as rows that open to their variants. */
class VariantTree {
  constructor(onchange) {
    this.onchange = onchange;
    this.shows = false;
    // What people opened; all else is closed.
    this.open = new Set();
  }

  level(group) {
    return this.shows && group.similar ? 1 : 0;
  }

  /** Undefined where there is nothing to open. */
  expanded(group) {
    return this.shows && group.variants ? this.open.has(group) : undefined;
  }

  toggle(group) {
    if (!this.open.delete(group)) this.open.add(group);
    this.onchange();
  }

  /** The rows with, below each that is open, its variants in their order. */
  rows(groups, variantsOf) {
    return groups.flatMap((group) => (this.open.has(group) ? [group, ...variantsOf(group)] : [group]));
  }

  fillTwist(cell, group) {
    const line = cell.firstChild;
    let twist = line.querySelector(".twist");
    if (!twist) line.prepend((twist = h("span", { class: "twist", "aria-hidden": "true" })));
    const expanded = this.expanded(group);
    twist.hidden = !this.shows;
    setText(twist, expanded === undefined ? "" : expanded ? "▾" : "▸");
    cell.style.paddingLeft = `${18 * this.level(group)}px`;
  }
}

function groupsView() {
  const hasBoth = threads.count > 0 && tasks.count > 0;
  const weights = new Map();
  const matching = (group) => weights.get(group) ?? group.members.length;
  const tree = new VariantTree(() => view.redraw());
  const alike = choice("Grouping", [["", "Same stacks"], ["similar", "Similar stacks"]], "",
    (value) => go({ alike: value, sel: selectionAlike(value) }));
  let largest = 1;
  const columns = [
    {
      id: "count", label: "Count", width: "92px", descending: true, sort: matching,
      fill(cell, group) {
        if (!cell.firstChild) cell.append(h("div", { class: "weight" }, h("span", { class: "bar" }), h("span", { class: "value" })));
        const [bar, value] = cell.firstChild.children;
        bar.style.width = `${(100 * matching(group)) / largest}%`;
        setText(value, grouped(matching(group)));
        cell.title = matching(group) === group.members.length ? "" : `${grouped(matching(group))} of ${grouped(group.members.length)} match`;
      },
    },
    {
      id: "where", label: "Where, and what it does", width: "minmax(0, 1fr)", class: "two", sort: (group) => whereText(group.stack)[0],
      fill(cell, group) {
        const [where, place] = whereText(group.stack);
        const variants = group.variants && `${count(group.variants.length, "different stack")} · `;
        const difference = tree.level(group) > 0 && `${differenceText(group)} · `;
        fillTwo(cell, where || "no stack", variants ? placesText(group) : place, `${variants || difference || ""}${groupLine(group)}`, view.needles);
        tree.fillTwist(cell, group);
      },
    },
    {
      id: "frames", label: "Frames", width: "64px", class: "number wide", descending: true,
      sort: (group) => (group.stack >= 0 ? stacks[group.stack].length : 0),
      fill: cellOf((cell, group) => setText(cell, group.stack >= 0 ? grouped(stacks[group.stack].length) : "")),
    },
  ];
  if (hasBoth) {
    columns.push({
      id: "kind", label: "Of", width: "64px", sort: (group) => group.population.noun,
      fill: cellOf((cell, group) => setText(cell, `${group.population.noun}s`)),
    });
  }
  const view = new ListView({
    label: "Groups of stacks", columns, rowHeight: 54, populations: [threads, tasks], keyOf: keyOfGroup, tree,
    extra: hasSimilar ? [alike.element] : [], rowOf: (item) => item.group,
  });
  view.choose = (filter) => {
    tree.shows = hasSimilar && filter.alike === "similar";
    alike.set(tree.shows ? "similar" : "");
    view.grid.element.setAttribute("role", tree.shows ? "treegrid" : "grid");
    const members = weigh(weights, filter);
    const all = tree.shows ? groupsOfSimilar : allGroups;
    largest = all.length ? all[0].members.length : 1;
    const rows = all.filter((group) => matching(group) > 0);
    return { rows: byMatches(rows), result: `${count(rows.length, "group")} of ${countItems(members, [threads, tasks])}`, empty: emptyText };
  };
  // In the order of what matches.
  const byMatches = (rows) => (weights.size ? [...rows].sort((a, b) => matching(b) - matching(a)) : rows);
  const sorted = view.sorted;
  view.sorted = (rows, sort) => {
    const order = (rows) => sorted.call(view, rows, sort);
    return tree.shows
      ? tree.rows(order(rows), (group) => order(byMatches(group.variants.filter((variant) => matching(variant) > 0)))) : order(rows);
  };
  view.redraw = () => {
    view.grid.setRows(view.sorted(view.choose(state).rows, state.sort), { keep: true });
    view.grid.draw();
  };
  const show = view.show;
  let shownSelection;
  view.show = (filter) => {
    // Whoever comes to a variant sees its row.
    const similar = filter.alike === "similar" && filter.sel !== shownSelection && itemOf(filter.sel)?.group?.similar;
    shownSelection = filter.sel;
    if (similar && !tree.open.has(similar)) {
      tree.open.add(similar);
      view.shownKey = undefined;
    }
    show.call(view, filter);
  };
  return view;
}

/** Fills in how many members of each group match, where that is not all of them; the number of all that do. */
function weigh(weights, filter) {
  weights.clear();
  let all = 0;
  for (const population of [threads, tasks]) {
    const mask = selectRows(population, filter);
    for (const group of population.groups) {
      let number = 0;
      for (const row of group.members) number += mask[row];
      if (number !== group.members.length) weights.set(group, number);
      all += number;
    }
    for (const group of population.similar) {
      const number = group.variants.reduce((sum, variant) => sum + (weights.get(variant) ?? variant.members.length), 0);
      if (number !== group.members.length) weights.set(group, number);
    }
  }
  return all;
}

/** What is chosen among groups of the other kind. */
function selectionAlike(value) {
  const group = itemOf(state.sel)?.group;
  const other = value === "similar" ? group?.similar : group?.variants?.[0];
  return other ? keyOfGroup(other) : state.sel;
}

/** `work.cpp:41, :43 and 3 more`: where similar stacks stand in their own function. */
function placesText(group) {
  const at = ownPositions[group.stack];
  if (at < 0) return "";
  group.places ??= placesAt(at, stacks[group.stack], group.variants) ?? "";
  return group.places === "" ? whereText(group.stack)[1] : fileName(group.places);
}
