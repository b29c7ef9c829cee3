"""How a page does in headless Chromium: first paint, until it can be used, keystrokes, zooms."""
import pathlib
import time
import urllib.parse

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

# Before the page's own script: when it was ready, and how long each input event and click took, to its frame on the screen.
WATCH = """
new MutationObserver((_, observer) => {
  if (document.documentElement && document.documentElement.dataset.ready) { window.readyAt = performance.now(); observer.disconnect(); }
}).observe(document, { attributes: true, childList: true, subtree: true });
window.latencies = [];
for (const type of ['input', 'click']) {
  addEventListener(type, (event) => {
    const begin = event.timeStamp;
    // The frame, and then the task after it: by that time it is on the screen.
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => window.latencies.push(performance.now() - begin);
      channel.port2.postMessage(0);
    });
  }, true);
}
"""


class Chromium:
    def __init__(self):
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        for flag in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                     "--disable-extensions", "--disable-background-networking", "--window-size=1280,800"]:
            options.add_argument(flag)
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})

    def close(self):
        self.driver.quit()

    def open(self, path, address=""):
        """Milliseconds from the start of the navigation to the first text on the screen, and until the page can be used."""
        self.driver.get("about:blank")
        self.driver.get(f"file://{urllib.parse.quote(str(pathlib.Path(path).resolve()))}{address}")
        self.wait("window.readyAt && performance.getEntriesByName('first-contentful-paint').length")
        return self.js("return [performance.getEntriesByName('first-contentful-paint')[0].startTime, window.readyAt]")

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition):
        end = time.monotonic() + 60
        while not self.js(f"return Boolean({condition})"):
            if time.monotonic() > end:
                raise SystemExit(f"the page did not become ready: {condition}")
            time.sleep(0.01)

    def type(self, query):
        """Milliseconds of each keystroke in the search, from the event to the frame that shows what it found."""
        self.js("const field = [...document.querySelectorAll('input[type=search]')].find((e) => e.checkVisibility()); field.focus(); window.latencies = [];")
        for number, letter in enumerate(query, 1):
            for kind in ("keyDown", "keyUp"):
                event = {"type": kind, "key": letter}
                if kind == "keyDown":
                    event["text"] = letter
                self.driver.execute_cdp_cmd("Input.dispatchKeyEvent", event)
            self.wait(f"window.latencies.length >= {number}")
            time.sleep(0.05)
        return self.js("return window.latencies")

    def click(self, x, y):
        """Milliseconds from a click to its frame."""
        self.js("window.latencies = []")
        for kind in ("mousePressed", "mouseReleased"):
            self.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1})
        self.wait("window.latencies.length >= 1")
        return self.js("return window.latencies[0]")

    def memory(self):
        """Bytes of the script's objects."""
        self.driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
        return self.js("return performance.memory.usedJSHeapSize")

    def elements(self):
        return self.js("return document.querySelectorAll('*').length")
