"use strict";

/* Elements are made here and nowhere else. Text becomes text nodes: nothing of a report is ever read as markup. */

/** An element; properties beginning with "on" are listeners, children are nodes, texts, or lists of these. */
function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) setProperty(element, name, value);
  append(element, children);
  return element;
}

/** The same for drawings. */
function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  append(element, children);
  return element;
}

function setProperty(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "class") element.className = value;
  else if (name === "width%") element.style.width = `${value}%`;
  else element.setAttribute(name, value === true ? "" : value);
}

function append(element, children) {
  for (const child of children) {
    if (child === undefined || child === null || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child);
  }
}

/** A view that is a page of text, made when it is first shown; `build` gives its children. */
function pageView(build) {
  const element = h("div", { class: "view page" });
  let isBuilt = false;
  return {
    element,
    show() {
      if (isBuilt) return;
      isBuilt = true;
      append(element, build());
    },
  };
}

function replaceChildren(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/** Sets the text of an element when it is another one: rows of lists are filled again and again. */
function setText(element, text) {
  if (element.firstChild === null) {
    if (text !== "") element.textContent = text;
  } else if (element.firstChild.nodeType !== Node.TEXT_NODE || element.childNodes.length > 1) {
    element.textContent = text;
  } else if (element.firstChild.data !== text) {
    element.firstChild.data = text;
  }
}

/** Sets a text in which what was searched for is marked. */
function setMarked(element, text, needles) {
  const ranges = needles.length ? rangesOf(text, needles) : [];
  if (!ranges.length) return setText(element, text);
  element.replaceChildren();
  let at = 0;
  for (const [start, end] of ranges) {
    if (start > at) element.append(text.slice(at, start));
    element.append(h("mark", null, text.slice(start, end)));
    at = end;
  }
  if (at < text.length) element.append(text.slice(at));
}

/** Where the needles stand, in order and without overlap. */
function rangesOf(text, needles) {
  const lower = text.toLowerCase();
  // Lower case may have another length (İ): then nothing is marked rather than the wrong letters.
  if (lower.length !== text.length) return [];
  const ranges = [];
  for (const needle of needles) {
    if (!needle) continue;
    for (let at = lower.indexOf(needle); at >= 0; at = lower.indexOf(needle, at + needle.length)) {
      ranges.push([at, at + needle.length]);
    }
  }
  ranges.sort((a, b) => a[0] - b[0] || b[1] - a[1]);
  const merged = [];
  for (const range of ranges) {
    const last = merged[merged.length - 1];
    if (last && range[0] <= last[1]) last[1] = Math.max(last[1], range[1]);
    else merged.push(range);
  }
  return merged;
}

/** Says something to those who listen to the page. */
function announce(text) {
  setText(document.getElementById("announcer"), text);
}

const numberFormat = new Intl.NumberFormat("en-US");

/** `12,345` */
function grouped(number) {
  return numberFormat.format(number);
}

/** `1 thread`, `12 threads` */
function count(number, noun, plural) {
  return `${grouped(number)} ${number === 1 ? noun : plural || noun + "s"}`;
}

/** `12.5 %`: two digits at least, and never 0 % or 100 % of what is not. */
function percent(part, whole) {
  if (whole === 0) return "0 %";
  const share = (100 * part) / whole;
  if (part > 0 && share < 0.1) return "< 0.1 %";
  if (part < whole && share > 99.9) return "> 99.9 %";
  return `${share < 10 && part !== 0 && part !== whole ? share.toFixed(1) : Math.round(share)} %`;
}

/** `1.24 s` of milliseconds. */
function seconds(milliseconds) {
  const value = milliseconds / 1000;
  return value < 100 ? `${value.toFixed(2)} s` : `${grouped(Math.round(value))} s`;
}

/** Buttons of which one is pressed. */
function choice(label, options, pressed, onchoose) {
  const buttons = options.map(([value, text]) =>
    h("button", {
      type: "button", "aria-pressed": String(value === pressed),
      onclick: () => {
        set(value);
        onchoose(value);
      },
    }, text));
  const set = (value) =>
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(options[index][0] === value)));
  const element = h("div", { class: "choice", role: "group", "aria-label": label }, buttons);
  return { element, set };
}
