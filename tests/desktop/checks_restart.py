"""The compositor is killed; its successor finds the windows where they were."""
import random

from desktop import TORN, Desktop, center, check, near, need

APPS = [("red", "Red App", 0xd01010), ("green", "Green App", 0x10a010),
        ("blue", "Blue App", 0x1010d0)]
KEPT = ("title", "content", "minimised", "hidden", "closed", "fullscreen",
        "snapped", "space", "focused")


def three():
    d = Desktop(install=APPS)
    for app, title, _ in APPS:
        d.puppet(app, title, size=(420, 300), color=0xff3060a0)
    return d


def kept(d):
    """What must outlive a compositor, bottom to top."""
    return [{k: w[k] for k in KEPT} for w in d.windows()]


def wait_back(d, count):
    """All windows have come back, and the components are there."""
    def back():
        s = d.ask("state")
        for app in d.running():
            if app in ("red", "green", "blue"):
                for w in s["windows"]:
                    if w["app"] == app:
                        d.events(app, w["title"])  # it reads: it has met it
        return len(s["windows"]) == count and \
            len(s["panels"]) >= 2
    d.until(back, f"{count} windows again")
    d.sync()


def same(d, before):
    after = kept(d)
    for b, a in zip(before, after):
        need(a == b, f"{b} came back as {a}")
    need(len(after) == len(before), "a window is missing")


@check(None, "restart: places, sizes, order and focus are kept")
def _():
    with three() as d:
        d.drag((d.window("Red App")["frame"][0] + 200,
                d.window("Red App")["frame"][1] + 10), (260, 90))
        x, y, w, h = d.window("Green App")["frame"]
        d.drag((x + w, y + h), (x + w + 77, y + h - 41))
        d.events("green", "Green App")
        d.click(*center(d.window("Blue App")["frame"]))
        d.click(d.window("Red App")["frame"][0] + 30,
                d.window("Red App")["frame"][1] + 200)
        d.sync()
        before = kept(d)
        need(before[-1]["title"] == "Red App", "the test's own order")
        for _ in range(3):
            d.crash()
            wait_back(d, 3)
            same(d, before)
        d.clean()
        # and its user goes on as before
        d.key("super", "m")
        d.until(lambda: d.window("Red App")["minimised"], "the keyboard")


@check(None, "restart: minimised, hidden, closed, snapped, full, spaces")
def _():
    with three() as d:
        d.open("calculator")
        d.key("super", "w")
        d.until(lambda: d.window("calculator")["closed"], "a closed window")
        d.puppet("blue", "Second", size=(300, 200))
        d.key("super", "m")
        d.until(lambda: d.window("Second")["minimised"], "a minimised window")
        d.sync()
        rect = d.window("Blue App")["frame"]
        d.drag((rect[0] + 200, rect[1] + 10), (0, 400), steps=8)
        need(d.window("Blue App")["snapped"], "not snapped")
        d.key("ctrl", "up")
        d.until(lambda: d.panel("mission"), "Mission Control")
        d.sync()
        d.click(720 + 84, 60)  # the +
        d.until(lambda: d.state()["spaces"] == 2, "a second space")
        d.key("esc")
        d.until(lambda: not d.panel("mission"), "no Mission Control")
        d.sync()
        d.key("ctrl", "right")
        d.until(lambda: d.state()["space"] == 1, "the second space")
        d.puppet("green", "Far", size=(500, 400))
        d.key("ctrl", "super", "f")
        d.until(lambda: d.window("Far")["fullscreen"], "full screen")
        d.until(lambda: any(e[0] == "resized" for e in d.events("green", "Far")),
                "told")
        d.fill("green", "Far", 0xff20a020)
        d.sync()
        before = kept(d)
        d.crash()
        wait_back(d, 6)
        same(d, before)
        s = d.state()
        need((s["spaces"], s["space"]) == (2, 1), "the spaces are lost")
        d.key("ctrl", "super", "f")
        d.until(lambda: d.window("Far")["content"][2:] == [500, 400],
                "the size before full screen")
        d.key("ctrl", "left")
        d.until(lambda: d.state()["space"] == 0, "the first space")
        d.sync()
        rect = d.window("Blue App")["frame"]
        d.drag((rect[0] + 200, rect[1] + 10), (700, 300))
        need(d.window("Blue App")["content"][2:] == [420, 300],
             "the size before snapping")


@check(None, "restart: an app that ends meanwhile takes nothing along")
def _():
    with three() as d:
        before = [w for w in kept(d) if w["title"] != "Green App"]
        d.signal("green", 9)
        d.until(lambda: not d.window("Green App"), "its window gone")
        d.crash()
        wait_back(d, 2)
        same(d, before)
        d.puppet("green", "Green App", size=(300, 200))
        need(d.focused()["title"] == "Green App", "a new one has the focus")
        need(d.windows()[-1]["title"] == "Green App", "and is on top")


@check(None, "restart: what was half written is not read")
def _():
    with three() as d:
        before = kept(d)
        for _ in range(3):
            d.crash(TORN)
            wait_back(d, 3)
            same(d, before)


@check(None, "restart: nonsense left by the last compositor harms nobody")
def _():
    with three() as d:
        for seed in range(1, 13):
            d.crash(seed * 7919)
            wait_back(d, 3)
            for w in d.windows():
                x, y, width, height = w["frame"]
                need(160 <= width <= 4096 and 60 <= height <= 4096 + 28,
                     f"seed {seed}: the size of {w}")
                need(x < 1440 and x + width > 0 and 0 <= y < 900,
                     f"seed {seed}: out of reach: {w}")
            s = d.state()
            need(1 <= s["spaces"] <= 16 and s["space"] < s["spaces"],
                 f"seed {seed}: spaces {s['spaces']}")
        d.puppet("red", "New", color=0xffc0c020)
        d.look()
        need(near(d.pixel(*center(d.window("New")["frame"])), 0xc0c020),
             "a new window does not show")
        d.clean()


@check(None, "restart: twenty compositors die at random moments")
def _():
    """In the middle of drags, animations, typing, and of Mission Control."""
    with three() as d:
        chance = random.Random(18)
        for _ in range(20):
            x, y = chance.randrange(1440), chance.randrange(900)
            at = chance.choice(d.windows())["frame"]
            for act in chance.sample((
                    lambda: d.click(*center(at)),
                    lambda: d.drag((at[0] + 150, at[1] + 10), (x, y), drop=False),
                    lambda: d.key("super", "m"), lambda: d.key("super", "h"),
                    lambda: d.key("ctrl", "up"), lambda: d.key("ctrl", "right"),
                    lambda: d.key("super", "space"), lambda: d.type("abc"),
                    lambda: d.press("super", "tab"),
                    lambda: d.key("ctrl", "super", "f")), 4):
                act()
            if chance.random() < 0.5:
                d.sync()
            d.crash()
            wait_back(d, 3)
        d.until(lambda: all(p["ready"] for p in d.running().values()),
                "all components again")
        d.puppet("red", "Last", color=0xffc0c020)
        d.until(lambda: (d.look(), near(
            d.pixel(*center(d.window("Last")["frame"])), 0xc0c020))[1],
            "a window that shows")
        d.clean()
