/* A stack as a list of frames, each of which opens to all that is known of it. */

/** Frames written at once; of longer stacks the rest is asked for. */
const framesAtOnce = 200;

/** `needles` are marked; the source of the innermost frame that has one is shown at once. Of `variants` the places are named where
    they differ. */
function stackElement(stack, { truncated = "", needles = [], label = "Stack", variants } = {}) {
  const list = h("ol", { class: "frames", "aria-label": label });
  const all = stacks[stack];
  const runs = repetitions(all);
  const places = variants ? all.map((_, at) => placesAt(at, all, variants)) : [];
  let needsSource = true;
  const write = (from) => {
    let written = 0;
    let at = from;
    for (; at < runs.length && written < framesAtOnce; at++) {
      const [start, length, times] = runs[at];
      for (let i = start; i < start + length; i++, written++) {
        const open = needsSource && frames.source[all[i]] >= 0;
        if (open) needsSource = false;
        list.append(frameElement(all[i], i, length === 1 ? times : 1, needles, open, places[i]));
      }
      if (length > 1) list.append(h("li", { class: "frame-note" }, `↑ these ${length} frames (× ${grouped(times)})`));
    }
    if (at < runs.length) {
      const more = h("li", { class: "frame-note" },
        h("button", { type: "button", class: "button link", onclick: () => (more.remove(), write(at)) },
          `Show ${count(all.length - runs[at][0], "more frame")}`));
      list.append(more);
    } else if (truncated) {
      list.append(h("li", { class: "frame-note doubt" }, `… the stack ends here: ${truncated}`));
    }
  };
  write(0);
  return list;
}

/** Places that are written out of one function in similar stacks. */
const shownPlaces = 4;

/** Of more different stacks nobody reads the places. */
const comparedVariants = 500;

/** `work.cpp:41, :43, :88 and 2 more` at a position; undefined where all stacks are in one place. */
function placesAt(at, stack, variants) {
  const first = framePlace(stack[at]);
  const places = new Set([first, ...variants.slice(0, comparedVariants).map((variant) => framePlace(stacks[variant.stack][at]))]);
  if (places.size === 1) return undefined;
  const file = first.replace(/:\d+$/, "");
  const others = [...places].slice(1, shownPlaces).map((place) => (place.startsWith(`${file}:`) ? place.slice(file.length) : fileName(place)));
  const more = places.size - shownPlaces;
  return [first, ...others].join(", ") + (more > 0 ? ` and ${grouped(more)} more` : "");
}

function frameElement(frame, index, times, needles, open, places) {
  const more = h("div", { class: "frame-more", id: `frame-${++frameNumber}`, hidden: true });
  const name = h("span", { class: "function" });
  setMarked(name, frameName(frame), needles);
  const place = h("span", { class: "place" });
  setMarked(place, places || framePlace(frame), needles);
  const toggle = () => {
    more.hidden = !more.hidden;
    button.setAttribute("aria-expanded", String(!more.hidden));
    if (!more.hidden && !more.firstChild) more.append(...frameDetail(frame, needles));
  };
  const button = h("button", {
    type: "button", class: isSystem(frame) ? "frame system" : "frame", "aria-expanded": "false", "aria-controls": more.id,
    onclick: toggle,
  },
    h("span", { class: "index", "aria-hidden": "true" }, String(index)), name,
    isInlined(frame) && h("span", { class: "badge" }, "inlined"),
    isSignalFrame(frame) && h("span", { class: "badge alarm" }, "signal frame"),
    isAsync(frame) && h("span", { class: "badge accent" }, "async"),
    times > 1 && h("span", { class: "badge" }, `× ${grouped(times)}`), place);
  if (open) toggle();
  return h("li", null, button, more);
}

let frameNumber = 0;

/** All that is known of a frame. */
function frameDetail(frame, needles) {
  const module = frames.module[frame];
  const aliases = (frames.aliases[frame] || []).map((number) => strings[number]);
  const facts = [
    ["Function", text(frames.full[frame])],
    ["Symbol", text(frames.linkage[frame])],
    ["Also called", aliases.join(", ")],
    ["Place", frames.file[frame] >= 0 ? framePlace(frame) + (frames.col[frame] > 0 ? `:${frames.col[frame]}` : "") : ""],
    ["Module", module >= 0 ? modulePath(module) : ""],
    ["Offset", module >= 0 && frames.flags[frame] & 16 ? hex(frames.offset[frame]) : ""],
    ["Address", hex(frames.address[frame])],
    ["Found by", text(frames.origin[frame])],
    ["Unknown", text(frames.unknown[frame])],
  ];
  const source = frames.source[frame] >= 0 ? sourceElement(data.snippets[frames.source[frame]], needles) : [];
  return [...source, factList(facts, "mono")];
}

function sourceElement(snippet, needles) {
  const lines = snippet.lines.map((line, index) => {
    const number = snippet.first + index;
    const code = h("span");
    setMarked(code, line, needles);
    return h("div", { class: number === snippet.line ? "at" : "" },
      h("span", { class: "n" }, `${number === snippet.line ? "▸" : ""}${number}`), code);
  });
  const result = [h("div", { class: "source mono", tabindex: 0, role: "group", "aria-label": `Source around line ${snippet.line}` }, lines)];
  if (snippet.newer) result.push(h("p", { class: "doubt" }, "The file is newer than the program: it may not be what was compiled."));
  return result;
}

/** Pairs of a word and a text, or an element; without those that are empty. */
function factList(facts, style = "") {
  return h("dl", { class: "facts" },
    facts.filter(([, value]) => value).map(([word, value]) =>
      [h("dt", null, word), h("dd", typeof value === "string" ? { class: style } : null, value)]));
}

/** A stack as text, as it is copied. */
function stackText(stack) {
  return stacks[stack].map((frame, index) =>
    `#${index} ${frameName(frame)}${isInlined(frame) ? " (inlined)" : ""}  ${framePlace(frame)}`).join("\n") + "\n";
}

/** What is repeated at once, as frames of a recursion are: [start, length, times] from three times on, up to 8 frames long. */
function repetitions(elements) {
  const result = [];
  for (let start = 0; start < elements.length; ) {
    let run = [start, 1, 1];
    for (let length = 1; length <= 8; length++) {
      let end = start + length;
      while (end < elements.length && elements[end] === elements[end - length]) end++;
      const times = Math.floor((end - start) / length);
      if (times >= 3) {
        run = [start, length, times];
        break;
      }
    }
    result.push(run);
    start += run[1] * run[2];
  }
  return result;
}
