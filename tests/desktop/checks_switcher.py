"""Checks 31 to 37: the app switcher."""
from desktop import Desktop, channels, check, need

APPS = [("red", "Red App", 0xd01010), ("green", "Green App", 0x10a010),
        ("blue", "Blue App", 0x1010d0)]
BOX = (200, 340, 1040, 260)
CELL = 104


def three():
    """Focused last: blue, before it green, before that red."""
    d = Desktop(install=APPS)
    for app, title, _ in APPS:
        d.puppet(app, title, size=(300, 200))
        d.events(app, title)
    d.move(30, 600)
    return d


def hold(d):
    d.press("super")
    d.key("tab")
    d.until(lambda: d.panel("switcher"), "the switcher")


def drop(d):
    d.release("super")
    d.until(lambda: not d.panel("switcher"), "no switcher")
    d.sync()


def selected(d, title):
    d.wait_text(title, BOX, size=14)


def color_of(pixel):
    big = [p > 130 for p in pixel]
    return {(True, False, False): "red", (False, True, False): "green",
            (False, False, True): "blue"}.get(tuple(big), str(pixel))


@check(31, "app switcher: Super-Tab orders by recency")
def _():
    with three() as d:
        hold(d)
        panel = d.panel("switcher")["content"]
        need(abs(panel[0] + panel[2] / 2 - 720) <= 1, f"not centred: {panel}")
        y = panel[1] + 48 + 84 - 8  # in the tile, below the glyph

        def order():
            d.look()
            left = 720 - 3 * CELL / 2
            return [color_of(channels(d.pixel(left + CELL * (i + .5), y)))
                    for i in range(3)]
        d.until(lambda: order() == ["blue", "green", "red"], "the order")
        drop(d)
        need(d.focused()["title"] == "Green App", "not the one before")
        hold(d)
        d.until(lambda: order() == ["green", "blue", "red"], "the new order")
        drop(d)


@check(32, "app switcher: a quick tap swaps the last two with no overlay")
def _():
    with three() as d:
        def taps(want):
            """On a machine that is too busy a tap is not quick."""
            d.press("super")
            d.key("tab")
            d.release("super")
            d.wait_focus(want)
            return not [p for p in d.state()["panels"]
                        if p["title"] == "switcher"]
        quick = [taps(want) for want in ("Green App", "Blue App") * 3]
        need(any(quick), "the overlay is there")
        tabs = [e for _, t, _ in APPS for a in [t.split()[0].lower()]
                for e in d.events(a, t) if e[0] == "key" and e[1] == 15]
        need(not tabs, "a window has seen the Tab")


@check(33, "app switcher: Tab, Shift-Tab, arrows and the pointer select")
def _():
    with three() as d:
        hold(d)
        selected(d, "Green App")
        d.key("tab")
        selected(d, "Red App")
        d.key("tab")
        selected(d, "Blue App")  # around
        d.key("shift", "tab")
        selected(d, "Red App")
        d.key("left")
        selected(d, "Green App")
        d.key("right")
        selected(d, "Red App")
        d.move(720 - CELL, 450)  # the first cell
        selected(d, "Blue App")
        d.click(720, 450)
        d.until(lambda: not d.panel("switcher"), "a click picks")
        d.release("super")
        d.wait_focus("Green App")


@check(34, "app switcher: releasing Super activates the selection")
def _():
    with three() as d:
        frame = d.window("Red App")["frame"]
        d.click(frame[0] + 100, frame[1] + 10)
        d.key("super", "m")
        d.until(lambda: d.window("Red App")["minimised"], "a minimised window")
        hold(d)
        for _ in range(3):
            d.look()
            if d.text("Red App", BOX, size=14):
                break
            d.key("tab")
            d.sync()
        selected(d, "Red App")
        drop(d)
        d.wait_focus("Red App")
        need(not d.window("Red App")["minimised"], "it is not restored")


@check(35, "app switcher: Q quits and H hides in place")
def _():
    with three() as d:
        hold(d)
        selected(d, "Green App")
        d.key("h")
        d.until(lambda: d.window("Green App")["hidden"], "a hidden app")
        need(d.panel("switcher"), "hiding closes the switcher")
        d.key("q")
        d.until(lambda: ["quit"] in d.events("green", "Green App"),
                "asked to quit")
        need(d.panel("switcher"), "quitting closes the switcher")
        d.signal("green", 9)  # it has ended, as it was asked
        d.wait_no_text("Green App", BOX, size=14)
        for app in ("red", "blue"):
            title = app.capitalize() + " App"
            need(["quit"] not in d.events(app, title), f"{app} was asked too")
        d.key("esc")
        drop(d)


@check(36, "app switcher: Esc cancels")
def _():
    with three() as d:
        hold(d)
        selected(d, "Green App")
        d.key("esc")
        d.until(lambda: not d.panel("switcher"), "no switcher")
        drop(d)
        need(d.focused()["title"] == "Blue App", "it has switched all the same")


@check(37, "app switcher: Super-` cycles the app's windows")
def _():
    with three() as d:
        for title in ("Second", "Third"):
            d.puppet("blue", title, size=(250, 180))
        seen = []
        for _ in range(3):
            before = d.focused()["title"]
            d.key("super", "grave")
            d.until(lambda: d.focused()["title"] != before, "another window")
            d.sync()
            seen.append(d.focused()["title"])
            need(d.windows()[-1]["title"] == seen[-1], "it is not raised")
        need(seen == ["Blue App", "Second", "Third"], f"the order was {seen}")
