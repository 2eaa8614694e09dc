"""Checks 38 to 43: Mission Control and spaces."""
from desktop import (CONT, KILL, STOP, Desktop, center, check, differs, near, need)

APPS = [("red", "Red App", 0xd01010), ("green", "Green App", 0x10a010),
        ("blue", "Blue App", 0x1010d0)]
SIZES = {"red": (700, 260), "green": (240, 420), "blue": (500, 400)}
COLORS = {"red": 0xffc02020, "green": 0xff20a020, "blue": 0xff2020c0}


def three():
    d = Desktop(install=APPS)
    for app, title, _ in APPS:
        d.puppet(app, title, size=SIZES[app], color=COLORS[app])
        d.events(app, title)
    d.move(30, 600)
    d.sync()
    return d


def show(d):
    d.key("ctrl", "up")
    d.until(lambda: d.panel("mission"), "Mission Control")
    d.until(lambda: all(w["transformed"] for w in d.windows() if w["space"] ==
                        d.state()["space"]), "thumbnails")
    d.sync()


def gone(d):
    d.until(lambda: not d.panel("mission"), "no Mission Control")
    d.sync()


def card(d, i):
    """The centre of a space's card; the last is the +."""
    n = d.state()["spaces"] + 1
    return (1440 - n * 168) / 2 + 168 * i + 76, 60


def overlap(a, b):
    return (a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and
            a[1] < b[1] + b[3] and b[1] < a[1] + a[3])


@check(38, "Mission Control: Ctrl-Up animates all windows to live thumbnails")
def _():
    with three() as d:
        before = {w["title"]: w["frame"] for w in d.windows()}
        d.look()
        picture = d.pixels(0, 30, 1440, 870)
        d.key("ctrl", "up")
        moving = d.until(lambda: [w for w in d.ask("state")["windows"]
                                  if w["transformed"]] or None, "movement")
        d.until(lambda: d.panel("mission"), "Mission Control")
        d.sync()
        seen = {w["title"]: w["seen"] for w in d.windows()}
        need(len(seen) == 3 and moving, f"not all windows: {seen}")
        for title, r in seen.items():
            x, y, w, h = before[title]
            need(abs(r[2] / r[3] - w / h) < 0.02, f"{title}: aspect of {r}")
            need(r[0] >= 0 and r[1] > 130 and r[0] + r[2] <= 1440 and
                 r[1] + r[3] <= 900, f"{title} is at {r}")
            for other, s in seen.items():
                need(other == title or not overlap(r, s),
                     f"{title} {r} and {other} {s} overlap")
        # live: what an app draws now is seen
        for app, title, _ in APPS:
            d.fill(app, title, 0xffe0e020)
            d.sync()
            d.until(lambda: (d.look(), near(d.pixel(*center(seen_of(d, title))),
                                            0xe0e020, 40))[1],
                    f"the new picture of {title}")
            d.fill(app, title, COLORS[app])
        d.key("ctrl", "up")
        gone(d)
        after = {w["title"]: w["frame"] for w in d.windows()}
        need(after == before, f"they came back as {after}")
        need(not any(w["transformed"] for w in d.windows()), "still moved")
        d.look()
        wrong = differs(picture, d.pixels(0, 30, 1440, 870))
        need(wrong == 0, f"{wrong} pixels are not as they were")


def seen_of(d, title):
    return [int(v) for v in d.window(title)["seen"]]


@check(38, "Mission Control: windows are on their way before they arrive")
def _():
    with three() as d:
        start = d.window("Red App")["frame"]
        show(d)
        end = d.window("Red App")["seen"]
        d.key("ctrl", "up")
        gone(d)

        def between():
            d.key("ctrl", "up")
            found = False
            for _ in range(400):
                r = d.ask("state")["windows"]
                r = next(w for w in r if w["title"] == "Red App").get("seen")
                if r and min(start[2], end[2]) + 2 < r[2] < \
                        max(start[2], end[2]) - 2:
                    found = True
                    break
            d.until(lambda: d.panel("mission"), "Mission Control")
            d.key("ctrl", "up")
            gone(d)
            return found
        d.until(between, "a size in between")


@check(39, "Mission Control: a strip of spaces on top")
def _():
    with three() as d:
        show(d)
        strip = (0, 0, 1440, 140)
        d.wait_text("Desktop 1", strip, size=12, font=1)
        need(not d.text("Desktop 2", strip, size=12), "two spaces at first")
        d.click(*card(d, 1))
        d.until(lambda: d.state()["spaces"] == 2, "a second space")
        d.wait_text("Desktop 2", strip, size=12)
        one = d.text("Desktop 1", strip, size=12, font=1)
        two = d.text("Desktop 2", strip, size=12)
        need(one["x"] < two["x"] and one["y"] == two["y"], "not in a row")
        d.click(*card(d, 1))
        d.until(lambda: d.state()["space"] == 1, "a click switches")
        d.wait_text("Desktop 2", strip, size=12, font=1)
        d.key("esc")
        gone(d)
        d.key("ctrl", "left")
        d.until(lambda: d.state()["space"] == 0, "the first space")
        d.sync()
        need(not any(w["transformed"] for w in d.windows()),
             "windows of the other space have stayed thumbnails")


@check(40, "Mission Control: a click, or arrows and Return, picks")
def _():
    with three() as d:
        show(d)
        d.click(*center(seen_of(d, "Red App")))
        gone(d)
        d.wait_focus("Red App")
        show(d)
        d.key("right")
        d.key("right")
        d.key("enter")
        gone(d)
        second = d.focused()["title"]
        need(second != "Red App", "the arrows have not moved")
        show(d)
        at = {w["title"]: center(w["seen"]) for w in d.windows()}
        top = min(y for _, y in at.values())
        d.key("right")
        d.key("down")
        d.key("enter")
        gone(d)
        low = d.focused()["title"]
        need(at[low][1] > top + 50, f"Down went to {low} of {at}")
        show(d)
        d.key("esc")
        gone(d)
        need(d.focused()["title"] == low, "Esc has picked")


def two_spaces(d):
    show(d)
    d.click(*card(d, 1))
    d.until(lambda: d.state()["spaces"] == 2, "a second space")
    d.key("esc")
    gone(d)


@check(41, "Mission Control: Ctrl-Left and Ctrl-Right slide between spaces")
def _():
    with three() as d:
        two_spaces(d)

        def slides(key, to):
            d.key("ctrl", key)
            between = False
            for _ in range(2000):
                s = d.ask("state")
                between |= 0 < s["space_at"] < 1
                if s["space"] == to and s["space_at"] == to:
                    break
            d.sync()
            need(d.state()["space"] == to, f"not on space {to}")
            return between
        need(slides("right", 1), "it jumps")
        need(not any(w["shown"] for w in d.windows()), "windows came along")
        need(slides("left", 0), "it jumps back")
        need(all(w["shown"] for w in d.windows()), "windows are missing")
        d.key("ctrl", "left")  # there is none
        d.sync()
        need(d.state()["space"] == 0, "it left the first space")
        d.clean()


@check(42, "Mission Control: dragging a window onto a space moves it")
def _():
    with three() as d:
        two_spaces(d)
        frame = d.window("Green App")["frame"]
        show(d)
        d.drag(center(seen_of(d, "Green App")), card(d, 1), 12)
        d.until(lambda: d.window("Green App")["space"] == 1, "another space")
        d.until(lambda: d.panel("mission"), "Mission Control goes on")
        need(all(d.window(t)["space"] == 0 for t in ("Red App", "Blue App")),
             "others have moved too")
        # onto the +: a space of its own
        d.sync()
        d.drag(center(seen_of(d, "Red App")), card(d, 2), 12)
        d.until(lambda: d.window("Red App")["space"] == 2, "a new space")
        d.key("esc")
        gone(d)
        need(not d.window("Green App")["shown"], "it still shows")
        d.key("ctrl", "right")
        d.until(lambda: d.window("Green App")["shown"], "it is over there")
        d.sync()
        need(d.window("Green App")["frame"] == frame, "it has another place")


@check(43, "Mission Control: works while an app hangs")
def _():
    with three() as d:
        d.start("calculator")
        d.until(lambda: d.window("calculator") and
                d.window("calculator")["shown"], "the calculator")
        d.signal("calculator", STOP)
        d.signal("red", STOP)
        show(d)
        need(all(w["transformed"] for w in d.windows()), "one does not move")
        d.click(*center(seen_of(d, "Red App")))
        gone(d)
        d.wait_focus("Red App")
        need(not any(w["transformed"] for w in d.windows()), "one is left")
        d.signal("calculator", CONT)
        d.signal("red", CONT)
        d.clean()


@check(None, "Mission Control: when it dies all windows go back")
def _():
    with three() as d:
        before = {w["title"]: w["frame"] for w in d.windows()}
        show(d)
        d.signal("mission", KILL)
        d.until(lambda: not any(w["transformed"] for w in d.windows()),
                "windows in their places")
        need({w["title"]: w["frame"] for w in d.windows()} == before,
             "not where they were")
        d.start("mission")
        d.until(lambda: d.running()["mission"]["ready"], "another one")
        show(d)
        d.key("ctrl", "up")
        gone(d)
        d.clean()
