"""Draws the comparison as an SVG: a group of bars per program, CPU time
relative to one reference engine, shorter being faster.
"""
import statistics
from xml.sax.saxutils import escape

# Reference in this order: the first that ran.
REFERENCES = ("wasm3", "wasmi", "iwasm", "native")
SHOWN = (("vyoma", "#2f6fde"), ("wasm3", "#9aa3b2"), ("wasmi", "#c3c9d4"),
         ("iwasm", "#d8dce4"), ("liftoff", "#e39b3b"), ("native", "#4da167"))
LEFT, WIDTH, BAR, GAP, TOP = 96, 560, 7, 9, 64
STYLE = """
text { font: 12px Inter, system-ui, sans-serif; fill: #3c4350 }
.small { font-size: 10px; fill: #6b7280 }
.title { font-size: 15px; font-weight: 600; fill: #1f2430 }
.axis { stroke: #d5d9e0; stroke-width: 1 }
.ground { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #c6ccd8 } .small { fill: #8b93a3 } .title { fill: #f0f2f6 }
  .axis { stroke: #3a4150 } .ground { fill: #171b22 }
}
"""


def relative(times, engine, reference):
    return statistics.median(
        a / b for a, b in zip(times[engine], times[reference]))


def overall(rows, shown, reference):
    """A row of geometric means, over the programs that an engine runs."""
    row = {reference: [1.0]}
    for engine, _ in shown:
        values = [relative(t, engine, reference) for t in rows.values()
                  if engine in t]
        if values:
            row[engine] = [statistics.geometric_mean(values)]
    return row


def group(name, times, shown, reference, y):
    parts = [f'<text x="{LEFT - 8}" y="{y + len(shown) * BAR / 2 + 4}" '
             f'text-anchor="end">{escape(name)}</text>']
    for engine, colour in shown:
        if engine in times:
            value = relative(times, engine, reference)
            width = min(value, 1.15) / 1.2 * WIDTH
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" '
                         f'height="{BAR - 1}" rx="1" fill="{colour}">'
                         f'<title>{escape(name)}, {engine}: {value:.2f}'
                         '</title></rect>')
            if engine == "vyoma":
                parts.append(f'<text class="small" x="{LEFT + width + 4:.1f}" '
                             f'y="{y + BAR}">{value:.2f}</text>')
        y += BAR
    return parts


def legend(shown):
    parts, x = [], LEFT
    for engine, colour in shown:
        parts.append(f'<rect x="{x}" y="38" width="10" height="10" rx="2" '
                     f'fill="{colour}"/><text x="{x + 15}" y="47">{engine}'
                     '</text>')
        x += 30 + 7 * len(engine)
    return parts


def axis(height):
    parts = []
    for tick in range(0, 6):
        x = LEFT + tick / 5 / 1.2 * WIDTH
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" '
                     f'y1="{TOP - 8}" y2="{height - 26}"/>'
                     f'<text class="small" x="{x:.1f}" y="{height - 12}" '
                     f'text-anchor="middle">{tick / 5:.1f}</text>')
    return parts


def draw(table, found):
    """table: {program: {engine: [seconds]}}; returns the SVG's text."""
    reference = next(e for e in REFERENCES if e in found)
    shown = [(e, c) for e, c in SHOWN if e in found]
    rows = {n: t for n, t in table.items() if reference in t}
    rows = {"geomean": overall(rows, shown, reference), **rows}
    step = len(shown) * BAR + GAP
    height = TOP + len(rows) * step + 30
    version = " ".join(found[reference][1].split()[:2])
    body = axis(height) + legend(shown)
    for i, (name, times) in enumerate(rows.items()):
        body += group(name, times, shown, reference, TOP + i * step)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" '
            f'viewBox="0 0 {LEFT + WIDTH + 24} {height}">'
            f'<style>{STYLE}</style>'
            f'<rect class="ground" width="100%" height="100%"/>'
            f'<text class="title" x="{LEFT}" y="24">CPU time, {reference} = 1'
            f' ({escape(version)}); shorter is faster</text>'
            + "".join(body) + "</svg>\n")
