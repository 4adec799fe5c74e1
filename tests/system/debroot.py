"""A minimal Debian in a folder, to install packages in and to see what they leave."""
import glob
import hashlib
import os
import shutil
import subprocess
import time

from claims import Skip

RELEASE = "bookworm"
KEPT_S = 7 * 86400  # an archive of the root serves so long

# The package manager's own: it changes with every installation, whatever is installed.
MANAGERS = ("var/cache/apt", "var/lib/apt", "var/lib/dpkg", "var/log/apt", "var/log/dpkg.log",
            "var/cache/ldconfig", "var/cache/debconf", "etc/ld.so.cache", "var/log/alternatives.log",
            "etc/passwd-", "etc/shadow-", "etc/group-", "etc/gshadow-", "dev", "proc", "sys", "run")


def tell(*argv):
    done = subprocess.run(argv, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def mirror():
    """Where this machine's apt has Debian from."""
    uris = tell("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages",
                "Origin: Debian", f"Codename: {RELEASE}", "Component: main").split()
    if not uris:
        raise Skip(f"apt has no mirror of Debian {RELEASE}")
    return uris[0]


def proxy():
    """The one that apt goes by, or None."""
    words = tell("apt-config", "shell", "proxy", "Acquire::http::Proxy").strip()
    return words.split("=", 1)[1].strip("'") if words else None


class DebianRoot:
    def __init__(self, folder, cache):
        self.root = os.path.join(folder, "debian")
        self.cache = cache

    def make(self, depends):
        """Debian, and what a package depends on; kept as an archive for the next time."""
        name = hashlib.sha256(f"{mirror()} {depends}".encode()).hexdigest()[:16]
        archive = os.path.join(self.cache, f"root-{name}.tar")
        os.makedirs(self.root)
        if os.path.exists(archive) and time.time() - os.path.getmtime(archive) < KEPT_S:
            tell("tar", "-C", self.root, "-xpf", archive)
            return
        self.bootstrap()
        self.apt("update")
        self.apt("--no-install-recommends", "satisfy", depends)
        self.apt("clean")
        for old in glob.glob(os.path.join(self.cache, "root-*.tar")):
            os.unlink(old)
        tell("tar", "-C", self.root, "-cpf", archive + ".new", ".")
        os.rename(archive + ".new", archive)

    def bootstrap(self):
        env = {**os.environ, **({"http_proxy": proxy()} if proxy() else {})}
        done = subprocess.run(["debootstrap", "--variant=minbase", RELEASE, self.root, mirror()],
                              text=True, env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            last = (done.stdout.strip() or "no word").splitlines()[-1]
            raise Skip(f"debootstrap gets no Debian from apt's mirror: {last}")
        shutil.copy("/etc/resolv.conf", self.path("etc/resolv.conf"))
        with open(self.path("etc/dpkg/dpkg.cfg.d/fast"), "w") as f:
            f.write("force-unsafe-io\n")  # nothing here is to survive
        if proxy():
            with open(self.path("etc/apt/apt.conf.d/proxy"), "w") as f:
                f.write(f'Acquire::http::Proxy "{proxy()}";\n')

    def path(self, name):
        return os.path.join(self.root, name.lstrip("/"))

    def argv(self, *argv):
        """Run something inside; what is mounted for it goes with it."""
        mounts = (f"mount -t proc proc {self.root}/proc && mount --rbind /sys {self.root}/sys && "
                  f"mount --rbind /dev {self.root}/dev")
        return ["unshare", "--mount", "sh", "-c", f'{mounts} && exec chroot {self.root} "$@"',
                "sh", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
                "DEBIAN_FRONTEND=noninteractive", *argv]

    def run(self, *argv):
        return tell(*self.argv(*argv))

    def boot(self, script, namespace, seconds):
        """Boot a copy of it, with systemd, in a network namespace; run a script there, and tell
        what that said."""
        copy = self.root + "-booted"
        tell("cp", "-a", self.root, copy)
        said = os.path.join(copy, "root", "said")
        with open(os.path.join(copy, "root", "script"), "w") as f:
            f.write(f"exec >/root/said 2>&1\n{script}\nsystemctl start --no-block poweroff.target\n")
        with open(os.path.join(copy, "etc/systemd/system/script.service"), "w") as f:
            f.write("[Unit]\nAfter=systemd-tmpfiles-setup.service\n"
                    "[Service]\nType=oneshot\nExecStart=/bin/sh /root/script\n")
        wants = os.path.join(copy, "etc/systemd/system/multi-user.target.wants")
        os.makedirs(wants, exist_ok=True)
        os.symlink("../script.service", os.path.join(wants, "script.service"))
        done = subprocess.run(
            ["timeout", "-k", "5", str(seconds), "systemd-nspawn", "-D", copy, "--register=no",
             "--keep-unit", f"--network-namespace-path=/run/netns/{namespace}",
             "--capability=CAP_NET_ADMIN,CAP_IPC_LOCK", "--bind-ro=/sys/module", "--console=pipe",
             "--boot"],
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if not os.path.exists(said):
            last = (done.stdout.strip() or "no word").splitlines()[-1]
            raise Skip(f"systemd-nspawn can't boot here: {last}")
        with open(said) as f:
            return f.read()

    def apt(self, *argv):
        return self.run("apt-get", "-y", *argv)

    def install(self, deb):
        """As somebody would who keeps the configuration that is there."""
        shutil.copy(deb, self.path("tmp/new.deb"))
        try:
            self.apt("--no-install-recommends", "-o", "Dpkg::Options::=--force-confold", "install",
                     "/tmp/new.deb")
        finally:
            os.unlink(self.path("tmp/new.deb"))

    def listing(self):
        """Each file with its size and mode, and who has accounts."""
        found = {}
        for folder, folders, files in os.walk(self.root):
            here = os.path.relpath(folder, self.root)
            folders[:] = [f for f in folders if os.path.normpath(f"{here}/{f}") not in MANAGERS]
            for name in folders + files:
                path = os.path.normpath(f"{here}/{name}")
                if path not in MANAGERS:
                    stat = os.lstat(os.path.join(folder, name))
                    found[path] = (oct(stat.st_mode), stat.st_size if name in files else 0)
        for name in ("etc/passwd", "etc/group", "etc/shadow", "etc/gshadow"):
            with open(self.path(name)) as f:
                found[name] = f.read()
        return found
