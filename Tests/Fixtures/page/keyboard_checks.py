"""Keys, and the address bar."""
from selenium.webdriver.common.keys import Keys

from checking import check, equal, holds


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
