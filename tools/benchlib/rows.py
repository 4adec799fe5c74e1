# SPDX-License-Identifier: BSD-3-Clause
"""The targets, row by row, and what is met.

A row has parts, each with a figure and its limit. A row is met when all of its parts are, missed
when one is; a part without a figure is not measured, and so is its row unless it is missed.
"""

import dataclasses

ADDED_NS = {1024: 18, 65536: 30, 1048576: 45, 4194304: 60}
TCP_MORE_NS = 5
MIXED_MORE_PERCENT = 10
TEN_MILLION = 10_000_000


@dataclasses.dataclass
class Part:
    what: str
    value: float | None
    limit: float | None = None  # none: it is only told
    unit: str = ""
    at_most: bool = True
    digits: int = 1

    @property
    def met(self):
        """None: not measured, or without a target."""
        if self.value is None or self.limit is None:
            return None
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    @property
    def target(self):
        if self.limit is None:
            return "-"
        return f"at {'most' if self.at_most else 'least'} {self.limit:g} {self.unit}"

    @property
    def measured(self):
        if self.value is None:
            return "not measured"
        return f"{self.value:,.{self.digits}f} {self.unit}"

    @property
    def verdict(self):
        return {True: "met", False: "missed", None: ""}[self.met]


@dataclasses.dataclass
class Row:
    title: str
    parts: list

    @property
    def met(self):
        verdicts = [part.met for part in self.parts if part.limit is not None]
        if False in verdicts:
            return False
        return None if None in verdicts else True


def find(document, **wanted):
    """The first object, however deep, that has these values; {} when there is none."""
    if isinstance(document, dict):
        if all(key in document and document[key] == value for key, value in wanted.items()):
            return document
        document = list(document.values())
    if isinstance(document, list):
        for inner in document:
            found = find(inner, **wanted)
            if found:
                return found
    return {}


def find_value(document, key):
    """The first value of that name, however deep; None when there is none."""
    if isinstance(document, dict) and key in document:
        return document[key]
    for inner in document.values() if isinstance(document, dict) else document or []:
        if isinstance(inner, (dict, list)):
            value = find_value(inner, key)
            if value is not None:
                return value
    return None


def scaled(value, factor):
    return None if value is None else value * factor


def forward_rows(added):
    """added: by flows and variant, what postern costs more than testpmd, ns a packet."""
    def of(flows, variant):
        return added.get(flows, {}).get(variant)

    def more(flows, variant):
        plain, other = of(flows, "udp"), of(flows, variant)
        return None if plain is None or other is None else other - plain

    def percent(flows, variant):
        difference = more(flows, variant)
        return None if difference is None else 100 * difference / of(flows, "udp")

    mixed = [Part(f"{name}, {flows:,} flows", percent(flows, variant), MIXED_MORE_PERCENT, "%")
             for variant, name in (("imix", "IMIX"), ("vlan", "VLAN"))
             for flows in ADDED_NS if variant in added.get(flows, {})]
    return [
        Row("forward UDP both ways, added to macswap's cost",
            [Part(f"{flows:,} flows", of(flows, "udp"), limit, "ns")
             for flows, limit in ADDED_NS.items()]),
        Row("established TCP with windows, more than UDP",
            [Part(f"{flows:,} flows", more(flows, "tcp"), TCP_MORE_NS, "ns")
             for flows in ADDED_NS]),
        Row("mixed sizes, VLAN on one side, more than plain UDP",
            mixed or [Part("IMIX", None, MIXED_MORE_PERCENT, "%")]),
    ]


def setup_rows(udp, tcp):
    """Reports of mode setup in its steady state."""
    def rate_parts(report, millions):
        return [Part("connections a second", scaled(report.get("connections_per_s"), 1e-6),
                     millions, "M", at_most=False, digits=2),
                Part("live meanwhile", scaled(report.get("live"), 1e-6), None, "M", digits=2),
                Part("expired meanwhile", scaled(report.get("expired"), 1e-6), None, "M",
                     digits=2)]

    loops = []
    for name, report in (("UDP", udp), ("TCP", tcp)):
        loops += [Part(f"p99.99 with {name}", report.get("loop_p9999_us"), 50, "us"),
                  Part(f"p99.99 of one that only waits, {name}", report.get("idle_p9999_us"), None,
                       "us"),
                  Part(f"p99.99 wherever the CPU was, {name}", report.get("every_p9999_us"), None,
                       "us"),
                  Part(f"longest with {name}", report.get("loop_max_us"), None, "us")]
    return [Row("new UDP connections, as many expire", rate_parts(udp, 2)),
            Row("new TCP connections, begun and ended", rate_parts(tcp, 0.7)),
            Row("a worker's loop meanwhile, CPU left alone", loops)]


def memory_row(bytes_each):
    return Row("memory per connection, all in",
               [Part("bytes", bytes_each, 192, "bytes", digits=0),
                Part("10 M connections", scaled(bytes_each, TEN_MILLION / 1e9), 2.5, "GB",
                     digits=2)])


def bind_rows(document, load):
    trips = [Part(f"{name} for n = {n}",
                  find(document, cpus="dedicated", fill_percent=0, n=n).get(f"{name}_us"), limit,
                  "us") for name, limit in (("p50", 2), ("p99", 10)) for n in (1, 2, 64)]
    calls = find(document, cpus="dedicated", fill_percent=0, n=1).get("calls_per_s")
    trips.append(Part("calls a second for n = 1", scaled(calls, 1e-3), 400, "k", at_most=False,
                      digits=0))
    loaded = find((load or {}).get("loaded"), n=1)
    return [Row("bind round trip, dedicated CPUs", trips),
            Row("the same with the worker forwarding",
                [Part("serve's share of the time", scaled(loaded.get("serve_share"), 100), 5, "%"),
                 Part("calls a second meanwhile", scaled(loaded.get("calls_per_s"), 1e-3), None,
                      "k", digits=0)])]


def edit_row(document):
    return Row("stream engine, one lcore",
               [Part("segments a second, no edits",
                     scaled(find(document, edits=False).get("segments_a_second"), 1e-6), 4, "M",
                     at_most=False, digits=2),
                Part("segments a second, an edit in each",
                     scaled(find(document, edits=True).get("segments_a_second"), 1e-6), 2, "M",
                     at_most=False, digits=2)])


def start_row(document):
    return Row("start to ready, 1 M connections configured",
               [Part("ready", find_value(document, "ready_s"), 2, "s", digits=2)])


def table(rows):
    lines = [f"{'':50}{'target':>20}{'measured':>18}"]
    for row in rows:
        lines.append(row.title)
        lines += [f"    {part.what:46}{part.target:>20}{part.measured:>18}  {part.verdict}".rstrip()
                  for part in row.parts]
    verdicts = [row.met for row in rows]
    lines.append(f"{len(rows)} rows: {verdicts.count(True)} met, {verdicts.count(False)} missed, "
                 f"{verdicts.count(None)} not measured in full")
    return "\n".join(lines)


def differing(group):
    """The places in which lists of words differ."""
    return [i for i, words in enumerate(zip(*group)) if len(set(words)) > 1]


def merged(group):
    place = differing(group)
    if not place and not group[0][0].isalpha():
        place = [0]  # figures are all told, be they the same
    words = list(group[0])
    for i in place:
        words[i] = " / ".join(other[i] for other in group)
    return " ".join(words)


def joined(texts):
    """What neighbours have in common written once: of "18 ns", "30 ns" it makes "18 / 30 ns"."""
    groups = []
    for words in map(str.split, texts):
        if groups and len(groups[-1][0]) == len(words) and \
                len(differing(groups[-1] + [words])) <= 1:
            groups[-1].append(words)
        else:
            groups.append([words])
    return ", ".join(map(merged, groups))


def markdown(rows):
    """For a README; parts without a target are not in it."""
    lines = ["| what | target | measured | |", "|---|---|---|---|"]
    for row in rows:
        parts = [part for part in row.parts if part.limit is not None]
        verdict = {True: "met", False: "missed", None: ""}[row.met]
        lines.append(f"| {row.title}: {joined(part.what for part in parts)} "
                     f"| {joined(part.target for part in parts)} "
                     f"| {joined(part.measured for part in parts)} | {verdict} |")
    return "\n".join(lines)


def as_json(rows):
    return [{"row": row.title, "met": row.met,
             "parts": [{"what": part.what, "target": part.limit, "unit": part.unit,
                        "at_most": part.at_most, "measured": part.value, "met": part.met}
                       for part in row.parts]} for row in rows]
