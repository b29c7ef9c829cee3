"""The drawing of all stacks, and its table."""
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from checking import check, equal, holds


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
