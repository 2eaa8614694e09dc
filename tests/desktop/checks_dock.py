"""Checks 13 to 22: the dock."""
from desktop import (KILL, Desktop, center, channels, check, near, need)

# Four apps whose tiles are told apart by their colours.
APPS = [("red", "Red App", 0xd01010), ("green", "Green App", 0x10c010),
        ("blue", "Blue App", 0x1010d0), ("pink", "Pink App", 0xd010d0)]
REAL = 5  # calculator, clock, notes, paint, terminal come before them
CELL, GAP, DIVIDER = 62, 10, 14
BOTTOM = 900 - 8 - 12  # of the tiles
ROW = BOTTOM - 13      # below the pointer, beside the round corners


def dock():
    d = Desktop(install=APPS)
    d.move(720, 500)
    d.sync()
    return d


def rest_x(index, minimised=0):
    """The centre of an icon when nothing is magnified."""
    n = REAL + len(APPS) + minimised
    left = (1440 - n * CELL - GAP - (DIVIDER if minimised else 0)) / 2
    after = DIVIDER if index >= REAL + len(APPS) else 0
    return round(left + GAP / 2 + CELL * index + CELL / 2 + after)


def icon(app):
    return REAL + [a[0] for a in APPS].index(app)


def is_tile(pixel, app):
    want = channels(dict((a, c) for a, _, c in APPS)[app])
    have = channels(pixel)
    return all(h > 150 if w > 150 else h < 80 for h, w in zip(have, want))


def extents(d, app, y=ROW):
    """Left and right end of the app's tile in the last picture; or None."""
    row = d.pixels(450, y, 540)  # inside the bar
    hits = [x + 450 for x, p in enumerate(row) if is_tile(p, app)]
    return (hits[0], hits[-1]) if hits else None


def has_dot(d, x):
    d.look()
    return max(channels(d.pixel(x, 885))) < 100


def above(d, app, x):
    """Whether the tile is seen above its place: it bounces."""
    d.look()
    return is_tile(d.pixel(x, BOTTOM - 52 - 8), app)


@check(13, "dock: bottom centre; apps left, minimised right of a divider")
def _():
    with dock() as d:
        panel = d.panel("dock")
        x, _y, w, _h = panel["content"]
        need(x + w // 2 == 720 and panel["layer"] == "top",
             f"the dock is at {panel['content']}")
        d.look()
        for app in ("red", "pink"):
            ends = extents(d, app)
            need(ends and abs(sum(ends) / 2 - rest_x(icon(app))) <= 2,
                 f"{app} is at {ends}, not around {rest_x(icon(app))}")
        # the bar's own ends are as far from the middle on both sides
        half = (9 * CELL + GAP) / 2
        base = [sum(channels(p)) for p in d.pixels(720 - half - 6, 880, 12)]
        need(max(base) - min(base) > 60, "no edge of the bar at the left")
        d.puppet("red", "Away", size=(300, 200))
        d.key("super", "m")
        d.until(lambda: d.window("Away")["minimised"], "a minimised window")

        def moved():
            d.look()
            return is_tile(d.pixel(rest_x(9, 1), ROW), "red")
        d.until(moved, "a tile for the minimised window")
        need(is_tile(d.pixel(rest_x(icon("red"), 1), ROW), "red"),
             "the app itself has left")
        line = rest_x(9, 1) - CELL // 2 - DIVIDER // 2
        row = [sum(channels(p)) for p in d.pixels(line - 8, 860, 17)]
        need(max(row) - min(row) > 40, f"no divider around {line}: {row}")


@check(14, "dock: a dot only while the app runs")
def _():
    with dock() as d:
        x = rest_x(icon("green"))
        need(not has_dot(d, x), "a dot before it runs")
        d.puppet("green", "G")
        d.move(720, 500)
        d.until(lambda: has_dot(d, x), "a dot")
        d.signal("green", KILL)
        d.until(lambda: not has_dot(d, x), "no dot")
        for other in ("red", "blue"):
            need(not has_dot(d, rest_x(icon(other))), f"{other} has a dot")


@check(15, "dock: the icon bounces until the app is ready")
def _():
    with dock() as d:
        x = rest_x(icon("red"))
        need(not above(d, "red", x), "it bounces before it was clicked")
        d.click(x, 860)
        d.until(lambda: "red" in d.running(), "a launched app")
        d.move(720, 500)
        d.until(lambda: above(d, "red", x), "a bounce")
        d.until(lambda: not above(d, "red", x), "the way down")
        d.until(lambda: above(d, "red", x), "another bounce")
        need(not d.running()["red"]["ready"], "it is ready already")
        d.ask("open", "red", 300, 200, 0xffffffff, 0, "R")
        d.until(lambda: d.running()["red"]["ready"], "a ready app")
        d.until(d.settled, "the end of the bounces")
        need(not above(d, "red", x), "it stopped in the air")


@check(16, "dock: magnification peaks under the pointer and restores")
def _():
    with dock() as d:
        d.look()
        before = d.pixels(200, 800, 1040, 100)
        names = [a[0] for a in APPS]
        for app in names[:-1]:
            for part in (-20, 0, 20):
                x = rest_x(icon(app)) + part
                d.move(x, 842)
                d.until(lambda: (d.look(), (e := extents(d, app)) and
                                 e[1] - e[0] > 66)[1], f"{app} magnified")
                d.until(d.settled, "a still dock")
                d.look()
                at = {a: extents(d, a) for a in names}
                size = {a: e[1] - e[0] for a, e in at.items()}
                need(at[app][0] - 6 <= x <= at[app][1] + 6,
                     f"at {x}: the pointer is not on {app} {at[app]}")
                need(size[app] == max(size.values()) and size[app] > 66,
                     f"at {x}: {app} is not the largest: {size}")
                i = names.index(app)
                left, right = names[:i + 1], names[i:]
                for side in (left, right[::-1]):
                    sizes = [size[a] for a in side]
                    need(sizes == sorted(sizes), f"at {x}: {size}")
        d.move(720, 500)

        def restored():
            d.look()
            return d.pixels(200, 800, 1040, 100) == before
        d.until(restored, "the dock as it was")


@check(17, "dock: a name label on hover")
def _():
    with dock() as d:
        box = (200, 740, 1040, 70)
        d.move(rest_x(icon("blue")), 842)
        at = d.wait_text("Blue App", box, size=13)
        middle = at["x"] + at["w"] / 2
        need(abs(middle - sum(extents(d, "blue")) / 2) < 4,
             "the label is not above its icon")
        d.move(rest_x(icon("green")), 842)
        d.wait_text("Green App", box, size=13)
        need(not d.text("Blue App", box, size=13), "two labels")
        d.move(720, 500)
        d.wait_no_text("Green App", box, size=13)


@check(18, "dock: a click on a running app raises it")
def _():
    with dock() as d:
        d.puppet("red", "R", size=(500, 400))
        d.puppet("blue", "B", size=(500, 400))
        need(d.focused()["title"] == "B", "the newest has not the focus")
        d.until(lambda: has_dot(d, rest_x(icon("red"))), "a dot")
        d.click(rest_x(icon("red")), 860)
        d.wait_focus("R")
        need([w["title"] for w in d.windows()] == ["B", "R"], "not raised")
        need(len([a for a in d.running() if a == "red"]) == 1, "launched twice")


@check(19, "dock: a minimised window appears in it; a click restores it")
def _():
    with dock() as d:
        frame = d.puppet("pink", "P", size=(420, 310))["frame"]
        d.click(frame[0] + 40, frame[1] + 14)
        d.until(lambda: d.window("P")["minimised"], "a minimised window")
        d.move(720, 500)
        d.sync()
        need(not d.window("P")["shown"], "it still shows")
        d.until(lambda: (d.look(), is_tile(d.pixel(rest_x(9, 1), ROW),
                                           "pink"))[1], "its tile")
        d.click(rest_x(9, 1), 860)
        d.until(lambda: not d.window("P")["minimised"], "a restored window")
        d.sync()
        w = d.window("P")
        need(w["shown"] and w["focused"] and w["frame"] == frame,
             f"it came back as {w}")
        d.move(720, 500)
        d.until(lambda: (d.look(), is_tile(
            d.pixel(rest_x(icon("pink")), ROW), "pink"))[1],
            "the dock without it")
        d.until(d.settled, "a still dock")
        d.clean()


@check(20, "dock: a request for attention bounces")
def _():
    with dock() as d:
        d.puppet("green", "G")
        d.puppet("red", "R")
        d.move(720, 500)
        x = rest_x(icon("green"))
        need(not above(d, "green", x), "it bounces at once")
        d.attention("green", "G")
        d.until(lambda: above(d, "green", x), "a bounce")
        need(d.window("G")["attention"], "the state does not say so")
        d.click(x, 860)
        d.wait_focus("G")
        d.move(720, 500)
        d.until(d.settled, "the end of the bounces")
        need(not d.window("G")["attention"], "it still asks")
        d.attention("green", "G")  # it has the focus: no need
        d.sync()
        need(not d.window("G")["attention"], "the focused window asks")


@check(21, "dock: dragging reorders")
def _():
    def order(d):
        d.look()
        at = {a[0]: extents(d, a[0]) for a in APPS}
        return sorted(at, key=lambda a: at[a][0]) if all(at.values()) else []
    with dock() as d:
        need(order(d) == ["red", "green", "blue", "pink"], "the first order")
        d.drag((rest_x(icon("red")), 860), (rest_x(icon("blue")), 862), 20)
        d.move(720, 500)
        d.until(lambda: order(d) == ["green", "blue", "red", "pink"],
                "the new order")
        need("red" not in d.running(), "the drag was a click as well")
        d.drag((rest_x(icon("pink")), 860), (rest_x(icon("red")), 860), 20)
        d.move(720, 500)
        d.until(lambda: order(d) == ["pink", "green", "blue", "red"],
                "the order after a drag to the left")
        d.click(rest_x(icon("red")), 860)  # where pink is now
        d.until(lambda: "pink" in d.running(), "a click at the new place")


@check(22, "dock: a crash removes the dot")
def _():
    with Desktop("calculator") as d:
        x = round(720 - 2 * CELL)
        d.move(720, 500)
        d.until(lambda: has_dot(d, x), "a dot")
        d.signal("calculator", KILL)
        d.until(lambda: not has_dot(d, x), "no dot")
        need(not d.window("calculator"), "its window is left")
        d.clean()
