"""Checks 44 to 50: windows."""
from desktop import CONT, STOP, Desktop, center, channels, check, near, need

APPS = [("red", "Red App", 0xd01010), ("blue", "Blue App", 0x1010d0)]
TOP = 28      # the menu bar
FOOT = 900 - 84  # above the dock
# enum gfx_cursor
ACROSS, DOWN, FALLING, RISING, WAITING = 5, 6, 7, 8, 9


def one(size=(500, 320)):
    d = Desktop(install=APPS)
    d.puppet("red", "Red App", size=size, color=0xffc02020)
    d.move(30, 700)
    d.sync()
    d.events("red", "Red App")
    return d


def two():
    d = one()
    d.puppet("blue", "Blue App", size=(500, 320), color=0xff2020c0)
    d.events("blue", "Blue App")
    return d


def frame(d, title="Red App"):
    return d.window(title)["frame"]


def button(rect, i):
    return rect[0] + 20 * (i + 1), rect[1] + 14


def grip(rect):
    return rect[0] + rect[2] // 2, rect[1] + 10


def has_event(d, app, title, kind):
    return any(e[0] == kind for e in d.events(app, title))


@check(44, "windows: red, yellow, green; glyphs on hover; grey when unfocused")
def _():
    with two() as d:
        d.move(30, 700)
        d.sync()
        d.look()
        blue, red = frame(d, "Blue App"), frame(d)
        for i, color in enumerate((0xff5f57, 0xfebc2e, 0x28c840)):
            x, y = button(blue, i)
            need(near(d.pixel(x, y), color), f"button {i} is not {color:x}")
            pixel = channels(d.pixel(*button(red, i)))
            need(max(pixel) - min(pixel) < 12, f"button {i} is not grey")
        plain = [d.pixels(button(blue, i)[0] - 4, button(blue, i)[1] - 4, 9, 9)
                 for i in range(3)]
        d.move(*button(blue, 1))
        d.move(blue[0] + 30, blue[1] + 14)  # between two: the group counts
        d.sync()
        d.look()
        for i in range(3):
            now = d.pixels(button(blue, i)[0] - 4, button(blue, i)[1] - 4, 9, 9)
            inked = sum(not near(a, b, 40) for a, b in zip(plain[i], now))
            need(inked >= 5, f"button {i} shows no glyph ({inked})")
        d.move(30, 700)
        d.sync()
        d.look()
        need(plain == [d.pixels(button(blue, i)[0] - 4, button(blue, i)[1] - 4,
                                9, 9) for i in range(3)], "glyphs stay")


@check(45, "windows: red closes the window; the app stays")
def _():
    with Desktop("calculator", "notes") as d:
        for app in ("calculator", "notes"):
            rect = d.window(app)["frame"]
            d.click(rect[0] + 200, rect[1] + 10)
            d.wait_focus(app)
            d.click(*button(rect, 0))
            d.until(lambda: not d.window(app)["shown"], "a closed window")
            need(d.window(app)["closed"], f"the state of {app} does not say so")
        for _ in range(20):
            d.sync()
        need({"calculator", "notes"} <= set(d.running()), "an app has ended")
        need(d.focused() is None, "a closed window has the focus")
        d.clean()
        rect = d.window("notes")["frame"]
        d.click(720, 860)  # in the dock, the third of five
        d.until(lambda: d.window("notes")["shown"], "the window again")
        d.wait_focus("notes")
        need(d.window("notes")["frame"] == rect, "at another place")
        need(not d.window("calculator")["shown"], "the other came along")


@check(46, "windows: a title drag never hides it under the menu bar")
def _():
    with one() as d:
        for to in ((700, 0), (700, -50), (1439, 0), (0, 0)):
            d.drag(grip(frame(d)), to, drop=False)
            d.sync()
            need(frame(d)[1] >= TOP, f"it is at {frame(d)}")
            d.move(700, 400)
            d.button(False)
            d.sync()
        d.drag(grip(frame(d)), (700, 899))
        x, y, w, _ = frame(d)
        need(y + TOP <= 900 and 0 < x + w and x < 1440, "it has left")
        d.clean()


@check(46, "windows: eight resize zones with the right cursor; minimum size")
def _():
    with one() as d:
        x, y, w, h = frame(d)
        right, low, mid_x, mid_y = x + w, y + h, x + w // 2, y + h // 2
        zones = [((x - 1, mid_y), ACROSS, (-20, 0), (-20, 0, 20, 0)),
                 ((right, mid_y), ACROSS, (20, 0), (0, 0, 20, 0)),
                 ((mid_x, y - 1), DOWN, (0, -20), (0, -20, 0, 20)),
                 ((mid_x, low), DOWN, (0, 20), (0, 0, 0, 20)),
                 ((x - 1, y - 1), FALLING, (-9, -8), (-9, -8, 9, 8)),
                 ((right, low), FALLING, (9, 8), (0, 0, 9, 8)),
                 ((right, y - 1), RISING, (9, -8), (0, -8, 9, 8)),
                 ((x - 1, low), RISING, (-9, 8), (-9, 0, 9, 8))]
        for at, cursor, by, change in zones:
            d.move(*at)
            d.sync()
            need(d.state()["cursor"] == cursor,
                 f"at {at} the cursor is {d.state()['cursor']}")
            d.drag(at, (at[0] + by[0], at[1] + by[1]))
            want = [a + b for a, b in zip((x, y, w, h), change)]
            need(frame(d) == want, f"{at} by {by}: {frame(d)}, not {want}")
            d.drag((at[0] + by[0], at[1] + by[1]), at)
            need(frame(d) == [x, y, w, h], f"and back: {frame(d)}")
        d.move(mid_x, mid_y)
        d.sync()
        need(d.state()["cursor"] == 0, "a cursor inside the window")
        d.drag((right, low), (x - 300, y - 300))
        need(frame(d) == [x, y, 160, 60 + TOP], f"the least is {frame(d)}")
        d.until(lambda: has_event(d, "red", "Red App", "resized"), "told")
        d.clean()


AREA = (0, TOP, 1440, FOOT - TOP)
HALF = (FOOT - TOP) // 2
SNAPS = [("left half", (0, 420), (0, TOP, 720, FOOT - TOP)),
         ("right half", (1439, 420), (720, TOP, 720, FOOT - TOP)),
         ("top left", (0, 40), (0, TOP, 720, HALF)),
         ("top right", (1439, 40), (720, TOP, 720, HALF)),
         ("bottom left", (0, FOOT - 20), (0, TOP + HALF, 720, HALF)),
         ("bottom right", (1439, FOOT - 20), (720, TOP + HALF, 720, HALF)),
         ("fill", (700, 0), AREA)]


@check(47, "windows: an edge drag previews, then snaps; dragging away restores")
def _():
    with one() as d:
        size = frame(d)[2:]
        for name, edge, want in SNAPS:
            d.drag(grip(frame(d)), (700, 300))
            d.drag(grip(frame(d)), (600, 350), drop=False)
            d.sync()
            probe = (want[0] + want[2] - 30, want[1] + want[3] - 30)
            d.look()
            before = d.pixel(*probe)
            d.move(*edge)
            d.sync()
            need(d.state()["snap"], f"{name}: no preview")
            d.look()
            need(d.pixel(*probe) != before, f"{name}: no preview to be seen")
            need(frame(d)[2:] == size, f"{name}: it snaps before the drop")
            d.button(False)
            d.sync()
            need(not d.state()["snap"], f"{name}: the preview stays")
            got = frame(d)
            need(all(abs(a - b) <= 1 for a, b in zip(got, want)),
                 f"{name}: {got}, not {want}")
            need(d.window("Red App")["snapped"], f"{name}: not snapped")
            d.drag(grip(got), (700, 400))
            got = frame(d)
            need(got[2:] == size, f"{name}: dragged away it is {got}")
            need(got[0] <= 700 <= got[0] + got[2], f"{name}: not under it")
        # back from the edge before the drop: nothing happens
        d.drag(grip(frame(d)), (0, 420), drop=False)
        d.move(500, 420)
        d.button(False)
        d.sync()
        need(frame(d)[2:] == size, "it snapped all the same")
        d.clean()


@check(48, "windows: green or Ctrl-Super-F is full screen; the bar comes back")
def _():
    with one() as d:
        rect = frame(d)
        for way in ("green", "keys"):
            if way == "green":
                d.click(*button(rect, 2))
            else:
                d.key("ctrl", "super", "f")
            d.until(lambda: d.window("Red App")["fullscreen"], "full screen")
            d.move(700, 500)
            d.sync()
            w = d.window("Red App")
            need(w["content"] == [0, 0, 1440, 900], f"it is {w['content']}")
            need(not d.panel("menubar") and not d.panel("dock"),
                 "the bar or the dock is in the way")

            def all_red():
                d.events("red", "Red App")  # the app learns its size
                d.fill("red", "Red App", 0xffc02020)
                d.look()
                return near(d.pixel(10, 10), 0xc02020) and \
                    near(d.pixel(1430, 890), 0xc02020)
            d.until(all_red, "all of the screen red")
            d.move(700, 0)
            d.until(lambda: d.panel("menubar"), "the bar at the top edge")
            d.wait_text("Red App", (0, 0, 400, 28), font=1)
            d.move(700, 500)
            d.until(lambda: not d.panel("menubar"), "the bar gone again")
            d.key("ctrl", "super", "f")
            d.until(lambda: frame(d) == rect, "its old place")
            d.move(30, 700)
            d.sync()
            need(d.panel("menubar") and d.panel("dock"), "the bar is gone")
        d.events("red", "Red App")
        d.fill("red", "Red App", 0xffc02020)
        d.clean()


def shade_beside(d, rect):
    """Brightness just below the window: the shadow's."""
    return sum(channels(d.pixel(rect[0] + rect[2] // 2,
                                rect[1] + rect[3] + 6)))


@check(49, "windows: a click focuses and raises; shadow and keyboard follow")
def _():
    with two() as d:
        d.drag(grip(frame(d)), (350, 140))
        d.drag(grip(frame(d, "Blue App")), (1000, 140))
        d.look()
        focused = shade_beside(d, frame(d, "Blue App"))
        without = shade_beside(d, frame(d))
        d.events("red", "Red App")
        d.click(*center(frame(d)))
        d.sync()
        state = d.windows()
        need(state[-1]["title"] == "Red App" and state[-1]["focused"] and
             state[-1]["keyboard"], "the clicked window is not in front")
        d.key("a")
        d.sync()
        keys = [e[2] for e in d.events("red", "Red App") if e[0] == "key"]
        need(ord("a") in keys, "the keyboard has not followed")
        need(not [e for e in d.events("blue", "Blue App") if e[0] == "key"],
             "the other window has it as well")
        d.move(30, 700)
        d.sync()
        d.look()
        need(shade_beside(d, frame(d)) < without - 8, "no deeper shadow")
        need(shade_beside(d, frame(d, "Blue App")) > focused + 8,
             "the other's shadow stays")
        # overlapping: raised over the other
        d.drag(grip(frame(d, "Blue App")), (400, 160))
        d.look()
        need(near(d.pixel(*center(frame(d, "Blue App"))), 0x2020c0), "covered")
        x, y, _, h = frame(d)
        d.click(x + 10, y + h - 20)
        d.sync()
        d.look()
        need(near(d.pixel(*center(frame(d))), 0xc02020), "not raised")
        d.clean()


def fetch_red(d):
    """Back from where it is, by the app switcher."""
    there = (200, 340, 1040, 260)
    d.press("super")
    d.key("tab")
    d.until(lambda: d.panel("switcher"), "the switcher")
    d.sync()
    d.look()
    if not d.text("Red App", there, size=14):
        d.key("tab")
    d.wait_text("Red App", there, size=14)
    d.release("super")
    d.wait_focus("Red App")
    d.sync()


@check(50, "windows: Super-W/M/H/Q work everywhere")
def _():
    with one() as d:
        d.open("calculator")
        d.key("super", "w")
        d.until(lambda: d.window("calculator")["closed"], "closed by W")
        d.wait_focus("Red App")
        for full in (False, True):
            if full:
                d.key("ctrl", "super", "f")
                d.until(lambda: d.window("Red App")["fullscreen"], "full")
            d.key("super", "m")
            d.until(lambda: d.window("Red App")["minimised"], "minimised by M")
            d.sync()
            fetch_red(d)
            d.key("super", "h")
            d.until(lambda: d.window("Red App")["hidden"], "hidden by H")
            d.sync()
            fetch_red(d)
            d.events("red", "Red App")
            d.key("super", "w")
            d.until(lambda: has_event(d, "red", "Red App", "close"), "W")
            d.key("super", "q")
            d.until(lambda: has_event(d, "red", "Red App", "quit"), "Q")
        d.start("clock")
        d.until(lambda: (w := d.window("clock")) and w["focused"], "the clock")
        d.sync()
        d.key("super", "q")
        d.until(lambda: "clock" not in d.running(), "ended by Q")


@check(50, "windows: so can a component of the desktop that holds the keyboard")
def _():
    with one() as d:
        d.key("super", "space")
        d.until(lambda: d.panel("spotlight"), "Spotlight")
        d.sync()
        d.signal("spotlight", STOP)
        d.key("x")
        d.until(lambda: "spotlight" not in d.running() or
                d.key("alt", "super", "esc"), "the end of it")
        d.until(lambda: not d.panel("spotlight"), "the end of its panel")
        d.events("red", "Red App")
        d.key("a")
        d.until(lambda: has_event(d, "red", "Red App", "key"), "the keyboard")


@check(50, "windows: a hung app can be force-quit with Alt-Super-Esc")
def _():
    with one() as d:
        d.open("calculator")
        d.signal("calculator", STOP)
        d.key("super", "q")
        d.key("super", "w")
        d.sync()
        need("calculator" in d.running(), "it was not hung")
        rect = frame(d, "Calculator")
        d.move(*center(rect))
        d.sync()
        need(d.state()["cursor"] == 0, "not an arrow at first")
        d.until(lambda: d.window("calculator")["unresponsive"],
                "known to be unresponsive")
        need(d.state()["cursor"] == WAITING, "the pointer does not say so")
        d.signal("calculator", CONT)
        d.until(lambda: "calculator" not in d.running(), "it quits after all")
        d.open("calculator")
        d.signal("calculator", STOP)
        d.key("x")
        d.until(lambda: d.window("calculator")["unresponsive"], "hung again")
        d.key("alt", "super", "esc")
        d.until(lambda: "calculator" not in d.running(), "the end of it")
        d.until(lambda: not d.window("calculator"), "the end of its window")
        d.wait_focus("Red App")
        d.clean()
