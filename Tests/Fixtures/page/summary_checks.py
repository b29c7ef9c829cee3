"""The first page."""
from checking import check, equal, holds


@check
def every_page_opens_without_complaint_or_request(browser):
    for name in ["nothing", "server", "crash", "tasks", "stuck"]:
        browser.open(name)
        views = browser.js("return [...document.querySelectorAll('[role=tab]')].map((tab) => tab.id)")
        holds(len(views) >= 3, f"{name}: views {views}")
        for view in views:
            browser.click(f"#{view}")
            holds(browser.text("main").strip() != "", f"{name}: {view} is empty")
        equal(browser.complaints(), [], name)


@check
def the_summary_begins_with_the_crash_and_the_findings(browser):
    browser.open("crash")
    text = browser.text()
    order = [text.find(part) for part in [
        "Crashed: SIGSEGV (SEGV_MAPERR) at 0x0 in thread 4716", "Fatal error: Unexpectedly found nil", "Incomplete: offset 4096",
        "two threads wait for each other's mutex", "Largest groups", "Process"]]
    holds(-1 not in order and order == sorted(order), f"{order}\n{text}")
    equal(browser.driver.title, "shop (pid 4711) on shop-01, 2026-03-01 09:05:00 UTC")


@check
def the_summary_has_the_process_its_resources_and_its_notes(browser):
    browser.open("server")
    text = browser.text()
    for part in ["/opt/shop/bin/shop", '"with space"', "142 MiB resident", "1,198 of 1,024 open", "1,180",
                 "cache flushed \\u{1b}[31m", "1,204 older ones are not kept", "no debug file; install libc6-dbg",
                 "Some waited for memory", "apt-get install libc6-dbg"]:
        holds(part in text, f"{part} is not in\n{text}")
    browser.click("#tab-resources")
    text = browser.text()
    for part in ["CLOSE_WAIT", "2001:db8::1", "nofile", "1,048,576", "MODE", "stripped, and no debug file was found"]:
        holds(part in text, f"{part} is not in\n{text}")


@check
def a_finding_leads_to_its_threads(browser):
    browser.open("crash")
    browser.click(".finding .link")
    holds("view" not in browser.address() and browser.address().startswith("#threads?sel=t4712"), browser.address())
    equal(browser.text(".detail h2"), 'thread 4712 "worker-8"')
