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
