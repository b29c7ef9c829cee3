"""Themes, contrast, names for screen readers, phones, paper, no script."""
from checking import check, equal, holds


@check
def both_themes_have_contrast_everywhere(browser):
    for theme in ["light", "dark"]:
        browser.media(prefers_color_scheme=theme)
        for name, address in [("crash", ""), ("crash", "#groups?q=worker&sel=g0"), ("crash", "#threads?sel=t4716&q=worker"),
                              ("crash", "#stacks"), ("crash", "#stacks?mode=table"), ("tasks", "#tasks?mode=tree&sel=k9"),
                              ("tasks", "#locks"), ("stuck", "#locks"), ("diff", ""), ("diff", "#stacks"), ("similar", "#groups?alike=similar&sel=s0"),
                              ("similar", "#groups?alike=similar&sel=g1&q=work"), ("crash", "#resources"), ("server", "#threads?sel=t4717")]:
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
                          ("diff", "#stacks"), ("similar", "#groups?alike=similar&sel=s0"), ("crash", "#resources")]:
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
        browser.open("similar", "#groups?alike=similar&sel=s0")
        equal(browser.js("return document.documentElement.scrollWidth"), 390, "similar stacks")
        holds("Different stacks" in browser.text(".detail"), "the variants are there")
        browser.open("diff", "#stacks")
        equal(browser.js("return document.documentElement.scrollWidth"), 390, "the drawing of a comparison")
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
