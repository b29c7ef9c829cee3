/* Tabs, the address bar, and the keys that work everywhere. */

const themeListeners = [];

const firstView = diff ? "changes" : "summary";
const defaults = { view: firstView, sel: "", of: "", dir: "", mode: "", alike: "", ...noFilters };
let state = { ...defaults };

/** The views of this report: name, title, number, and how the view is made when it is first shown. */
const viewList = [
  ["changes", "Changes", diff ? diff.groups.length : 0, changesView, () => diff !== undefined],
  ["summary", diff ? "Last report" : "Summary", 0, summaryView],
  ["groups", "Groups", allGroups.length, groupsView],
  ["stacks", "Stacks", 0, stacksView, () => stacks.length > 0],
  ["threads", "Threads", threads.count, threadsView],
  ["tasks", "Tasks", tasks.count, tasksView, () => tasks.count > 0],
  ["locks", "Locks", 0, locksView, hasHeldThings],
  ["resources", "Resources", 0, resourceView],
].filter(([, , , , isThere]) => !isThere || isThere()).map(([name, title, number, make]) => ({ name, title, number, make }));

/** Goes elsewhere: `patch` changes the address; with `replace` the back button does not come back here. */
function go(patch, { replace = false } = {}) {
  const isOther = patch.view !== undefined && patch.view !== state.view;
  // What says how a view is shown is not meant for another one.
  const next = { ...state, ...(isOther ? { sort: "", zoom: "", mode: "", dir: "" } : {}), ...patch };
  if (addressOf(next) !== addressOf(state)) {
    if (!replace) {
      writeAddress();
      history.pushState(null, "", addressOf(next));
    } else {
      // Safari refuses more than a hundred in half a minute, and a key that is held down moves thirty times a second.
      addressTimer ||= setTimeout(writeAddress, 400);
    }
  }
  state = next;
  showState();
}

let addressTimer;

/** Brings the address up to where we are. */
function writeAddress() {
  clearTimeout(addressTimer);
  addressTimer = undefined;
  if (location.hash !== addressOf(state)) history.replaceState(null, "", addressOf(state));
}

function addressOf(state) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) if (name !== "view" && value) parameters.set(name, value);
  const query = parameters.toString();
  return `#${state.view}${query ? `?${query}` : ""}`;
}

function readAddress() {
  const [view, query] = location.hash.slice(1).split("?");
  state = { ...defaults, view: viewList.some(({ name }) => name === view) ? view : firstView };
  for (const [name, value] of new URLSearchParams(query || "")) {
    if (name !== "view" && Object.hasOwn(defaults, name)) state[name] = value;
  }
}

function showState() {
  for (const view of viewList) {
    const isShown = view.name === state.view;
    view.tab.setAttribute("aria-selected", String(isShown));
    view.tab.tabIndex = isShown ? 0 : -1;
    if (isShown && !view.made) {
      view.made = view.make();
      view.panel.append(view.made.element);
    }
    view.panel.hidden = !isShown;
    if (isShown) view.made.show(state);
  }
}

function makeTabs() {
  const tabs = document.getElementById("tabs");
  tabs.setAttribute("role", "tablist");
  for (const view of viewList) {
    view.tab = h("button", {
      type: "button", class: "tab", role: "tab", id: `tab-${view.name}`, "aria-controls": `panel-${view.name}`,
      onclick: () => go({ view: view.name, sel: state.view === view.name ? state.sel : selectionFor(view.name) }),
    }, view.title, view.number > 0 && h("span", { class: "count" }, grouped(view.number)));
    view.panel = h("section", { class: "view", role: "tabpanel", id: `panel-${view.name}`, "aria-labelledby": view.tab.id, hidden: true });
    tabs.append(view.tab);
    document.getElementById("main").append(view.panel);
  }
  tabs.addEventListener("keydown", (event) => {
    const names = viewList.map(({ name }) => name);
    const at = names.indexOf(state.view);
    const to = { ArrowRight: (at + 1) % names.length, ArrowLeft: (at + names.length - 1) % names.length, Home: 0, End: names.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    viewList[to].tab.click();
    viewList[to].tab.focus();
  });
}

/** What is chosen in one list stays chosen in another one that has it. */
function selectionFor(view) {
  const kinds = { groups: "gGsS", threads: "t", tasks: "k" }[view] || "";
  return state.sel && kinds.includes(state.sel[0]) ? state.sel : "";
}

// MARK: Themes

function makeTools() {
  const themes = [["", "Auto"], ["light", "Light"], ["dark", "Dark"]];
  let chosen = "";
  try {
    chosen = localStorage.getItem("dumpcollect-theme") || "";
  } catch (error) {
    // No storage for pages from disk: the choice lasts as long as the page.
  }
  const set = (value) => {
    if (value) document.documentElement.dataset.theme = value;
    else delete document.documentElement.dataset.theme;
    themeListeners.forEach((listener) => listener());
  };
  const theme = choice("Colours", themes, chosen, (value) => {
    set(value);
    try {
      localStorage.setItem("dumpcollect-theme", value);
    } catch (error) {
      // As above.
    }
  });
  if (themes.some(([value]) => value === chosen)) set(chosen);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => themeListeners.forEach((listener) => listener()));
  append(document.getElementById("tools"), [
    theme.element,
    h("button", { type: "button", class: "button", "aria-label": "Keyboard and search help", "aria-keyshortcuts": "?", onclick: showHelp }, "?"),
  ]);
}

// MARK: Help

function showHelp() {
  let dialog = document.querySelector("dialog");
  if (!dialog) {
    const keys = (...names) => names.map((name, index) => [index > 0 && " ", h("kbd", null, name)]);
    dialog = h("dialog", { "aria-labelledby": "help-title" },
      h("h2", { id: "help-title" }, "Keys"),
      h("dl", { class: "facts" }, [
        [keys("/"), "search"], [keys("Esc"), "clear the search, leave a detail, zoom out"],
        [keys("1", "…", String(viewList.length)), "views"],
        [keys("↑", "↓", "PgUp", "PgDn", "Home", "End"), "move in a list or a drawing"],
        [keys("Enter"), "open a row, zoom into a box"], [keys("←", "→"), "close and open a branch, move to the next box"], [keys("?"), "this help"],
      ].map(([key, does]) => [h("dt", null, key), h("dd", null, does)])),
      h("h2", null, "Search"),
      h("p", null, "All words must be found: in functions, files, modules, names, states, waits, labels or ids."),
      h("dl", { class: "facts" }, [
        ['"a b"', "with the space"], ["-word", "without it"],
        ["fn: file: module: name: state: wait: label: id:", "in these alone"],
      ].map(([form, does]) => [h("dt", null, h("code", null, form)), h("dd", null, does)])),
      h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Close"));
    document.body.append(dialog);
  }
  dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, select, textarea")) return;
  if (event.key === "?") {
    event.preventDefault();
    showHelp();
  } else if (event.key === "/") {
    event.preventDefault();
    if (!viewList.find(({ name }) => name === state.view).panel.querySelector('input[type="search"]')) go({ view: "groups" });
    viewList.find(({ name }) => name === state.view).panel.querySelector('input[type="search"]')?.focus();
  } else if (/^[1-9]$/.test(event.key) && viewList[event.key - 1]) {
    viewList[event.key - 1].tab.click();
    viewList[event.key - 1].tab.focus();
  }
});

document.getElementById("skip").addEventListener("click", (event) => {
  // The address is the view's.
  event.preventDefault();
  document.getElementById("main").focus();
});

window.addEventListener("popstate", () => {
  clearTimeout(addressTimer);
  addressTimer = undefined;
  readAddress();
  showState();
});

makeTools();
makeTabs();
readAddress();
showState();
document.documentElement.dataset.ready = "true";
// Safari has no idle callbacks.
(window.requestIdleCallback || setTimeout)(prepareSearch);
