"""A headless Chromium with what checks of a page need: its errors, its requests, colours, the tree that screen readers see."""
import json
import pathlib
import time
import urllib.parse

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

WATCH = """
window.fired = [];
window.alert = window.confirm = window.prompt = (text) => { window.fired.push(String(text)); };
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => window.violations.push(event.violatedDirective + ' ' + event.blockedURI));
"""


class Browser:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        # Root has no sandbox of its own, and containers have little /dev/shm.
        for flag in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                     "--no-first-run", "--disable-extensions", "--disable-background-networking"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        self.size(1280, 800)

    def close(self):
        self.driver.quit()

    def size(self, width, height):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    dict(width=width, height=height, deviceScaleFactor=1, mobile=False))

    def media(self, kind="screen", **features):
        features = [dict(name=name.replace("_", "-"), value=value) for name, value in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dict(media=kind, features=features))

    def open(self, name, address=""):
        self.driver.get("about:blank")
        self.logs()
        path = urllib.parse.quote(str(self.folder / f"{name} report.html"))
        self.driver.get(f"file://{path}{address}")
        self.wait("document.documentElement.dataset.ready === 'true'")
        self.settle()

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition, limit=10):
        end = time.monotonic() + limit
        while not self.js(f"return Boolean({condition})"):
            if time.monotonic() > end:
                raise AssertionError(f"not within {limit} s: {condition}")
            time.sleep(0.02)

    def settle(self):
        """Two frames: what was asked for is drawn."""
        self.driver.execute_async_script("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done));")

    def element(self, selector):
        for element in self.driver.find_elements(By.CSS_SELECTOR, selector):
            if element.is_displayed():
                return element
        raise AssertionError(f"nothing to be seen is {selector}")

    def text(self, selector="main"):
        return self.js("return [...document.querySelectorAll(arguments[0])].filter((e) => e.checkVisibility())"
                       ".map((e) => e.innerText).join('\\n')", selector)

    def click(self, selector):
        self.element(selector).click()
        self.settle()

    def press(self, *keys):
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()
        self.settle()

    def search(self, query):
        field = self.element('input[type="search"]')
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(Keys.BACKSPACE)
        field.send_keys(query)
        self.settle()

    def choose(self, menu, value):
        self.js("const select = [...document.querySelectorAll('select')].find((s) => s.checkVisibility() && s.ariaLabel === arguments[0]);"
                "select.value = arguments[1]; select.dispatchEvent(new Event('change'));", menu, value)
        self.settle()

    def rows(self):
        """The texts of the rows in sight, in their order."""
        return self.js("return [...document.querySelectorAll('.grid-row')].filter((e) => e.checkVisibility())"
                       ".sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((e) => e.innerText)")

    def row_count(self):
        return self.js("return Number([...document.querySelectorAll('.grid')].find((e) => e.checkVisibility()).ariaRowCount) - 1")

    def result(self):
        return self.text(".result")

    def address(self):
        return self.js("return location.hash")

    def logs(self):
        return self.driver.get_log("browser"), self.driver.get_log("performance")

    def complaints(self):
        """What the browser did not like since the page was opened, and every request that was not for the page itself."""
        messages, events = self.logs()
        found = [entry["message"] for entry in messages]
        for entry in events:
            event = json.loads(entry["message"])["message"]
            if event["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
                url = event["params"].get("request", event["params"])["url"]
                is_page = url.startswith("file://") and url.split("#")[0].endswith("%20report.html")
                if not is_page and not url.startswith(("about:", "data:,")):
                    found.append(f"asked for {url[:200]}")
        return found + self.js("return [...window.fired.map((text) => 'fired ' + text), ...window.violations]")

    def unnamed(self):
        """Controls that a screen reader has no name for."""
        needs = {"button", "searchbox", "textbox", "combobox", "ComboBoxSelect", "listbox", "tab", "grid", "treegrid", "tree", "treeitem",
                 "tablist", "tabpanel", "link", "dialog", "complementary", "navigation", "table", "columnheader", "img"}
        nodes = self.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        roles, found = {}, []
        for node in nodes:
            if node.get("ignored"):
                continue
            role = node.get("role", {}).get("value")
            roles[role] = roles.get(role, 0) + 1
            if role in needs and not node.get("name", {}).get("value"):
                found.append(f"{role} {node.get('backendDOMNodeId')}")
        return found, roles

    def contrasts(self):
        """Texts in sight whose contrast is below WCAG's AA: 4.5, or 3 for large ones."""
        return self.js(CONTRAST)


CONTRAST = """
const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
const parse = (color) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
};
const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
const background = (element) => {
  const layers = [];
  for (let e = element; e; e = e.parentElement) {
    const color = parse(getComputedStyle(e).backgroundColor);
    if (color[3] > 0) layers.push(color);
    if (color[3] === 1) break;
  }
  return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
};
const found = [];
const seen = new Set();
let texts = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || seen.has(element) || !element.checkVisibility() || element.closest('.hidden, .skip, script, option, [disabled]')) continue;
  seen.add(element);
  texts++;
  const style = getComputedStyle(element);
  const below = background(element);
  const color = over(parse(style.color), below);
  const [a, b] = [luminance(color), luminance(below)];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const size = parseFloat(style.fontSize);
  const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
  if (ratio < (isLarge ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${element.className || element.tagName} ${walker.currentNode.data.trim().slice(0, 30)}`);
}
return [texts, found];
"""
