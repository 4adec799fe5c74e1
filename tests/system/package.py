"""The Debian package: built, installed in a minimal Debian, started there, upgraded, purged."""
import json
import os
import re
import signal
import subprocess

from claims import Skip, expect
from debroot import DebianRoot, tell
from lab import GATE_OUT, ROOT, wait_for

CONFIG = "etc/postern/postern.json"
FOLDER = os.path.join(ROOT, "build-package")
UNIT = "/lib/systemd/system/postern.service"


class Package:
    """What all cases share: packages that were built, a Debian to install them in."""

    proc = None

    def __init__(self, lab):
        self.root = DebianRoot(lab.folder, FOLDER)
        self.why_not = None
        self.clean = None

    def __enter__(self):
        self.lintian = [line for line in tell(os.path.join(ROOT, "tools", "package", "build"),
                                              FOLDER).splitlines() if line[1:2] == ":"]
        self.debs = {re.match("(.*?)_", name)[1]: os.path.join(FOLDER, name)
                     for name in os.listdir(FOLDER) if name.endswith(".deb")}
        depends = ", ".join(tell("dpkg-deb", "-f", self.debs[name], "Depends").strip()
                            for name in ("postern", "postern-bench"))
        try:
            self.root.make(f"{depends}, librte-net-af-packet23")
        except Skip as skip:
            self.why_not = skip
        return self

    def __exit__(self, *_):
        pass

    def needed(self):
        if self.why_not:
            raise self.why_not
        return self.root


def builds(lab, package):
    """Into named files, and lintian has no errors."""
    expect({"postern", "postern-bench"} <= set(package.debs), f"{package.debs}")
    errors = [line for line in package.lintian if line.startswith("E:")]
    expect(errors == [], f"{errors}")
    return package.lintian


def installs(lab, package):
    """In a Debian that has nothing but what it asks for; the configuration it brings is good."""
    root = package.needed()
    package.clean = root.listing()
    root.install(package.debs["postern"])
    root.install(package.debs["postern-bench"])
    told = root.run("postern", "--check")
    expect(told == "/etc/postern/postern.json: good\n", told)
    root.run("test", "-x", "/usr/bin/postern-bench")
    done = subprocess.run(root.argv("posternctl", "status"), text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    expect(done.returncode == 3, f"posternctl exits {done.returncode}: {done.stderr}")
    owner = root.run("stat", "-c", "%U %a", "/var/log/postern")
    expect(owner == "postern 750\n", owner)
    enabled = root.run("sh", "-c", "find /etc/systemd -name postern.service")
    expect(enabled == "", f"started at boot without a configuration of this machine: {enabled}")


def readme_score():
    with open(os.path.join(ROOT, "README.md")) as f:
        found = re.search(r"Overall exposure level for postern.service: ([\d.]+)", f.read())
    expect(found, "the README does not tell the unit's score")
    return float(found[1])


def unit_is_good(lab, package):
    """To systemd's eyes, and as tight as the README says."""
    root = package.needed()
    told = root.run("systemd-analyze", "verify", "--man=no", UNIT)
    expect("postern" not in told, told)
    told = root.run("systemd-analyze", "security", "--offline=true", "--no-pager", UNIT)
    score = float(re.search(r"Overall exposure level for postern.service: ([\d.]+)", told)[1])
    expect(score == readme_score(), f"{score}, the README says {readme_score()}")
    return [f"exposure {score}"]


def unit_lines(root, key):
    with open(root.path(UNIT)) as f:
        return [line.strip().split("=", 1)[1] for line in f if line.startswith(f"{key}=")]


def config_of(lab):
    """For the lab's gate."""
    return {"memory": {"hugepages": False, "megabytes": 256}, "nat": {"sessions": 65536},
            "interfaces": {
                "inside": {"device": "net_af_packet0,iface=gi", "zone": "internal",
                           "address": f"{lab.gate_in}/24"},
                "outside": {"device": "net_af_packet1,iface=ge", "zone": "external",
                            "address": f"{GATE_OUT}/24"}}}


def starts(lab, package):
    """The installed program as the unit's user, with the unit's capabilities and no more."""
    root = package.needed()
    user, = unit_lines(root, "User")
    caps = ",".join("+" + cap.lower()[4:]
                    for cap in unit_lines(root, "AmbientCapabilities")[0].split())
    with open(root.path("tmp/lab.json"), "w") as f:
        json.dump(config_of(lab), f)
    root.run("systemd-tmpfiles", "--create", "postern.conf")
    proc = lab.start(lab.gate, *root.argv(
        "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs",
        f"--inh-caps=-all,{caps}", f"--ambient-caps=-all,{caps}", f"--bounding-set=-all,{caps}",
        "env", "RUNTIME_DIRECTORY=/run/postern", "postern", "-c", "/tmp/lab.json"),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        for line in proc.stdout:
            if line == "postern: ready\n":
                break
        else:
            raise RuntimeError("it does not get ready")
        lab.run(lab.client, "ping", "-c", "1", "-W", "2", lab.gate_in)
        status = json.loads(root.run("posternctl", "--json", "status"))
        expect(status["ready"] and status["account"]["received"] > 0, f"{status}")
    finally:
        code = lab.stop(proc, signal.SIGTERM)
    expect(code == 0, f"exit {code}")
    os.unlink(root.path("tmp/lab.json"))


SCRIPT = """
systemctl start postern
echo "start: $?"
until systemctl show -p StatusText postern | grep -q connections ||
	! systemctl is-active postern; do sleep 0.1; done >/dev/null
systemctl show -p User -p ActiveState -p NRestarts postern
grep -E '^(CapBnd|NoNewPrivs|Seccomp):' /proc/$(systemctl show -p MainPID --value postern)/status
posternctl --json status | grep ready
systemctl reload postern
echo "reload: $?"
systemctl stop postern
echo "stop: $?"
systemctl show -p Result postern
journalctl -u postern -o cat
"""


def serves(lab, package):
    """Under a systemd of its own, by the unit as it is: in the sandbox, with the watchdog."""
    root = package.needed()
    with open(root.path(CONFIG)) as f:
        shipped = f.read()
    with open(root.path(CONFIG), "w") as f:
        json.dump(config_of(lab), f)
    try:
        said = root.boot(SCRIPT, lab.gate, 180)
    finally:
        with open(root.path(CONFIG), "w") as f:
            f.write(shipped)
    for wanted in ("start: 0", "User=postern", "ActiveState=active", "NRestarts=0", "NoNewPrivs:\t1",
                   "Seccomp:\t2", '"ready": true', "reload: 0", "stop: 0", "Result=success"):
        expect(f"\n{wanted}" in "\n" + said.replace("  ", ""), f"no {wanted!r} in:\n{said}")
    caps = int(re.search(r"CapBnd:\t(\w+)", said)[1], 16)
    expect(caps & ~0x7000 == 0 and caps & 0x3000, f"capabilities {caps:x}")
    expect(said.count("\npostern: ready\n") == 1, f"lines of the journal are there twice:\n{said}")


def newer(deb, folder):
    """The same package with a higher version, and another configuration in it."""
    tree = os.path.join(folder, "newer")
    tell("dpkg-deb", "-R", deb, tree)
    control = os.path.join(tree, "DEBIAN", "control")
    with open(control) as f:
        text = re.sub("^(Version: .*)$", r"\1.1", f.read(), flags=re.MULTILINE)
    with open(control, "w") as f:
        f.write(text)
    with open(os.path.join(tree, CONFIG), "a") as f:
        f.write("\n")
    tell("dpkg-deb", "-b", "--root-owner-group", tree, tree + ".deb")
    return tree + ".deb"


def upgrades(lab, package):
    """The operator's configuration stays, and what the package brings lies beside it."""
    root = package.needed()
    with open(root.path(CONFIG)) as f:
        mine = f.read().replace("10.0.0.1/24", "10.77.0.1/24")
    with open(root.path(CONFIG), "w") as f:
        f.write(mine)
    before = root.run("dpkg-query", "-Wf", "${Version}", "postern")
    root.install(newer(package.debs["postern"], lab.folder))
    after = root.run("dpkg-query", "-Wf", "${Version}", "postern")
    expect(after == before + ".1", f"{before} became {after}")
    with open(root.path(CONFIG)) as f:
        expect(f.read() == mine, "the configuration was replaced")
    expect(os.path.exists(root.path(CONFIG + ".dpkg-dist")), "nothing lies beside it")
    root.run("postern", "--check")


def leaves_nothing(lab, package):
    """A removal leaves configuration and log; a purge leaves no file, no folder, no user."""
    root = package.needed()
    log = root.path("var/log/postern/events.jsonl")
    with open(log, "w") as f:
        f.write("{}\n")
    root.apt("remove", "postern", "postern-bench")
    expect(os.path.exists(root.path(CONFIG)) and os.path.exists(log), "gone too early")
    expect(not os.path.exists(root.path("usr/sbin/postern")), "still there")
    root.apt("purge", "postern", "postern-bench")
    now = root.listing()
    changed = sorted(name for name in set(now) | set(package.clean)
                     if now.get(name) != package.clean.get(name))
    expect(changed == [], f"it is not as it was before: {changed}")
    expect(not os.path.exists(root.path("run/postern")), "/run/postern is still there")
    return [f"{len(now)} files and folders as before"]


CASES = [
    ("builds", builds),
    ("installs", installs),
    ("its unit is good", unit_is_good),
    ("starts as its own user", starts),
    ("serves under systemd", serves),
    ("upgrades", upgrades),
    ("leaves nothing", leaves_nothing),
]
