/* Who waits for whom: actors with the tasks that hold them and those that wait. */

/** What is held and waited for: {text, circle, owners, waiters} with elements. */
function heldThings() {
  const things = [];
  executors.forEach((executor, index) => {
    const waiting = [];
    for (let row = 0; row < tasks.count; row++) {
      const wait = text(tasks.wait[row]);
      if (tasks.executor[row] === index && (wait === "actor" || wait === "main-actor")) waiting.push(row);
    }
    if (!waiting.length && executor.task === undefined && executor.tid === undefined) return;
    things.push({
      text: executor.text, detail: executor.address, note: executor.unknown && `type unknown: ${executor.unknown}`,
      owner: executor.task !== undefined ? taskLink(executor.task) : executor.tid !== undefined ? threadLink(executor.tid) : null,
      on: executor.task !== undefined && executor.tid !== undefined ? threadLink(executor.tid) : null,
      waiters: waiting.map(taskRowLink), count: waiting.length, noun: "task",
    });
  });
  return things.sort((a, b) => b.count - a.count);
}

function hasHeldThings() {
  return executors.length > 0;
}

function locksView() {
  const element = h("div", { class: "view page" });
  let isBuilt = false;
  return {
    element,
    show() {
      if (isBuilt) return;
      isBuilt = true;
      const things = heldThings();
      append(element, [
        h("h2", null, "Held and waited for"),
        things.length === 0 && h("p", { class: "soft" }, "Nobody waits for anybody here."),
        things.map((thing) => h("section", { class: thing.circle ? "lock circle" : "lock" },
          h("h3", null, thing.text, " ", h("code", { class: "soft" }, thing.detail)),
          thing.note && h("p", { class: "doubt" }, thing.note),
          h("p", null, thing.owner ? ["held by ", thing.owner, thing.on && [" on ", thing.on]] : h("span", { class: "soft" }, "held by nobody known"),
            thing.count > 0 ? `, ${count(thing.count, thing.noun)} ${thing.count === 1 ? "waits" : "wait"}:` : ""),
          thing.count > 0 && h("ul", { "aria-label": `Waiting for ${thing.text}` },
            thing.waiters.slice(0, 50).map((waiter) => h("li", null, waiter)),
            thing.count > 50 && h("li", { class: "soft" }, `${grouped(thing.count - 50)} more`)))),
      ]);
    },
  };
}
