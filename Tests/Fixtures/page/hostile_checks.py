"""What a report or an address may not do, however it is written, and however large it is."""
from selenium.webdriver.common.keys import Keys

from checking import check, equal, holds


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
