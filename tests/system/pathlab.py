"""A lab with a router behind the gate: client -- gate -- router -- far host.

The router is the lab's server namespace; the far host knows no way to the inside but the gate's
outside address. Links have MTUs of their own.
"""
import contextlib
import re

from lab import GATE_OUT, GROWS, SERVER, Lab, sh

ROUTER = SERVER
FAR_NET, FAR_ROUTER, FAR = "203.0.113.0/24", "203.0.113.1", "203.0.113.9"
ROUTES = [{"to": FAR_NET, "via": ROUTER}]
INSIDE = f"{GROWS[0]}.{GROWS[1][0]}"
MTU_FULL, MTU_GATE, MTU_FAR, MTU_INSIDE = 1500, 1400, 1300, 1280


class RoutedLab(Lab):
    """The gate's outside link has a smaller MTU than the inside."""

    routed = (FAR_NET,)
    mtu_inside, mtu_outside = MTU_FULL, MTU_GATE

    def build(self):
        super().build()
        self.far = f"{self.tag}-f"
        sh("ip", "netns", "add", self.far)
        self.made.append(self.far)
        sh("ip", "-n", self.far, "link", "set", "lo", "up")
        sh("ip", "link", "add", "f0", "netns", self.far, "type", "veth", "peer", "name", "rf",
           "netns", self.server)
        for name, device, address in ((self.far, "f0", FAR), (self.server, "rf", FAR_ROUTER)):
            self.sysctl(name, f"net.ipv6.conf.{device}.disable_ipv6=1")
            sh("ip", "-n", name, "addr", "add", f"{address}/24", "dev", device)
            sh("ip", "-n", name, "link", "set", device, "up")
            self.run(name, "ethtool", "-K", device, "tx", "off", "tso", "off", "gso", "off",
                     "gro", "off")
        sh("ip", "-n", self.far, "route", "add", f"{GATE_OUT}/32", "via", FAR_ROUTER)
        self.sysctl(self.server, "net.ipv4.ip_forward=1")
        self.sysctl(self.far, "net.ipv4.icmp_ratelimit=0")
        for name, device, mtu in ((self.client, "c0", self.mtu_inside),
                                  (self.gate, "gi", self.mtu_inside),
                                  (self.gate, "ge", self.mtu_outside),
                                  (self.server, "s0", self.mtu_outside)):
            sh("ip", "-n", name, "link", "set", device, "mtu", str(mtu))

    @contextlib.contextmanager
    def far_mtu(self, mtu):
        """While it lasts, the link behind the router takes no larger packets."""
        ends = (self.far, "f0"), (self.server, "rf")
        try:
            for name, device in ends:
                sh("ip", "-n", name, "link", "set", device, "mtu", str(mtu))
            yield
        finally:
            for name, device in ends:
                sh("ip", "-n", name, "link", "set", device, "mtu", str(MTU_FULL))

    def forget_paths(self):
        """No host remembers what it was told of a path's MTU, nor what TCP measured."""
        for name in (self.client, self.server, self.far):
            sh("ip", "-n", name, "route", "flush", "cache")
            sh("ip", "-n", name, "tcp_metrics", "flush", "all")

    def path_mtu(self, name, to):
        """What a host was told of the way to an address, or None."""
        found = re.search(r"\bmtu (\d+)", sh("ip", "-n", name, "route", "get", to))
        return int(found[1]) if found else None


class NarrowInside(RoutedLab):
    """The inside link has the smaller MTU: the gate has to tell who is outside."""

    mtu_inside, mtu_outside = MTU_INSIDE, MTU_FULL
