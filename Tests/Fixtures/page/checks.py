"""checks.py FOLDER [--pictures]: uses the pages of the folder as people do; prints a line a check, `ok` or what was wrong.

`*_checks.py` say what is looked at, view by view. `checks.py FOLDER --only NAME…` makes these checks alone.
"""
import pathlib
import sys
import time
import traceback

# Each adds its checks, which are made in this order.
import summary_checks
import list_checks
import group_checks
import keyboard_checks
import stack_checks
import task_checks
import comparison_checks
import hostile_checks
import look_checks
from browser import Browser
from checking import CHECKS


def take_pictures(browser):
    views = [("crash", ""), ("server", "#groups?sel=g0"), ("crash", "#threads?q=worker&sel=t4716"), ("server", "#stacks"),
             ("huge", "#stacks?q=Worker%3C49"), ("server", "#stacks?mode=table"), ("tasks", "#tasks?mode=tree&sel=k9"), ("stuck", "#locks"), ("diff", ""), ("diff", "#stacks"),
             ("server", "#resources"), ("similar", "#groups?alike=similar&sel=s0"), ("similar", "#groups?alike=similar&sel=g1"), ("huge", "#groups"), ("hostile", "#threads")]
    for width, height in [(1280, 800), (390, 844)]:
        browser.size(width, height)
        for theme in ["light", "dark"]:
            browser.media(prefers_color_scheme=theme)
            for name, address in views:
                browser.open(name, address)
                time.sleep(0.1)
                view = address.split("?")[0].strip("#") + ("-table" if "mode=table" in address else "-variant" if "sel=g1" in address else "")
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
                lines = [f"{pathlib.Path(entry.filename).name}:{entry.lineno}" for entry in place
                         if entry.filename.endswith("_checks.py")]
                print(f"FAILED {name} ({lines[-1]}): {str(error)[:1500]}".replace("\n", " ⏎ "), flush=True)
        if "--pictures" in sys.argv:
            take_pictures(browser)
    finally:
        browser.close()
    sys.exit(1 if failed else 0)


main()
