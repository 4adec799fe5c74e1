"""Headless Chromium, told what to do by its DevTools protocol over two pipes."""
import base64
import json
import os
import select
import shutil
import subprocess
import time

from claims import Skip

ARGV = ["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
        "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-extensions", "--hide-scrollbars"]
PATIENCE_S = 60


class Browser:
    """One browser with one page, in a namespace of the lab."""

    def __init__(self, lab, name):
        program = shutil.which("chromium")
        if program is None:
            raise Skip("there is no chromium (tools/setup installs it)")
        self.lab = lab
        self.buffer, self.number, self.events, self.session = b"", 0, [], None
        commands, self.to = os.pipe()
        self.answers, answers = os.pipe()
        home = lab.path("chromium")
        os.makedirs(home, exist_ok=True)
        # bash puts the pipes where the browser looks for them: 3 and 4
        self.proc = lab.start(name, "bash", "-c", f'exec "$@" 3<&{commands} 4>&{answers}', "-",
                              program, *ARGV, f"--user-data-dir={home}", "about:blank",
                              pass_fds=(commands, answers), env={**os.environ, "HOME": home},
                              stderr=subprocess.DEVNULL)
        os.close(commands)
        os.close(answers)

    def __enter__(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        self.lab.stop(self.proc)
        os.close(self.to)
        os.close(self.answers)

    def receive(self, end):
        while b"\0" not in self.buffer:
            if not select.select([self.answers], [], [], max(0, end - time.monotonic()))[0]:
                raise RuntimeError("the browser does not answer")
            data = os.read(self.answers, 1 << 20)
            if not data:
                raise RuntimeError("the browser has ended")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session is not None:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE_S
        while True:
            got = self.receive(end)
            if got.get("id") == self.number:
                if "error" in got:
                    raise RuntimeError(f"{method}: {got['error']}")
                return got["result"]
            if "method" in got:
                self.events.append(got)

    def go(self, url):
        said = self.call("Page.navigate", url=url)
        if "errorText" in said:
            raise RuntimeError(f"{url}: {said['errorText']}")

    def run(self, script):
        """What a script returns."""
        got = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                        awaitPromise=True)
        if "exceptionDetails" in got:
            raise RuntimeError(f"{script}: {got['exceptionDetails']}")
        return got["result"].get("value")

    def look(self, width, height, dark=False):
        """The window's size in points, and whether its user likes it dark."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def picture(self, path):
        got = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        with open(path, "wb") as f:
            f.write(base64.b64decode(got["data"]))

    def complaints(self):
        """What the browser says that went wrong: errors, refusals of the policy, exceptions."""
        self.run("0")  # all that came before is here then
        said = [event["params"]["entry"]["text"] for event in self.events
                if event["method"] == "Log.entryAdded" and
                event["params"]["entry"]["level"] in ("error", "warning")]
        return said + [str(event["params"]["exceptionDetails"]) for event in self.events
                       if event["method"] == "Runtime.exceptionThrown"]

    def asked_for(self):
        """All addresses that the page asked for."""
        self.run("0")
        return {event["params"]["request"]["url"] for event in self.events
                if event["method"] == "Network.requestWillBeSent"}
