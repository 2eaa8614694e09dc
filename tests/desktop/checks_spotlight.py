"""Checks 23 to 30: Spotlight."""
from desktop import Desktop, check, need

BOX = (380, 150, 680, 470)
APPS = [("recal", "Recall", 0x335577), ("zone", "Zeta One", 0x775533),
        ("ztwo", "Zeta Two", 0x557733), ("below", "Below", 0x222222)]


def spotlight(text=""):
    d = Desktop(install=APPS)
    d.puppet("below", "Under", size=(1200, 700))
    d.events("below", "Under")
    show(d)
    d.type(text)
    return d


def show(d):
    d.key("super", "space")
    d.until(lambda: d.panel("spotlight"), "Spotlight")


def gone(d):
    d.until(lambda: not d.panel("spotlight"), "no Spotlight")


def result(d, title):
    return d.wait_text(title, BOX, size=16)


@check(23, "Spotlight: Super-Space toggles it, centred, with the keyboard")
def _():
    with spotlight() as d:
        panel = d.panel("spotlight")
        x, y, w, h = panel["content"]
        need(x + w // 2 == 720, f"it is not centred: {panel['content']}")
        need(150 <= y and y + h < 750, f"it is not in the middle: {y}, {h}")
        need(panel["keyboard"], "it has not the keyboard")
        need(d.focused()["title"] == "Under", "the window lost the look")
        d.key("super", "space")
        gone(d)
        need(d.window("Under")["keyboard"], "the keyboard is not back")
        show(d)


@check(24, "Spotlight: results update with each key")
def _():
    with spotlight("c") as d:
        result(d, "Calculator")
        result(d, "Clock")
        d.type("l")
        result(d, "Clock")
        d.wait_no_text("Calculator", BOX, size=16)
        d.key("backspace")
        result(d, "Calculator")
        d.type("zzz")
        d.wait_no_text("Clock", BOX, size=16)


@check(25, "Spotlight: prefix beats substring; frequent use rises")
def _():
    with spotlight("cal") as d:
        first, second = result(d, "Calculator"), result(d, "Recall")
        need(first["y"] < second["y"], "a substring is before the prefix")
        d.key("esc")
        d.type("zeta")
        one, two = result(d, "Zeta One"), result(d, "Zeta Two")
        need(one["y"] < two["y"], "equals are not in the list's order")
        d.key("down")
        d.key("enter")
        d.until(lambda: "ztwo" in d.running(), "the second one opened")
        gone(d)
        show(d)
        d.type("zeta")
        one, two = result(d, "Zeta One"), result(d, "Zeta Two")
        need(two["y"] < one["y"], "frequent use does not rise")


@check(26, "Spotlight: Up and Down move, Return opens")
def _():
    with spotlight("c") as d:
        result(d, "Calculator")
        d.key("down")
        d.key("down")
        d.key("up")
        d.until(lambda: (d.look(), d.text("Clock", BOX, size=16))[1]["ink"]
                > 0xd0d0d0, "the second row selected, white on blue")
        d.key("enter")
        gone(d)
        d.until(lambda: d.window("clock"), "the clock")
        need("calculator" not in d.running(), "the first one opened as well")


@check(27, "Spotlight: Esc clears, then closes")
def _():
    with spotlight("clo") as d:
        result(d, "Clock")
        d.key("esc")
        d.wait_text("Search", BOX, size=24)
        need(d.panel("spotlight"), "the first Esc closes")
        d.key("esc")
        gone(d)


@check(28, "Spotlight: a click outside closes it, and does nothing else")
def _():
    with spotlight("clo") as d:
        result(d, "Clock")
        x, y, w, _ = d.window("Under")["content"]
        d.click(x + 60, y + 60)
        gone(d)
        d.sync()
        need(not [e for e in d.events("below", "Under") if e[0] == "press"],
             "the press has reached the app below")
        d.click(x + 60, y + 60)
        d.until(lambda: [e for e in d.events("below", "Under")
                         if e[0] == "press"], "the next press")


@check(29, "Spotlight: arithmetic answers inline")
def _():
    with spotlight() as d:
        for sum_, answer in (("2+3*4", "14"), ("(1+2)/4", "0.75"),
                             ("7*191", "1337"), ("-8/3", "-2.666667"),
                             ("0.1+0.2", "0.3"), ("2^10-1", "1023"),
                             ("11111111*11111111", "123456787654321")):
            d.type(sum_)
            d.wait_text(answer, BOX, size=20, font=1)
            d.key("esc")
        d.type("1/0")
        d.type(" c")
        d.sync()
        d.look()
        need(not d.text("0", BOX, size=20, font=1), "nonsense is answered")


@check(30, "Spotlight: input never leaks to the app below")
def _():
    with Desktop(install=APPS) as d:
        d.puppet("below", "Under", size=(1200, 700))
        d.events("below", "Under")
        # Typed on without a look at whether it is there already.
        d.key("super", "space")
        d.type("clo")
        result(d, "Clock")
        d.key("super", "w")
        d.key("super", "q")
        x, y, w, h = d.panel("spotlight")["content"]
        d.click(x + w // 2, y + 50)
        d.ask("scroll", 0, 30)
        d.key("esc")
        d.key("esc")
        gone(d)
        leaks = [e for e in d.events("below", "Under")
                 if e[0] not in ("focus", "leave", "enter", "resized", "motion",
                                 "other") and
                 not (e[0] == "key" and e[1] == 125)]  # Super itself
        need(not leaks, f"it has seen {leaks}")
        d.key("super", "space")
        d.key("super", "space")
        d.type("xy")
        keys = []

        def typed():
            keys.extend(chr(e[2]) for e in d.events("below", "Under")
                        if e[0] == "key" and e[4] == 0 and e[2])
            return len(keys) >= 2
        d.until(typed, "the keys after it was closed")
        need(keys == ["x", "y"], f"the keys were {keys}")
