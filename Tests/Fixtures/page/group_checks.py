"""Groups of similar stacks, with the identical ones below them."""
from selenium.webdriver.common.keys import Keys

from checking import check, equal, holds


@check
def similar_stacks_are_one_group_when_asked_for(browser):
    browser.open("similar", "#groups")
    equal(browser.result(), "8 groups of 33 threads and tasks")
    browser.click('[aria-label="Grouping"] button:last-child')
    holds("alike=similar" in browser.address(), browser.address())
    equal(browser.result(), "3 groups of 33 threads and tasks")
    rows = browser.rows()
    for part in ["18", "work(_:) Work.swift:41, :43, :88, :90 and 1 more", "5 different stacks"]:
        holds(part in rows[0], f"{part} is not in {rows[0]}")
    holds("different" not in rows[1] and "Client.keepAlive()" in rows[1], rows[1])
    holds("2 different stacks" in rows[2] and "Cart.swift:12, :15" in rows[2], rows[2])
    browser.click(".grid-row")
    text = browser.text(".detail")
    for part in ["18 threads in work(_:)", "/src/shop/Pool.swift:7, :9", "Different stacks", "work(_:) Work.swift:43 ← Pool.run() Pool.swift:7"]:
        holds(part in text, f"{part} is not in\n{text}")
    browser.click(".variants li:nth-child(2) button")
    holds("sel=g" in browser.address(), browser.address())
    equal(browser.text(".detail h2"), "4 threads in work(_:)")
    equal(browser.row_count(), 8, "its row is in sight")
    equal(browser.js("return document.querySelector('.grid-row[aria-selected=true]').ariaLevel"), "2")
    browser.click('[aria-label="Grouping"] button:first-child')
    equal(browser.row_count(), 8, "the same stacks")
    equal(browser.text(".detail h2"), "4 threads in work(_:)")
    browser.click(".detail .facts .link")
    equal(browser.text(".detail h2"), "18 threads in work(_:)")
    equal(browser.complaints(), [])


@check
def similar_stacks_open_and_close_by_key_and_mouse(browser):
    browser.open("similar", "#groups?alike=similar")
    grid = "document.querySelector('[role=treegrid]')"
    browser.js(f"{grid}.focus()")
    browser.press(Keys.HOME, Keys.ARROW_RIGHT)
    equal(browser.row_count(), 8)
    levels = browser.js("return [...document.querySelectorAll('.grid-row')].filter((e) => e.checkVisibility())"
                        ".sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((e) => [e.ariaLevel, e.ariaExpanded])")
    equal(levels, [["1", "true"]] + [["2", None]] * 5 + [["1", None], ["1", "false"]])
    browser.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    equal(browser.text(".detail h2"), "4 threads in work(_:)")
    browser.press(Keys.ARROW_LEFT)
    equal(browser.text(".detail h2"), "18 threads in work(_:)")
    browser.press(Keys.ARROW_LEFT)
    equal(browser.row_count(), 3)
    browser.click(".grid-row .twist")
    equal(browser.row_count(), 8)


@check
def a_search_counts_in_similar_groups_what_matches(browser):
    browser.open("similar", "#groups?alike=similar")
    browser.search("Work.swift name:worker-88")
    equal(browser.result(), "1 group of 3 threads and tasks")
    holds(browser.rows()[0].startswith("3\n"), browser.rows()[0])
    browser.js("document.querySelector('[role=treegrid]').focus()")
    browser.press(Keys.HOME, Keys.ARROW_RIGHT)
    equal(browser.row_count(), 2, "variants that match")
    browser.open("similar", "#threads?group=s0")
    equal(browser.row_count(), 18, "the members of all variants")
    browser.open("similar", "#groups?alike=similar&sel=s7")
    holds("has no such thread" in browser.text(".detail"), browser.text(".detail"))
    # Where nothing is similar there is nothing to choose.
    browser.open("server", "#groups?alike=similar")
    equal(browser.js("return document.querySelector('[aria-label=Grouping]')"), None)
