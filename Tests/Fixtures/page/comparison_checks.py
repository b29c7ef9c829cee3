"""The page of a comparison."""
from checking import check, equal, holds


@check
def a_comparison_shows_what_changed_and_the_last_report(browser):
    browser.open("diff")
    text = browser.text()
    for part in ["after 10 min: +2 threads (9 → 11)", "▲ +2", "▼ −1", "4 → 6 threads", "In the same frames all the time", "new lock-contention:",
                 "replaced /opt/shop/lib/plug in.so", "pool is full \\u{1b}[31m"]:
        holds(part in text, f"{part} is not in\n{text}")
    browser.click(".row")
    holds("/src/shop/Worker.swift:41" in browser.text(".frame-more"), browser.text(".frame-more"))
    browser.click("#tab-stacks")
    holds("before: 7" in browser.text(".readout .share"), browser.text(".readout"))
    browser.click("#tab-summary")
    holds("Largest groups" in browser.text(), browser.text())
    for view in ["groups", "threads", "resources"]:
        browser.click(f"#tab-{view}")
    equal(browser.complaints(), [])


@check
def the_menus_of_a_comparison_filter_both_reports(browser):
    browser.open("diff", "#stacks")
    options = browser.js("return Object.fromEntries([...document.querySelectorAll('select')].filter((s) => s.checkVisibility())"
                         ".map((s) => [s.ariaLabel, [...s.options].slice(1).map((o) => o.text)]))")
    # What only the first report has is offered too.
    holds("running (1 → 0)" in options["Any state"], str(options))
    holds(any(text.startswith("worker-* (5 → 7") for text in options["Any name"]), str(options))
    before = browser.text(".readout .share")
    browser.choose("Any state", "running")
    holds("0 threads" in browser.text(".readout .share") and "before: 1 (−1)" in browser.text(".readout .share"), browser.text(".readout"))
    browser.choose("Any state", "")
    equal(browser.text(".readout .share"), before)
    browser.choose("Any name", "worker-*")
    holds("7 threads, 100 % · before: 5 (+2)" in browser.text(".readout .share"), browser.text(".readout"))
    browser.choose("Any module", "/opt/shop/lib/plug in.so")
    holds("0 threads" in browser.text(".readout .share"), browser.text(".readout"))
    holds("module=" in browser.address(), browser.address())
    browser.click(".toolbar .quiet")
    equal(browser.text(".readout .share"), before)
    equal(browser.complaints(), [])
