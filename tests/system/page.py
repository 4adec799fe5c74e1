"""The status page in a browser: its numbers are posternctl's, and it looks right anywhere."""
import os
import shutil
import subprocess

import metrics
import peers
from browser import Browser
from claims import expect
from lab import SERVER, wait_for

# PST_PICTURES names a folder that pictures are kept in, to be looked at
PICTURES = os.environ.get("PST_PICTURES")
SHAPES = [("light", 1400, 1000, False), ("dark", 1400, 1000, True), ("narrow", 390, 844, False),
          ("narrow-dark", 390, 844, True)]
TABLE = "[...document.querySelectorAll('#{} tbody tr')].map(tr => " \
        "[...tr.cells].map(td => td.querySelector('meter')?.value ?? td.textContent))"
# contrast of an element's text and what is behind it, as WCAG 2 defines it
CONTRAST = """(() => {
    const light = colour => {
        const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(x => x / 255)
            .map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = e => {
        for (; e; e = e.parentElement) {
            const colour = getComputedStyle(e).backgroundColor;
            if (!colour.startsWith("rgba(0, 0, 0, 0"))
                return colour;
        }
    };
    return Math.min(...[...document.querySelectorAll("h1, h2, p, td, th, b, li, .chart text")]
        .filter(e => e.textContent.trim() && e.getClientRects().length).map(e => {
            const style = getComputedStyle(e);
            const front = light(e instanceof SVGElement ? style.fill : style.color);
            const back = light(behind(e));
            return (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
        }));
})()"""


def text(browser, element):
    return browser.run(f"document.getElementById('{element}').textContent")


def number(shown):
    return int(shown.replace(",", ""))


def wait_for_looks(browser, more):
    looks = "Number(document.body?.dataset.looks || 0)"
    first = browser.run(looks)
    wait_for(f"{more} looks", lambda: browser.run(looks) >= first + more, 60)


def differences(browser, gate):
    """Where the page and posternctl differ."""
    pairs = []
    status = gate.show("status")
    workers = status["workers"]
    for what in ("connections", "clients"):
        pairs.append((what, number(text(browser, f"tile-{what}")), sum(w[what] for w in workers)))
    pairs.append(("listeners", number(text(browser, "listeners")),
                  sum(w["listeners"] for w in workers)))
    for name, key in (("binds", "binds"), ("bind-failures", "bind_failures")):
        pairs.append((name, number(text(browser, name)), sum(e[key] for e in status["editors"])))
    account = status["account"]
    wanted = {("received", ""): account["received"], ("sent", ""): account["sent"],
              ("held", ""): account["held"]}
    for fate in ("originated", "dropped", "consumed"):
        wanted |= {(fate, reason): n for reason, n in account[fate].items() if n > 0}
    shown = {(row[0], row[1]): number(row[2]) for row in browser.run(TABLE.format("account"))}
    pairs.append(("account", shown, wanted))
    rows = [[row["name"], row["link"], row["rx_packets"], row["tx_packets"], row["rx_bytes"],
             row["tx_bytes"], row["port"]["imissed"]] for row in gate.show("show", "interfaces")]
    shown = [row[:2] + [number(cell) for cell in row[2:]]
             for row in browser.run(TABLE.format("interfaces"))]
    pairs.append(("interfaces", shown, rows))
    pools = {}
    for row in gate.show("show", "pools"):
        at = row["address"], row["protocol"]
        used, limit = pools.get(at, (0, 0))
        pools[at] = used + row["used"], limit + row["used"] + row["free"]
    shown = {(row[0], row[1]): (number(row[3]), number(row[4]))
             for row in browser.run(TABLE.format("ports"))}
    pairs.append(("ports", shown, pools))
    wanted = [[row["protocol"], row["external"], row["client"], row["editor"],
               "".join(row["filter"])] for row in gate.listeners()]
    shown = [row[:4] + ["-".join(2 * [row[4]])] for row in browser.run(TABLE.format("endpoints"))]
    pairs.append(("endpoints", shown, wanted))
    return [pair for pair in pairs if pair[1] != pair[2]]


def same_numbers(browser, gate):
    try:
        wait_for("the page to be up to date", lambda: not differences(browser, gate), 40)
    except RuntimeError:
        raise RuntimeError(f"the page differs: {differences(browser, gate)}") from None


def opened_by_port(lab, server):
    """An endpoint that stays: a PORT command without a transfer behind it."""
    sock = peers.connect_in(lab.client, (lab.clients[0], 0), (SERVER, 21))
    lines = sock.makefile("rwb", buffering=0)
    lines.readline()
    client = lab.clients[0].replace(".", ",")
    for command in (b"USER anonymous", b"PASS x", f"PORT {client},200,10".encode()):
        lines.write(command + b"\r\n")
        said = lines.readline()
        expect(said[:1] in b"23", f"{command}: {said}")
    return sock


def keep(browser, lab, name):
    path = lab.path(f"page-{name}.png")
    browser.picture(path)
    expect(os.path.getsize(path) > 20_000, f"hardly anything is on the picture: {path}")
    if PICTURES:
        os.makedirs(PICTURES, exist_ok=True)
        shutil.copy(path, PICTURES)


def shapes(browser, lab):
    """Light and dark, wide and narrow: nothing is cut off, and all of it can be read."""
    told = []
    for name, width, height, dark in SHAPES:
        browser.look(width, height, dark)
        browser.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        over = browser.run("document.documentElement.scrollWidth - innerWidth")
        expect(over <= 0, f"{name}: {over} points too wide")
        contrast = browser.run(CONTRAST)
        expect(contrast >= 4.5, f"{name}: contrast {contrast:.1f}")
        ground = browser.run("getComputedStyle(document.body).backgroundColor")
        told.append(f"{name}: {ground}, contrast {contrast:.1f} and more")
        keep(browser, lab, name)
    return told


def in_a_browser(lab, gate):
    with Browser(lab, lab.gate) as browser:
        metrics.traffic(lab, gate)
        server = peers.start_vsftpd(lab, metrics.downloads.make_root(lab))
        sock = opened_by_port(lab, server)
        pings = lab.start(lab.client, "ping", "-i", "0.02", SERVER)
        try:
            browser.look(1400, 1000)
            browser.go(metrics.URL + "/")
            wait_for_looks(browser, 4)
            rate = text(browser, "tile-rx")
            expect(float(rate) > 20, f"with 100 packets a second {rate} are shown")
            lines = browser.run("[...document.querySelectorAll('#chart-packets path')]"
                                ".filter(p => (p.getAttribute('d').match(/L/g) || []).length > 1)"
                                ".length")
            expect(lines == 4, f"{lines} lines of traffic for two interfaces")
            lab.stop(pings)
            same_numbers(browser, gate)
            expect(len(browser.run(TABLE.format("endpoints"))) > 0, "no endpoint is shown")
            notes = shapes(browser, lab)
        finally:
            lab.stop(pings)
            sock.close()
            lab.stop(server)
        expect(browser.complaints() == [], f"{browser.complaints()}")
        strange = {url for url in browser.asked_for() if not url.startswith((metrics.URL, "data:"))}
        expect(not strange, f"the page asks for {strange}")
    return notes


def runs_nothing_else(lab, gate):
    """The policy that comes with the page, tried: a script and a request of others'."""
    with Browser(lab, lab.gate) as browser:
        browser.go(metrics.URL + "/")
        wait_for_looks(browser, 1)
        browser.run("""(() => {
            const script = document.createElement("script");
            script.textContent = "document.title = 'broken'";
            document.head.append(script);
        })()""")
        expect(browser.run("document.title") == "Postern", "a foreign script ran")
        said = browser.run("fetch('http://127.0.0.1:1/').then(() => 'sent', e => e.message)")
        expect(said == "Failed to fetch", said)
        expect(any("Content Security Policy" in line for line in browser.complaints()),
               f"{browser.complaints()}")


def says_when_nobody_answers(lab, gate):
    """The appliance stops for a while: the page says so, and goes on when it is back."""
    with Browser(lab, lab.gate) as browser:
        browser.go(metrics.URL + "/")
        wait_for_looks(browser, 1)
        pid = metrics.pid_of(lab, gate)
        subprocess.run(["kill", "-STOP", str(pid)], check=True)
        try:
            wait_for("the page to say so", lambda: "no answer" in text(browser, "state"), 40)
        finally:
            subprocess.run(["kill", "-CONT", str(pid)], check=True)
        wait_for("the page to go on", lambda: "ready" in text(browser, "state"), 40)


CASES = [
    ("the page in a browser", in_a_browser),
    ("the page runs nothing else", runs_nothing_else),
    ("the page says when nobody answers", says_when_nobody_answers),
]
