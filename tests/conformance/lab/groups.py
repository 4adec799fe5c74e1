"""Settings that tests share: one start of a gate for all tests of a group."""
import dataclasses

from lab import AF_PACKET, AF_XDP, KernelGate, Postern

SHORT_S = 4


@dataclasses.dataclass
class Group:
    """nat: Postern's settings; sysctls: the kernel's; kernel: whether it has such a thing."""

    name: str
    nat: dict = dataclasses.field(default_factory=dict)
    sysctls: tuple = ()
    kernel: bool = True
    mtu: int = 1500  # outside
    driver: str = AF_PACKET

    def postern(self, lab):
        gate = Postern(lab, nat=self.nat, driver=self.driver)
        gate.config["interfaces"]["outside"]["mtu"] = self.mtu
        return gate

    def linux(self, lab):
        return Kernel(lab, self)


class Kernel(KernelGate):
    def __init__(self, lab, group):
        super().__init__(lab, helper=False)
        self.group = group

    def __enter__(self):
        super().__enter__()
        self.lab.sysctl(self.lab.gate, "net.ipv4.icmp_ratelimit=0")
        for setting in self.group.sysctls:
            self.lab.sysctl(self.lab.gate, f"net.netfilter.nf_conntrack_{setting}")
        self.lab.run(self.lab.gate, "ip", "link", "set", "ge", "mtu", str(self.group.mtu))
        return self

    def timeout(self, name):
        return int(self.lab.run(self.lab.gate, "sysctl", "-n",
                                f"net.netfilter.nf_conntrack_{name}"))


GROUPS = {group.name: group for group in [
    Group("default"),
    Group("independent", nat={"filtering": "endpoint-independent"}),
    Group("short", nat={"timeouts": {"udp": SHORT_S, "icmp": SHORT_S}},
          sysctls=(f"udp_timeout={SHORT_S}", f"udp_timeout_stream={SHORT_S}",
                   f"icmp_timeout={SHORT_S}")),
    Group("small", mtu=1400),
    Group("fragments", driver=AF_XDP),  # the kernel reassembles for AF_PACKET's
    Group("hold", nat={"timeouts": {"syn_hold": 1}}),
    Group("quota", nat={"ports_per_client": 4}, kernel=False),
]}


def with_settings(name):
    """Which group a test belongs to; without it, to the default one."""
    def mark(test):
        test.group = GROUPS[name]
        return test
    return mark


def group_of(test):
    return getattr(test, "group", GROUPS["default"])
