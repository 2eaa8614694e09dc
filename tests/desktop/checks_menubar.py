"""Checks 1 to 12: the menu bar."""
import time

from desktop import (BOLD, UI, Desktop, center, channels, check, need)

BAR = (0, 0, 1440, 28)
MENUS = ("File;1:n:0:0:New;2:s:0:0:Save;3:s:1:0:Save As;4:o:0:1:Frozen;"
         "5:-:0:4:-;6:e:0:0:Export|Edit;7:x:0:0:Cut;8:c:0:0:Copy|"
         "View;9:-:0:0:Zoom In")
EDITOR = ("editor", "Editor", 0xaa3355)
OTHER = ("other", "Otherwise", 0x33aa55)


def editor(menus=MENUS):
    d = Desktop(install=[EDITOR, OTHER])
    d.puppet("editor", "Text", size=(500, 300))
    d.menus("editor", "Text", menus)
    d.wait_text("Editor", BAR, font=BOLD)
    if menus:
        d.wait_text("File", BAR)
    d.events("editor", "Text")
    return d


def title(d, text, font=UI):
    d.move(700, 700)  # the pointer is not on the titles
    d.sync()
    d.look()
    found = d.text(text, BAR, font=font)
    need(found, f"no title {text!r} in the bar")
    return found["x"] + found["w"] // 2, 14


def chosen(d):
    return [e[1] for e in d.events("editor", "Text") if e[0] == "menu"]


def wait_open(d, item):
    d.until(lambda: d.panel("menu"), "an open menu")
    return d.wait_text(item, (0, 28, 900, 400))


@check(1, "menu bar: spans the top, above windows")
def _():
    with editor() as d:
        bar = d.panel("menubar")
        need(bar["content"] == [0, 0, 1440, 28], f"it is at {bar['content']}")
        need(bar["layer"] == "top", "it is not on the top layer")
        x, y = center(d.window("Text")["frame"])[0], d.window("Text")["frame"][1]
        d.drag((x, y + 10), (x, 200))
        d.drag((x, 210), (x, 1))
        d.move(5, 500)
        d.sync()
        need(d.window("Text")["frame"][1] >= 28, "a window is under the bar")
        d.look()
        for at in (2, 700, 1437):  # lighter than any wallpaper below it
            need(min(channels(d.pixel(at, 5))) > 120, f"no bar at x {at}")


@check(2, "menu bar: the system menu is leftmost, with and without apps")
def _():
    with Desktop() as d:
        d.look()
        row = d.pixels(12, 14, 34)
        need(any(max(channels(p)) < 110 for p in row), "no mark at the left")
        d.click(24, 14)
        wait_open(d, "Shut Down")
        d.key("esc")
        d.until(lambda: not d.panel("menu"), "a closed menu")
    with editor() as d:
        d.click(24, 14)
        at = wait_open(d, "Restart")
        need(at["x"] < 60, "the system menu is not leftmost")
        d.click(at["x"] + 10, at["y"] - 4)
        d.until(lambda: d.power() == "restart", "a restart")


@check(3, "menu bar: the app's name is second, in bold")
def _():
    with editor() as d:
        d.look()
        bold = d.text("Editor", BAR, font=BOLD)
        plain = d.ask("find", UI, 13.5, *BAR, "Editor")
        need(bold["score"] > plain["score"] + 0.02, "the name is not bold")
        need(40 <= bold["x"] <= 70, f"the name is at x {bold['x']}")
        ink = d.text("File", BAR)
        need(ink["x"] > bold["x"] + bold["w"], "something is before the name")


@check(4, "menu bar: the app's menus follow in order")
def _():
    with editor() as d:
        d.look()
        at = [d.text(t, BAR, font=BOLD if t == "Editor" else UI)
              for t in ("Editor", "File", "Edit", "View", "Window")]
        need(all(at), f"titles are missing: {at}")
        xs = [a["x"] for a in at]
        need(xs == sorted(xs), f"the order is wrong: {xs}")
        need(len({a["y"] for a in at}) == 1, "they share no baseline")


@check(5, "menu bar: contents follow the focused app")
def _():
    with editor() as d:
        d.puppet("other", "Second", size=(300, 200))
        d.wait_text("Otherwise", BAR, font=BOLD)
        need(not d.text("File", BAR), "the other app's menus are left")
        d.click(*center(d.window("Text")["frame"]))
        d.wait_text("Editor", BAR, font=BOLD)
        d.wait_text("File", BAR)
        d.signal("editor", 9)
        d.wait_text("Otherwise", BAR, font=BOLD)


@check(6, "menu bar: status items and the wall clock are at the right")
def _():
    with Desktop() as d:
        right = (1000, 0, 440, 28)

        def clock():
            d.look()
            now = time.time()
            return any(d.text(time.strftime("%H:%M", time.gmtime(now + s)),
                              right, score=0.93) for s in (0, -2))
        d.until(clock, "the wall clock")
        day = time.gmtime()
        need(d.text(f"{time.strftime('%a', day)} {day.tm_mday}", right),
             "no date")
        need(d.text("MB", right), "no memory in use")
        need(not d.text("1/2", right), "spaces before there are two")
        d.key("ctrl", "up")
        d.wait_text("+", (700, 0, 300, 130), size=28)
        plus = d.text("+", (700, 0, 300, 130), size=28)
        d.click(plus["x"] + 8, plus["y"] - 8)
        d.until(lambda: d.state()["spaces"] == 2, "a second space")
        d.key("esc")
        d.wait_text("1/2", right)


@check(7, "menu bar: press, drag and release selects")
def _():
    with editor() as d:
        d.move(*title(d, "File"))
        d.button(True)
        at = wait_open(d, "Export")
        d.move(at["x"] + 10, at["y"] - 4)
        d.sync()
        d.button(False)
        d.until(lambda: chosen(d) == [6], "the item under the release")
        d.until(lambda: not d.panel("menu"), "a closed menu")
        # and a release beside it selects nothing
        d.move(*title(d, "File"))
        d.button(True)
        at = wait_open(d, "Export")
        d.move(at["x"] + 10, at["y"] - 4)
        d.move(900, 600)
        d.button(False)
        d.until(lambda: not d.panel("menu"), "a closed menu")
        need(not chosen(d), "a release outside has chosen something")


@check(8, "menu bar: after a click, hovering switches menus")
def _():
    with editor() as d:
        d.click(*title(d, "File"))
        wait_open(d, "Export")
        d.move(*title(d, "Edit"))
        wait_open(d, "Copy")
        need(not d.text("Export", (0, 28, 900, 400)), "both menus are open")
        d.move(*title(d, "Editor", BOLD))
        wait_open(d, "Quit")
        at = wait_open(d, "Hide")
        d.click(at["x"] + 5, at["y"] - 4)
        d.until(lambda: d.window("Text")["hidden"], "a hidden app")


@check(9, "menu bar: arrows, Return and Esc navigate")
def _():
    with editor() as d:
        d.click(*title(d, "File"))
        wait_open(d, "Export")
        d.key("down")
        d.key("down")
        d.key("enter")
        d.until(lambda: chosen(d) == [2], "the second item")
        d.click(*title(d, "File"))
        wait_open(d, "Export")
        d.key("right")
        wait_open(d, "Copy")
        d.key("left")
        wait_open(d, "Export")
        d.key("up")  # the last one
        d.key("up")  # over the line and the disabled one
        d.key("enter")
        d.until(lambda: chosen(d) == [3], "the arrow over what is inert")
        d.click(*title(d, "File"))
        wait_open(d, "Export")
        d.key("down")
        d.key("esc")
        d.until(lambda: not d.panel("menu"), "a closed menu")
        d.key("x")
        d.sync()
        events = d.events("editor", "Text")
        need([e[2] for e in events if e[0] == "key" and e[4] == 0]
             == [ord("x")], "keys of the menu have reached the app")


@check(10, "menu bar: shortcuts right-aligned; disabled items grey and inert")
def _():
    with editor() as d:
        d.click(*title(d, "File"))
        wait_open(d, "Export")
        d.move(800, 700)
        d.sync()
        d.look()
        box = (0, 28, 600, 300)
        item = {t: d.text(t, box) for t in ("New", "Save", "Save As", "Frozen")}
        ends = []
        for keys in ("\u2318N", "\u2318S", "\u21e7\u2318S"):
            at = d.text(keys, box, score=0.85)
            need(at, f"no shortcut {keys}")
            need(at["x"] > item["Save As"]["x"] + item["Save As"]["w"],
                 f"{keys} is not right of the labels")
            ends.append(at["x"] + at["w"])
        need(max(ends) - min(ends) <= 2, f"not right-aligned: {ends}")
        dark, grey = (sum(channels(item[t]["ink"])) / 3
                      for t in ("Save", "Frozen"))
        need(dark < 90 and grey > dark + 50, f"ink {dark}, disabled {grey}")
        d.click(item["Frozen"]["x"] + 5, item["Frozen"]["y"] - 4)
        d.sync()
        need(d.panel("menu"), "a disabled item has closed the menu")
        d.key("esc")
        d.key("super", "o")
        d.key("super", "n")
        d.until(lambda: chosen(d) == [1], "only the enabled item's shortcut")


@check(11, "menu bar: a shortcut flashes its menu's title")
def _():
    with editor() as d:
        d.move(700, 700)
        for word, font, keys in (("File", UI, ("super", "s")),
                                 ("Edit", UI, ("super", "c")),
                                 ("Window", UI, ("super", "w"))):
            x = title(d, word, font)[0]
            left = d.text(word, BAR, font=font)["x"] - 5
            before = d.pixel(left, 8)

            def dark():
                d.look()
                return sum(channels(d.pixel(left, 8))) + 60 < sum(
                    channels(before))

            def flashed():
                d.key(*keys)
                return any(dark() for _ in range(30))
            d.until(flashed, f"a flash of {word} at {x}")
            d.until(lambda: not dark(), f"the end of the flash of {word}")
        need(chosen(d)[:1] == [2], "the shortcut has not chosen its item")


@check(12, "menu bar: status items give way to the app's menus")
def _():
    with editor() as d:
        right = (1000, 0, 440, 28)
        d.wait_text("MB", right)
        names = [f"Rather Long {i}" for i in range(10)]
        d.menus("editor", "Text", "|".join(f"{n};1:-:0:0:X" for n in names))
        d.wait_text(names[-1], BAR)
        need(not d.text("MB", right), "memory in use is in the way")
        last = d.text(names[-1], BAR)
        window = d.text("Window", BAR)
        need(window["x"] > last["x"] + last["w"], "a menu gave way")
        d.menus("editor", "Text", MENUS)
        d.wait_text("MB", right)
