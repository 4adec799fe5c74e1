"""A lab with a router behind the gate: client -- gate -- router -- far host.

The router is the lab's server namespace; the far host knows no way to the inside but the gate's
outside address. Links have MTUs of their own: the router cuts what goes to the far host smaller
than that host believes, as a link in the midst of a path would.
"""
import re

from lab import GATE_OUT, GROWS, SERVER, Lab, sh

ROUTER = SERVER
FAR_NET, FAR_ROUTER, FAR = "203.0.113.0/24", "203.0.113.1", "203.0.113.9"
ROUTES = [{"to": FAR_NET, "via": ROUTER}]
INSIDE = f"{GROWS[0]}.{GROWS[1][0]}"
NOBODY = "203.0.113.77"  # the router says that there is no such host
MTU_FULL, MTU_GATE, MTU_FAR, MTU_INSIDE = 1500, 1400, 1300, 1280


class RoutedLab(Lab):
    """The gate's outside link has a smaller MTU than the inside."""

    routed = (FAR_NET,)
    mtu_inside, mtu_outside = MTU_FULL, MTU_GATE

    def build(self):
        super().build()
        self.add_far_host()
        self.set_routes()
        for name in (self.gate, self.far):
            self.sysctl(name, "net.ipv4.icmp_ratelimit=0")
        for name in (self.client, self.far):
            self.sysctl(name, "net.ipv4.ipfrag_time=2")
            # a fragment may be behind those of many other datagrams: workers do not wait
            # for each other
            self.sysctl(name, "net.ipv4.ipfrag_max_dist=0")
        for name, device, mtu in ((self.client, "c0", self.mtu_inside),
                                  (self.gate, "gi", self.mtu_inside),
                                  (self.gate, "ge", self.mtu_outside),
                                  (self.server, "s0", self.mtu_outside)):
            sh("ip", "-n", name, "link", "set", device, "mtu", str(mtu))

    def add_far_host(self):
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

    def set_routes(self):
        sh("ip", "-n", self.far, "route", "add", f"{GATE_OUT}/32", "via", FAR_ROUTER)
        sh("ip", "-n", self.server, "route", "change", FAR_NET, "dev", "rf", "proto", "kernel",
           "scope", "link", "src", FAR_ROUTER, "mtu", str(MTU_FAR))
        sh("ip", "-n", self.server, "route", "add", "unreachable", f"{NOBODY}/32")
        self.sysctl(self.server, "net.ipv4.ip_forward=1")

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

    def build(self):
        """The client asks for segments that its link would not take."""
        super().build()
        sh("ip", "-n", self.client, "route", "change", "default", "via", self.gate_in, "advmss",
           str(MTU_FULL - 40))
