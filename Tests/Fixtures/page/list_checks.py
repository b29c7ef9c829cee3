"""Groups, threads, and the detail beside a list."""
from selenium.webdriver.common.keys import Keys

from checking import check, equal, holds


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
