"""checks.py FOLDER [--pictures]: uses the pages of the folder as people do; prints a line a check, `ok` or what was wrong."""
import sys
import time
import traceback

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from browser import Browser

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def equal(found, wanted, what=""):
    if found != wanted:
        raise AssertionError(f"{what}: found {found!r}, expected {wanted!r}")


def holds(condition, what):
    if not condition:
        raise AssertionError(what)


# The first page


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


# Lists


@check
def the_search_finds_functions_names_ids_and_labels(browser):
    browser.open("server", "#threads")
    equal(browser.row_count(), 9)
    for query, wanted in [("Queue.next", 5), ("acceptor.cpp", 1), ("4716", 1), ("tenant=a", 1), ("fsync", 1), ("frozen", 1),
                          ("worker-1", 3), ("start_thread -running", 4), ("state:running", 1), ("name:worker", 5),
                          ('fn:"Job.pay()"', 1), ("module:libc", 6), ("no answer", 1), ("nowhere", 0), ("WORKER queue", 5)]:
        browser.search(query)
        equal(browser.row_count(), wanted, query)
        equal(len(browser.rows()), wanted, f"rows in sight of {query}")
        holds(wanted > 0 or "Nothing matches" in browser.text(".empty"), "no word of what to do")
    browser.press(Keys.ESCAPE)
    equal(browser.row_count(), 9, "after Escape")


@check
def matches_are_marked(browser):
    browser.open("server", "#threads?q=queue&sel=t4712")
    marked = browser.js("return [...document.querySelectorAll('mark')].map((mark) => mark.textContent)")
    holds("Queue" in marked and all(text.lower() == "queue" for text in marked), str(marked))


@check
def each_menu_filters(browser):
    browser.open("server", "#threads")
    for menu, value, wanted in [("Any state", "sleeping", 5), ("Any wait", "condition", 4), ("Any name", "worker-*", 5),
                                ("Any module", "/opt/shop/lib/plug in.so", 1), ("Any label", "role=acceptor", 1)]:
        browser.choose(menu, value)
        equal(browser.row_count(), wanted, menu)
        browser.choose(menu, "")
    equal(browser.row_count(), 9)
    browser.choose("Any state", "sleeping")
    browser.choose("Any name", "worker-*")
    equal(browser.result(), "4 of 9 threads")
    browser.click(".toolbar .quiet")
    equal(browser.row_count(), 9, "cleared")


@check
def idle_threads_can_be_left_out(browser):
    browser.open("pool", "#threads")
    browser.choose("Busy and idle", "busy")
    equal(browser.result(), "1 of 4 threads")
    browser.choose("Busy and idle", "idle")
    equal(browser.result(), "3 of 4 threads")
    browser.open("pool")
    rows = browser.js("return [...document.querySelectorAll('.row')].map((row) => row.innerText)")
    holds(rows[0].startswith("1") and "idle: libdispatch worker" in rows[1], str(rows))


@check
def groups_count_what_matches(browser):
    browser.open("server", "#groups")
    equal(browser.row_count(), 6)
    equal(browser.result(), "6 groups of 9 threads")
    browser.search("name:worker-8")
    equal(browser.result(), "1 group of 1 thread")
    holds(browser.rows()[0].startswith("1\n"), browser.rows()[0])


@check
def a_group_shows_its_stack_with_the_source(browser):
    browser.open("server", "#groups?q=job.pay")
    browser.click(".grid-row")
    text = browser.text(".detail")
    for part in ["1 thread in Job.pay()", "Job.pay()", "/src/shop/Worker.swift:77", "job.pay() // \\u{1b}[31m", "The file is newer",
                 "start_thread", "4716"]:
        holds(part in text, f"{part} is not in\n{text}")
    holds("never shown" not in text, "another line's source")


@check
def a_frame_opens_to_all_that_is_known_of_it(browser):
    browser.open("server", "#groups?q=accept4")
    browser.click(".grid-row")
    browser.click(".detail .frame")
    text = browser.text(".detail .frame-more")
    for part in ["__accept4, __libc_accept4", "/usr/lib/x86_64-linux-gnu/libc.so.6", "0x10a8f4", "no debug information", "c\\u{1b}"]:
        holds(part in text, f"{part} is not in\n{text}")
    equal(browser.js("return document.querySelector('.detail .frame').ariaExpanded"), "true")
    inlined = browser.js("return document.querySelectorAll('.detail .badge').length")
    browser.open("server", "#threads?sel=t4712")
    holds("inlined" in browser.text(".detail .frames"), "inlined is not marked")
    holds("Created by" in browser.text(".detail") and "shop::Pool::open(int)" in browser.text(".detail"), "no creator")
    equal(inlined, 0)


@check
def a_crashed_thread_shows_signal_registers_and_labels(browser):
    browser.open("crash", "#threads?sel=t4716")
    text = browser.text(".detail")
    for part in ["Crashed: SIGSEGV (SEGV_MAPERR) at 0x0", "rip", "ffffffffffffffff"]:
        holds(part in text, f"{part} is not in\n{text}")
    browser.open("crash", "#threads?sel=t4711")
    for part in ["role: acceptor", 'tenant: a "b"']:
        holds(part in browser.text(".detail .chips"), browser.text(".detail"))


@check
def columns_sort_with_numbers_as_numbers(browser):
    browser.open("server", "#threads")
    browser.click('[data-column="name"] button')
    names = [row.split("\n")[1] for row in browser.rows() if "worker" in row]
    equal(names, ["worker-8", "worker-9", "worker-10", "worker-11", "worker-12"])
    equal(browser.js("return document.querySelector('[data-column=name]').ariaSort"), "ascending")
    browser.click('[data-column="name"] button')
    equal([row.split("\n")[1] for row in browser.rows() if "worker" in row][0], "worker-12")


@check
def a_thread_that_is_not_there_is_said_to_be_so(browser):
    browser.open("server", "#threads?sel=t1")
    holds("has no such thread" in browser.text(".detail"), browser.text(".detail"))
    browser.open("server", "#nonsense?sel=__proto__&__proto__=1&constructor=2")
    equal(browser.js("return document.querySelector('[aria-selected=true]').id"), "tab-summary")
    equal(browser.complaints(), [])


# Keyboard and address


@check
def everything_can_be_reached_and_used_by_keyboard(browser):
    browser.open("server", "#groups")
    browser.press("/")
    browser.press(*"worker")
    equal(browser.js("return document.activeElement.type"), "search")
    equal(browser.result(), "2 groups of 5 threads")
    reached = []
    for _ in range(14):
        browser.press(Keys.TAB)
        reached.append(browser.js(
            "const e = document.activeElement; const s = getComputedStyle(e);"
            "return [e.className || e.tagName, e.getAttribute('role'), s.outlineStyle, parseFloat(s.outlineWidth)]"))
    for name, _, style, width in reached:
        holds(name == "BODY" or (style != "none" and width >= 2), f"no visible focus on {name}: {style} {width}")
    holds(any(role == "grid" for _, role, _, _ in reached), f"the list is not reached: {reached}")
    browser.js("document.querySelector('[role=tabpanel]:not([hidden]) .grid').focus()")
    browser.press(Keys.ARROW_DOWN)
    equal(browser.text(".detail h2"), "4 threads in Queue.next()")
    browser.press(Keys.ARROW_DOWN)
    equal(browser.text(".detail h2"), "1 thread in Job.pay()")
    active = browser.js("const grid = document.activeElement; return document.getElementById(grid.getAttribute('aria-activedescendant')).ariaSelected")
    equal(active, "true")
    browser.press(Keys.HOME)
    equal(browser.text(".detail h2"), "4 threads in Queue.next()")


@check
def tabs_are_walked_by_arrows_and_numbers(browser):
    browser.open("tasks")
    browser.js("document.getElementById('tab-summary').focus()")
    browser.press(Keys.ARROW_RIGHT)
    equal(browser.js("return document.activeElement.id"), "tab-groups")
    browser.press(Keys.END)
    equal(browser.js("return document.activeElement.id"), "tab-resources")
    browser.press("3")
    holds(browser.address().startswith("#stacks"), browser.address())
    browser.press("?")
    holds("Enter" in browser.text("dialog"), "no help")
    browser.press(Keys.ESCAPE)
    equal(browser.js("return document.querySelector('dialog').open"), False)


@check
def the_address_keeps_the_view_and_back_goes_back(browser):
    browser.open("server")
    browser.click("#tab-threads")
    browser.search("worker")
    browser.wait("location.hash.includes('q=worker')")
    browser.click(".grid-row")
    address = browser.address()
    for part in ["#threads?", "q=worker", "sel=t"]:
        holds(part in address, address)
    browser.click("#tab-stacks")
    browser.driver.back()
    browser.settle()
    equal(browser.address(), address)
    equal(browser.row_count(), 5)
    browser.driver.back()
    browser.settle()
    holds("sel=" not in browser.address(), browser.address())
    browser.open("server", address)
    equal(browser.row_count(), 5, "opened anew")
    holds(browser.text(".detail h2").startswith("thread 47"), "the choice is kept")


# Drawing


@check
def the_drawing_zooms_by_click_and_key_and_tells_where_it_is(browser):
    browser.open("server", "#stacks")
    equal(browser.text(".readout .function"), "All stacks")
    holds("7 threads, 100 %" in browser.text(".readout .share"), browser.text(".readout"))
    frame = browser.element(".canvas-frame")
    box = frame.rect
    # Second line, at the left: the widest outermost function.
    ActionChains(browser.driver).move_to_element_with_offset(frame, -box["width"] / 2 + 30, -box["height"] / 2 + 30).click().perform()
    browser.settle()
    holds("zoom=" in browser.address(), browser.address())
    equal(browser.text(".readout .function"), "start_thread")
    holds("5 threads" in browser.text(".readout .share"), browser.text(".readout .share"))
    frame.send_keys(Keys.ARROW_DOWN)
    browser.settle()
    ActionChains(browser.driver).move_to_element_with_offset(browser.element("h1"), 0, 0).perform()
    browser.settle()
    equal(browser.text(".readout .function"), "Worker.run()")
    label = "return document.getElementById(document.querySelector('.canvas-frame').getAttribute('aria-activedescendant')).ariaLabel"
    holds(browser.js(label).startswith("Worker.run(), 5 threads, 71 %"), browser.js(label))
    browser.press(Keys.ENTER)
    holds("zoom=" in browser.address(), browser.address())
    browser.press(Keys.ARROW_DOWN)
    equal(browser.text(".readout .function"), "Queue.next() (inlined)")
    browser.press(Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
    equal(browser.text(".readout .function"), "Job.pay()")
    browser.press(Keys.ESCAPE, Keys.ESCAPE)
    holds("zoom=" not in browser.address(), browser.address())
    browser.driver.back()
    browser.settle()
    holds("zoom=" in browser.address(), "back zooms in again")


@check
def the_drawing_says_how_much_of_all_a_search_finds(browser):
    browser.open("server", "#stacks?q=worker.run")
    equal(browser.result(), "5 of 7 threads match (71 %)")
    before = browser.js(PIXELS)
    browser.search("nowhere")
    equal(browser.result(), "0 of 7 threads match (0 %)")
    holds(browser.js(PIXELS) != before, "the drawing did not change")
    browser.click('[aria-label="Direction"] button:last-child')
    browser.search("")
    browser.press(Keys.TAB)
    holds("dir=in" in browser.address(), browser.address())
    browser.choose("Any state", "running")
    equal(browser.result(), "1 thread")


PIXELS = """
const canvas = document.querySelector('canvas');
const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, 120).data;
let sum = 0;
for (let i = 0; i < pixels.length; i += 4) sum = (sum * 31 + pixels[i] * 7 + pixels[i + 1] * 5 + pixels[i + 2]) % 1000000007;
return sum;
"""


@check
def the_functions_are_a_table_too(browser):
    browser.open("server", "#stacks?mode=table")
    equal(browser.text(".readout"), "", "what belongs to the drawing")
    rows = browser.rows()
    holds(any(row.startswith("5\n0\nstart_thread") for row in rows), str(rows))
    browser.search("fn:pay")
    equal(browser.row_count(), 1)
    browser.click(".grid-row")
    holds(browser.address().startswith("#threads"), browser.address())
    equal(browser.row_count(), 1)


# Tasks


@check
def tasks_are_a_list_and_a_tree(browser):
    browser.open("tasks", "#tasks")
    number = browser.row_count()
    holds(number > 50, str(number))
    browser.click('[aria-label="Order of tasks"] button:last-child')
    equal(browser.row_count(), number, "in the tree")
    levels = browser.js("return [...document.querySelectorAll('.grid-row')].filter((e) => e.checkVisibility())"
                        ".sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((e) => [Number(e.ariaLevel), e.ariaExpanded])")
    equal(levels[0], [1, "true"])
    equal(levels[1][0], 2)
    browser.js("document.querySelector('[role=tabpanel]:not([hidden]) [role=treegrid]').focus()")
    browser.press(Keys.HOME, Keys.ARROW_LEFT)
    holds(browser.row_count() < number, "closed")
    browser.press(Keys.ARROW_RIGHT)
    equal(browser.row_count(), number, "open again")
    holds("waits:" in browser.text(".detail .lead") or "task" in browser.text(".detail h2"), browser.text(".detail"))


@check
def a_task_shows_what_it_waits_for_and_who_holds_that(browser):
    browser.open("tasks", "#tasks?q=wait:actor")
    browser.click(".grid-row")
    text = browser.text(".detail")
    for part in ["actor Vault", "Held by", "task 9", "thread 4712"]:
        holds(part in text, f"{part} is not in\n{text}")
    browser.click("#tab-locks")
    text = browser.text()
    for part in ["actor Vault", "held by task 9", "wait"]:
        holds(part in text, f"{part} is not in\n{text}")


# Locks


@check
def locks_show_who_holds_them_and_who_waits(browser):
    browser.open("stuck", "#locks")
    text = browser.text()
    for part in ["2 threads wait for each other", 'recursive mutex "g_a"', 'thread 22 "gamma"', "3 readers", "in a circle", "Who waits for whom"]:
        holds(part in text, f"{part} is not in\n{text}")
    holds(browser.js("return document.querySelectorAll('.drawing rect').length") >= 6, "no drawing")
    holds(browser.js("return document.querySelectorAll('.drawing rect.circle').length") == 4, "two threads and two locks are in the circle")
    browser.click(".lock .link")
    text = browser.text(".detail")
    for part in ['thread 20 "alpha"', 'mutex 0x555555564100 "g_b", held by 21 "beta"', "Behind", 'thread 21 "beta"', "Wait for it", 'thread 22 "gamma"',
                 "before the capture"]:
        holds(part in text, f"{part} is not in\n{text}")
    browser.open("stuck", "#threads")
    browser.search("wait:10.0.0.2")
    equal(browser.row_count(), 1)
    browser.open("stuck", "#groups?sel=g0")
    holds('2 wait for recursive mutex' in browser.text(".detail"), browser.text(".detail"))
    equal(browser.complaints(), [])


# Comparisons


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


# Hostile


@check
def no_text_of_a_report_is_obeyed(browser):
    browser.open("hostile")
    for view in ["summary", "groups", "stacks", "threads", "tasks", "locks", "resources"]:
        if not browser.js("return document.getElementById(arguments[0]) !== null", f"tab-{view}"):
            continue
        browser.click(f"#tab-{view}")
        if view in ("groups", "threads", "tasks"):
            browser.click(".grid-row")
            browser.js("[...document.querySelectorAll('.detail .frame')].slice(0, 30).forEach((frame) => frame.click())")
            browser.settle()
    equal(browser.complaints(), [])
    equal(browser.js("return document.querySelectorAll('main img, main svg[onload], main script, main style, iframe').length"), 0)
    browser.open("hostile", "#threads")
    shown = browser.text()
    for part in ["</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\\u{202e}txt.exe\\u{2066}", "{{data}}", "__proto__"]:
        holds(part in shown, f"{part} is not in\n{shown[:3000]}")
    browser.search('"<img src=x"')
    holds(browser.row_count() > 0, "found literally")
    equal(browser.js("return document.querySelector('mark').textContent"), "<img src=x")
    browser.choose("Any name", "__proto__")
    equal(browser.complaints(), [])


@check
def an_address_is_not_obeyed_either(browser):
    browser.open("server", "#threads?q=%3Cimg%20src=x%20onerror=alert(1)%3E&sel=t%3Cscript%3E&state=%3Cb%3E&module=x&label=%22&sort=__proto__.up&zoom=1e99")
    equal(browser.row_count(), 0)
    browser.open("server", "#stacks?zoom=99999&of=nonsense&mode=nonsense&dir=nonsense")
    equal(browser.complaints(), [])


# Size


@check
def a_huge_report_has_few_elements_wherever_one_is(browser):
    browser.open("huge")
    for view, last in [("threads", "14999"), ("tasks", "100000"), ("groups", None)]:
        browser.click(f"#tab-{view}")
        browser.js("document.querySelector('[role=tabpanel]:not([hidden]) .grid').focus()")
        for key in [Keys.PAGE_DOWN, Keys.END, Keys.PAGE_UP, Keys.END]:
            browser.press(key)
        holds(browser.js("return document.querySelectorAll('*').length") < 3500, "too many elements")
        if last:
            holds(any(row.startswith(last) for row in browser.rows()), f"{view}: {browser.rows()[-3:]}")
    browser.open("huge", "#tasks?mode=tree")
    equal(browser.row_count(), 100000)
    browser.search("request 4242")
    holds(1 <= browser.row_count() < 30, str(browser.row_count()))
    browser.open("huge", "#stacks?of=both")
    holds("110,000 threads and tasks" in browser.result(), browser.result())
    browser.press("/")
    browser.press(*"worker<4")
    holds("match" in browser.result(), browser.result())
    equal(browser.complaints(), [])


# Looks


@check
def both_themes_have_contrast_everywhere(browser):
    for theme in ["light", "dark"]:
        browser.media(prefers_color_scheme=theme)
        for name, address in [("crash", ""), ("crash", "#groups?q=worker&sel=g0"), ("crash", "#threads?sel=t4716&q=worker"),
                              ("crash", "#stacks"), ("crash", "#stacks?mode=table"), ("tasks", "#tasks?mode=tree&sel=k9"),
                              ("tasks", "#locks"), ("stuck", "#locks"), ("diff", ""), ("diff", "#stacks"), ("crash", "#resources"), ("server", "#threads?sel=t4717")]:
            browser.open(name, address)
            texts, low = browser.contrasts()
            holds(texts > 10, f"{texts} texts at {address}")
            equal(low, [], f"{theme} {name} {address}")
    browser.media()


@check
def the_theme_can_be_chosen(browser):
    browser.media(prefers_color_scheme="light")
    browser.open("server")
    background = "return getComputedStyle(document.body).backgroundColor"
    light = browser.js(background)
    browser.click('[aria-label="Colours"] button:last-child')
    holds(browser.js(background) != light, "not dark")
    browser.open("server")
    holds(browser.js(background) != light, "not kept")
    browser.click('[aria-label="Colours"] button:first-child')
    equal(browser.js(background), light)
    browser.media()


@check
def screen_readers_have_a_name_for_every_control(browser):
    for name, address in [("crash", ""), ("crash", "#groups?sel=g0"), ("crash", "#threads?sel=t4716"), ("crash", "#stacks"),
                          ("crash", "#stacks?mode=table"), ("tasks", "#tasks?mode=tree&sel=k9"), ("tasks", "#locks"), ("stuck", "#locks"), ("diff", ""),
                          ("crash", "#resources")]:
        browser.open(name, address)
        unnamed, roles = browser.unnamed()
        equal(unnamed, [], f"{name} {address}")
        holds(roles.get("tab", 0) >= 5 and roles.get("tabpanel") == 1, str(roles))


@check
def a_phone_shows_list_or_detail(browser):
    browser.size(390, 844)
    try:
        browser.open("server", "#threads")
        equal(browser.js("return document.documentElement.scrollWidth"), 390)
        browser.click(".grid-row")
        holds(browser.text(".grid-row") == "" and "thread" in browser.text(".detail h2"), "the detail alone")
        browser.click(".detail .back")
        holds(browser.text(".grid-row") != "" and browser.text(".detail h2") == "", "the list alone")
        for view in ["summary", "groups", "stacks", "resources"]:
            browser.open("server", f"#{view}")
            equal(browser.js("return document.documentElement.scrollWidth"), 390, view)
    finally:
        browser.size(1280, 800)


@check
def paper_has_the_contents_alone(browser):
    browser.open("crash")
    browser.media(kind="print")
    holds(browser.text(".tabs") == "" and "Findings" in browser.text(), "print")
    equal(browser.js("return getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)")
    browser.media()


@check
def without_javascript_there_is_the_text(browser):
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.driver.get("about:blank")
        browser.driver.get("file://" + str(browser.folder / "server report.html").replace(" ", "%20"))
        nodes = browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        text = "\n".join(node.get("name", {}).get("value", "") for node in nodes)
        for part in ["needs JavaScript", "sleeping in futex (condition)", "Queue.next()"]:
            holds(part in text, f"{part} is not in\n{text[:2000]}")
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def take_pictures(browser):
    views = [("crash", ""), ("server", "#groups?sel=g0"), ("crash", "#threads?q=worker&sel=t4716"), ("server", "#stacks"),
             ("huge", "#stacks?q=Worker%3C49"), ("server", "#stacks?mode=table"), ("tasks", "#tasks?mode=tree&sel=k9"), ("stuck", "#locks"), ("diff", ""), ("diff", "#stacks"),
             ("server", "#resources"), ("huge", "#groups"), ("hostile", "#threads")]
    for width, height in [(1280, 800), (390, 844)]:
        browser.size(width, height)
        for theme in ["light", "dark"]:
            browser.media(prefers_color_scheme=theme)
            for name, address in views:
                browser.open(name, address)
                time.sleep(0.1)
                view = address.split("?")[0].strip("#") + ("-table" if "mode=table" in address else "")
                browser.driver.save_screenshot(str(browser.folder / f"{name}-{view or 'summary'}-{width}-{theme}.png"))


def main():
    browser = Browser(sys.argv[1])
    failed = 0
    only = sys.argv[3:] if "--only" in sys.argv else []
    try:
        for function in CHECKS:
            if only and function.__name__ not in only:
                continue
            begin = time.monotonic()
            name = function.__name__.replace("_", " ")
            try:
                function(browser)
                print(f"ok {name} ({time.monotonic() - begin:.1f} s)", flush=True)
            except Exception as error:
                failed += 1
                place = traceback.extract_tb(error.__traceback__)
                lines = [entry.lineno for entry in place if entry.filename == __file__]
                print(f"FAILED {name} (line {lines[-1]}): {str(error)[:1500]}".replace("\n", " ⏎ "), flush=True)
        if "--pictures" in sys.argv:
            take_pictures(browser)
    finally:
        browser.close()
    sys.exit(1 if failed else 0)


main()
