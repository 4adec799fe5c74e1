# SPDX-License-Identifier: BSD-3-Clause
"""A chart of cost against size, as SVG: readable in light and dark, and without colours.

Flows are on a logarithmic scale; where the size is a share it goes from 0 to 100 per cent.
"""

import html
import math

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 144, 56, 60
LABEL_GAP = 18  # between the names at the lines' ends
COLOURS = [("#57606a", "#9aa4b2"), ("#1d5fd1", "#6ea8fe"), ("#b3440b", "#ff9d5c")]
DASHES = ["2 4", "none", "8 4"]
STYLE = """
.back { fill: #ffffff } .ink { fill: #1f2328 } .grid { stroke: #d0d7de }
text { font: 13px sans-serif } .title { font-size: 16px; font-weight: bold }
.line { fill: none; stroke-width: 2 }
"""
DARK = ".back { fill: #0d1117 } .ink { fill: #e6edf3 } .grid { stroke: #30363d }"


def flows_text(flows):
    for size, unit in ((1 << 20, " M"), (1 << 10, " k")):
        if flows >= size:
            return f"{flows / size:g}{unit}"
    return str(flows)


def y_step(top):
    return next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
                if top / step <= 7 or step == 1000)


class Plot:
    """From data to places: flows on a logarithmic scale, or per cent; ns from zero up."""

    def __init__(self, series, percent=False):
        xs = [x for _, points in series for x, _ in points]
        ys = [y for _, points in series for _, y in points]
        self.percent = percent
        self.low, self.high = (0, 100) if percent else (math.log2(min(xs)), math.log2(max(xs)))
        self.step = y_step(max(ys))
        self.top = math.ceil(max(ys) / self.step) * self.step

    def x(self, size):
        place = size if self.percent else math.log2(size)
        share = (place - self.low) / ((self.high - self.low) or 1)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, ns):
        return HEIGHT - BOTTOM - ns / self.top * (HEIGHT - TOP - BOTTOM)

    def x_ticks(self):
        if self.percent:
            return range(0, 101, 25)
        first, last = math.ceil(self.low), math.floor(self.high)
        every = 2 if last - first > 6 else 1
        return [1 << power for power in range(first, last + 1) if power % every == 0]

    def x_text(self, size):
        return f"{size} %" if self.percent else flows_text(size)

    def y_ticks(self):
        return range(0, self.top + 1, self.step)


def text(x, y, words, anchor="middle", kind="ink", more=""):
    return (f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>'
            f"{html.escape(words)}</text>")


def axes(plot, title, x_name, y_name):
    middle = (HEIGHT - BOTTOM + TOP) / 2
    out = [text(LEFT, 26, title, "start", kind="ink title")]
    for ns in plot.y_ticks():
        out.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{plot.y(ns):.1f}" '
                   f'y2="{plot.y(ns):.1f}"/>')
        out.append(text(LEFT - 8, plot.y(ns) + 4, str(ns), "end"))
    for flows in plot.x_ticks():
        out.append(f'<line class="grid" x1="{plot.x(flows):.1f}" x2="{plot.x(flows):.1f}" '
                   f'y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 5}"/>')
        out.append(text(plot.x(flows), HEIGHT - BOTTOM + 21, plot.x_text(flows)))
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, x_name))
    out.append(text(18, middle, y_name, more=f' transform="rotate(-90 18 {middle:.1f})"'))
    return out


def marker(number, x, y):
    if number == 0:
        return f'<circle class="mark{number}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    turn = f' transform="rotate(45 {x:.1f} {y:.1f})"' if number == 2 else ""
    return (f'<rect class="mark{number}" x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" '
            f'height="7"{turn}/>')


def lines(plot, series):
    out = []
    for number, (_, points) in enumerate(series):
        places = [(plot.x(x), plot.y(y)) for x, y in sorted(points)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        out.append(f'<polyline class="line line{number}" points="{path}"/>')
        out += [marker(number, x, y) for x, y in places]
    return out


def spread(places, gap):
    """The same places, in their order, but no two closer than the gap."""
    order = sorted(range(len(places)), key=places.__getitem__)
    moved = list(places)
    for before, after in zip(order, order[1:]):
        moved[after] = max(moved[after], moved[before] + gap)
    return moved


def names(plot, series):
    """The name of each line at its end."""
    ends = [max(points) for _, points in series]
    heights = spread([plot.y(ns) for _, ns in ends], LABEL_GAP)
    return [text(plot.x(flows) + 10, height + 4, name, "start")
            for (name, _), (flows, _), height in zip(series, ends, heights)]


def style(series):
    light, dark = "", ""
    for number in range(len(series)):
        day, night = COLOURS[number]
        light += (f".line{number} {{ stroke: {day}; stroke-dasharray: {DASHES[number]} }} "
                  f".mark{number} {{ fill: {day} }}\n")
        dark += f" .line{number} {{ stroke: {night} }} .mark{number} {{ fill: {night} }}"
    return f"<style>{STYLE}{light}@media (prefers-color-scheme: dark) {{ {DARK}{dark} }}\n</style>"


def svg(series, title, x_name, y_name, percent=False):
    """series: up to three (name, [(flows or per cent, ns), ...])."""
    plot = Plot(series, percent)
    return "\n".join(
        [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
         f'width="{WIDTH}" height="{HEIGHT}" role="img">', f"<title>{html.escape(title)}</title>",
         style(series), f'<rect class="back" width="{WIDTH}" height="{HEIGHT}" rx="6"/>']
        + axes(plot, title, x_name, y_name) + lines(plot, series) + names(plot, series)
        + ["</svg>", ""])
