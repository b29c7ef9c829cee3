"""Tasks, and locks."""
from selenium.webdriver.common.keys import Keys

from checking import check, equal, holds


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
