"""All cases, in groups that share a start of the gate."""
import dataclasses
import typing

import asking
import downloads
import endpoint
import events
import interfaces
import leaks
import livescreen
import metrics
import operate
import package
import page
import pathfrag
import pathlab
import pathmtu
import pathsock
import pathstun
import plain
import policy
import program
import published
import reload
import reloads
import routed
import rules
import segments
import service
import tftp
from lab import AF_PACKET, AF_XDP, GROWS, PCAP, SHRINKS, Lab, Postern


class NoGate:
    """For cases that start what they need."""

    proc = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@dataclasses.dataclass
class Group:
    """`kernel`: the kernel's NAT can stand in; `helper`: with its FTP helper; `lab`: its kind."""

    name: str
    gate: typing.Callable
    cases: list
    kernel: bool = False
    helper: bool = True
    inside: tuple = GROWS
    lab: type = Lab


PLAIN = [
    ("ping", plain.ping),
    ("what is for the gate itself", plain.for_the_gate_itself),
    ("what nobody asked for", plain.unasked_for),
    ("questions over UDP", plain.questions_over_udp),
    ("200 connections at once", plain.two_hundred_connections),
    ("200 MB by HTTP", downloads.http_200_mb),
]
FTP = [*downloads.ALL_WAYS, ("active FTP from eight clients", downloads.from_eight_clients)]
ENDPOINT = [
    ("only the server, and once", endpoint.only_the_server_and_once),
    ("what opens nothing", endpoint.what_opens_nothing),
    ("a form post opens nothing", endpoint.a_form_post_opens_nothing),
]
ALL = PLAIN + FTP + ENDPOINT + segments.CASES


def postern(**settings):
    return lambda lab: Postern(lab, **settings)


def paths_gate(workers, clamp, driver=AF_PACKET):
    def make(lab):
        gate = Postern(lab, workers=workers, driver=driver, routes=pathlab.ROUTES,
                       publish=pathmtu.PUBLISH, nat={"mss_clamp": clamp})
        if driver == PCAP:  # it does not tell
            gate.config["interfaces"]["outside"]["mtu"] = lab.mtu_outside
        return gate

    return make


PATHS = pathmtu.HOPS + pathmtu.UNCLAMPED + pathsock.CASES + pathfrag.BY_AF_PACKET

GROUPS = [
    Group("one worker", postern(), ALL, kernel=True),
    Group("two workers, one queue", postern(workers=2), ALL),
    Group("two workers, two queues", postern(workers=2, queues=2), ALL),
    Group("longer addresses inside", postern(), FTP + ENDPOINT + segments.CASES, kernel=True,
          inside=SHRINKS),
    Group("no editor", postern(editors={"ftp": {"enabled": False}}),
          [("active FTP fails, passive works", downloads.active_fails_passive_works)],
          kernel=True, helper=False),
    Group("strict filtering", postern(nat=tftp.STRICT, editors={"tftp": {}}),
          tftp.ON + tftp.SCRIPTED + FTP[:2], kernel=True),
    Group("strict filtering, two workers",
          postern(workers=2, nat=tftp.STRICT, editors={"tftp": {}}), tftp.ON + tftp.SCRIPTED),
    Group("strict filtering, short timers",
          postern(nat={"timeouts": leaks.SHORT, **tftp.STRICT}, editors={"tftp": {}}),
          [("TFTP leaves nothing", leaks.leaves_nothing(tftp.all_ways))]),
    Group("strict filtering, no TFTP editor", postern(nat=tftp.STRICT), tftp.OFF, kernel=True,
          helper=False),
    Group("rules", postern(**rules.SETTINGS), rules.CASES),
    Group("rules, two workers", postern(workers=2, **rules.SETTINGS), rules.CASES),
    Group("servers inside", postern(**published.SETTINGS), published.CASES),
    Group("servers inside, two workers", postern(workers=2, **published.SETTINGS),
          published.CASES),
    Group("servers inside, no TFTP editor",
          postern(**{**published.SETTINGS, "editors": {"tftp": {"enabled": False}}}),
          published.NO_EDITOR),
    Group("packet filters", postern(**policy.SETTINGS), policy.CASES),
    Group("packet filters, two workers", postern(workers=2, **policy.SETTINGS), policy.CASES),
    Group("operate", postern(**operate.SETTINGS), operate.CASES),
    Group("operate, two workers", postern(workers=2, **operate.SETTINGS), operate.CASES),
    Group("deterministic ports", postern(**policy.PLANNED), policy.PLAN),
    Group("deterministic ports, two workers", postern(workers=2, **policy.PLANNED), policy.PLAN),
    Group("event log", events.LoggingGate, events.CASES),
    Group("event log, slow", events.slow_gate, events.SLOW),
    Group("routed", postern(**routed.SETTINGS), routed.CASES),
    Group("routed, two workers", postern(workers=2, **routed.SETTINGS), routed.CASES),
    Group("short timers", postern(nat={"timeouts": leaks.SHORT}), leaks.CASES),
    Group("short timers, two workers", postern(workers=2, nat={"timeouts": leaks.SHORT}),
          leaks.CASES),
    *pathstun.groups(Group, postern),
    Group("paths", paths_gate(1, False), PATHS, kernel=True, lab=pathlab.RoutedLab),
    Group("paths, two workers", paths_gate(2, False), PATHS, lab=pathlab.RoutedLab),
    Group("paths, MSS clamped", paths_gate(1, True), pathmtu.CLAMPED, lab=pathlab.RoutedLab),
    Group("paths, MSS clamped, two workers", paths_gate(2, True), pathmtu.CLAMPED,
          lab=pathlab.RoutedLab),
    Group("paths, fragments", paths_gate(1, True, AF_XDP), pathfrag.CASES, kernel=True,
          lab=pathlab.RoutedLab),
    Group("paths, fragments, two workers", paths_gate(2, True, AF_XDP), pathfrag.CASES,
          lab=pathlab.RoutedLab),
    Group("paths, lost fragments", paths_gate(1, True, PCAP), pathfrag.LOST, lab=pathlab.RoutedLab),
    Group("paths, lost fragments, two workers", paths_gate(2, True, PCAP), pathfrag.LOST,
          lab=pathlab.RoutedLab),
    Group("paths, narrow inside", paths_gate(1, False), pathmtu.NARROW, kernel=True,
          lab=pathlab.NarrowInside),
    Group("paths, narrow inside, two workers", paths_gate(2, False), pathmtu.NARROW,
          lab=pathlab.NarrowInside),
    Group("operator", postern(), asking.CASES + livescreen.CASES),
    Group("operator, two workers", postern(workers=2), asking.CASES),
    Group("metrics", postern(), metrics.CASES),
    Group("metrics, two workers", postern(workers=2), metrics.CASES + page.CASES),
    Group("metrics, alone", lambda lab: NoGate(), metrics.ALONE),
    Group("reload", postern(**reload.SETTINGS), reload.CASES),
    Group("reload, two workers", postern(workers=2, **reload.SETTINGS), reload.CASES),
    Group("reloads", postern(**reloads.SETTINGS), reloads.CASES),
    Group("reloads, two workers", postern(workers=2, **reloads.SETTINGS), reloads.CASES),
    Group("links", postern(), interfaces.LINK),
    Group("VLANs", interfaces.vlans, interfaces.VLAN),
    Group("interfaces", lambda lab: NoGate(), interfaces.ALONE),
    Group("program", lambda lab: NoGate(), program.CASES),
    Group("service", lambda lab: NoGate(), service.CASES),
    Group("package", package.Package, package.CASES),
]
