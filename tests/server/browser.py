"""Drives a browser through the page of the example `web` and the docs page of its server; see browser.sh.

    browser.py PROGRAM [DIR]

It speaks WebDriver with chromedriver, which is JSON over HTTP, so it needs no package. A check that fails raises, and says what the page
showed.
"""

import base64
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

# How long anything may take that takes a second or two.
LONG = 60

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1180,900",
]


def request(url, body=None, method=None, headers=()):
    data = None if body is None else json.dumps(body).encode()
    made = urllib.request.Request(url, data, {"Content-Type": "application/json", **dict(headers)}, method=method)
    with urllib.request.urlopen(made, timeout=LONG) as answer:
        return json.load(answer)


def until(what, look):
    """Looks again and again, until there is something."""
    end = time.monotonic() + LONG
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: it did not come within {LONG} s")
        time.sleep(0.05)


class Server:
    """The example, which says where it answers."""

    def __init__(self, program, data, page="127.0.0.1:0", http="127.0.0.1:0"):
        arguments = [program, "--still", "--data", str(data), "--page", page, "--http", http]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        told = dict(self.process.stdout.readline().strip().split(": ", 1) for _ in range(2))
        self.page, self.http = told["page"], told["bank"].removesuffix("/docs")

    def call(self, command, **arguments):
        return request(f"{self.http}/commands/{command}", arguments)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(LONG)
        return self.process.returncode


class Browser:
    """A session of chromedriver with a profile of its own."""

    def __init__(self, folder):
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.driver.stdout:
            if "started successfully on port" in line:
                self.url = "http://127.0.0.1:" + line.rstrip(". \n").rsplit(" ", 1)[1]
                break
        else:
            raise AssertionError("chromedriver does not start")
        options = {"args": [*FLAGS, f"--user-data-dir={folder}"]}
        wanted = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
        self.session = "/session/" + self.send("POST", "/session", {"capabilities": wanted})["sessionId"]

    def send(self, method, path, body=None):
        try:
            return request(self.url + path, body, method)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()}") from error

    def open(self, url):
        self.send("POST", self.session + "/url", {"url": url})

    def run(self, script, *arguments):
        return self.send("POST", self.session + "/execute/sync", {"script": script, "args": list(arguments)})

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector)

    def shows(self, selector, wanted):
        try:
            until(selector, lambda: wanted in self.text(selector))
        except AssertionError as error:
            raise AssertionError(f"{selector} should show {wanted!r}, and shows {self.text(selector)!r}") from error

    def devtools(self, command, **parameters):
        return self.send("POST", self.session + "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def picture(self, folder, name):
        """Of all of the page, light and dark."""
        for scheme in ["light", "dark"]:
            self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            taken = self.devtools("Page.captureScreenshot", captureBeyondViewport=True)
            (folder / f"{name}-{scheme}.png").write_bytes(base64.b64decode(taken["data"]))

    def mistakes(self):
        """What went wrong in the page, but for a server that is not there."""
        log = self.send("POST", self.session + "/se/log", {"type": "browser"})
        return [line["message"] for line in log if line["level"] == "SEVERE" and "net::ERR_" not in line["message"]]

    def end(self):
        try:
            self.send("DELETE", self.session)
        finally:
            self.driver.terminate()
            self.driver.wait(LONG)


# Everything that one can use has a name, and text can be told from what is behind it.
NAMELESS = """
return [...document.querySelectorAll('input, select, textarea, button, a[href]')].filter(one =>
    !(one.labels?.length || one.getAttribute('aria-label') || one.textContent.trim())).map(one => one.outerHTML)"""
FAINT = """
const canvas = Object.assign(document.createElement('canvas'), {width: 1, height: 1}).getContext('2d', {willReadFrequently: true});
const light = color => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
  const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b;
};
const behind = one => { for (; one; one = one.parentElement) {
  const color = getComputedStyle(one).backgroundColor; if (color !== 'rgba(0, 0, 0, 0)') return color; } return 'white'; };
return [...document.querySelectorAll('body *')].filter(one => one.checkVisibility() && !one.matches('script, style') &&
    [...one.childNodes].some(part => part.nodeType === 3 && part.data.trim())).flatMap(one => {
  const [a, b] = [light(getComputedStyle(one).color), light(behind(one))];
  const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  return contrast < 4.5 ? [one.textContent.trim().slice(0, 40) + ': ' + contrast.toFixed(2)] : []; });"""


def is_for_everybody(browser, what):
    nameless = browser.run(NAMELESS)
    assert not nameless, f"{what}: these have no name: {nameless}"
    for scheme in ["light", "dark"]:
        browser.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        faint = until_still(browser, lambda: browser.run(FAINT))
        assert not faint, f"{what}, {scheme}: hard to read: {faint}"


def until_still(browser, look):
    """Waits for what moves on the page."""
    until("the page rests", lambda: browser.run("return document.getAnimations().every(one => one.playState !== 'running')"))
    return look()


def follows_the_bank(program, data, browser, pictures):
    server = Server(program, data)
    try:
        browser.open(server.page)
        browser.shows("#state", "live")
        browser.shows("[data-account='1'] .number", "1,200")
        browser.shows("#total", "7,600")

        server.call("deposit", account=1, amount=4321)
        browser.shows("[data-account='1'] .number", "5,521")
        browser.shows("#log li:first-child", "Ann pays in+4,321")
        server.call("transfer", **{"from": 1, "to": 2, "amount": 521})
        browser.shows("[data-account='1'] .number", "5,000")
        browser.shows("[data-account='2'] .number", "1,321")
        # What somebody calls themselves is text.
        server.call("open", owner="<b>Grace</b>")
        browser.shows("[data-account='7'] th", "<b>Grace</b>")
        print("the page shows what happens")

        browser.run("document.querySelector('#amount').value = 29; document.querySelector('#deposit button').click()")
        browser.shows("#told", "Ann has 5,029.")
        browser.shows("#log li:first-child", "Ann pays in+29")
        browser.run("document.querySelector('#amount').value = 2 ** 50; document.querySelector('#deposit button').click()")
        browser.shows("#told.bad", "No account can hold that much.")
        print("the page pays in, and shows a refusal")
        is_for_everybody(browser, "the page")
        pictures and browser.picture(pictures, "page")

        server.stop()
        browser.shows("#state", "bank")
        at = [url.removeprefix("http://") for url in (server.page, server.http)]
        server = Server(program, data, *at)
        # While the page looks for the bank.
        server.call("deposit", account=2, amount=679)
        browser.shows("#state", "live")
        browser.shows("[data-account='2'] .number", "2,000")
        browser.shows("#log li:first-child", "Bob pays in+679")
        lines = browser.run("return [...document.querySelectorAll('#log li')].map(one => one.textContent)")
        assert lines.count("Bob pays in+679") == 1 and lines.count("Ann pays in+4,321") == 1, lines
        server.call("deposit", account=2, amount=1)
        browser.shows("[data-account='2'] .number", "2,001")
        print("the page comes back after the server, and has missed nothing")
        mistakes = browser.mistakes()
        # The refusal is an answer of 409, which a browser logs.
        assert all("409" in one for one in mistakes), mistakes
    finally:
        server.stop()
    return server


def shows_the_docs(program, data, browser, pictures):
    server = Server(program, data)
    try:
        browser.open(server.http + "/docs")
        browser.shows("#title", "Bank")
        browser.shows("#commands", "deposit(account: ")
        browser.shows("#commands", "Puts money on an account, and gives its balance.")
        browser.shows("#queries", "accounts()")
        browser.shows("#types", "BankError")

        call = """
            const [name, given] = arguments, text = document.getElementById(name);
            text.closest('details').open = true;
            if (given) text.value = given;
            [...text.closest('details').querySelectorAll('button')].at(-1).click();"""
        browser.run(call, "c-deposit", '{"account": 3, "amount": 500}')
        browser.shows("details:has(#c-deposit) pre", '"value": 3000')
        browser.run(call, "q-accounts", "")
        browser.shows("details:has(#q-accounts) pre", "Carla")
        browser.run(call, "c-deposit", '{"account": 99, "amount": 500}')
        browser.shows("details:has(#c-deposit) pre", "409")
        browser.shows("details:has(#c-deposit) pre", "NoAccount")
        browser.run("document.getElementById('follow').click()")
        until("it follows", lambda: browser.run("return document.getElementById('follow').ariaPressed") == "true")

        def told():
            server.call("deposit", account=4, amount=7)
            return "Deposited" in browser.text("#events")

        until("events on the docs page", told)
        print("the docs page shows the bank, calls it and follows it")
        is_for_everybody(browser, "the docs page")
        pictures and browser.picture(pictures, "docs")
        mistakes = browser.mistakes()
        assert all("409" in one for one in mistakes), mistakes
    finally:
        server.stop()


def main():
    sys.stdout.reconfigure(line_buffering=True)
    program, *pictures = sys.argv[1:]
    pictures = pathlib.Path(pictures[0]) if pictures else None
    if pictures:
        os.makedirs(pictures, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        browser = Browser(folder / "profile")
        try:
            follows_the_bank(program, folder / "bank", browser, pictures)
            shows_the_docs(program, folder / "other", browser, pictures)
        finally:
            browser.end()


main()
