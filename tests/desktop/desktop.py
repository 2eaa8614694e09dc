"""A whole desktop for checks.py: the compositor without a screen, the real
components, and puppets, apps that do what a check says.

Everything is led through the program `serve` (serve.c): input as evdev codes,
the compositor's state, pictures of the screen.  Components act in their own
time, so what they should do is waited for (`until`), with a limit; nothing
sleeps.
"""
import json
import os
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(ROOT, "build"))
LIMIT = float(os.environ.get("DESKTOP_LIMIT", "20"))
WIDTH, HEIGHT = 1440, 900

# evdev codes
KEYS = {"esc": 1, "tab": 15, "enter": 28, "ctrl": 29, "shift": 42, "alt": 56,
        "space": 57, "super": 125, "up": 103, "left": 105, "right": 106,
        "down": 108, "backspace": 14, "grave": 41, ".": 52, "-": 12, "/": 53,
        "=": 13, " ": 57, "capslock": 58, "f2": 60}
KEYS.update(zip("1234567890", range(2, 12)))
KEYS.update(zip("qwertyuiop", range(16, 26)))
KEYS.update(zip("asdfghjkl", range(30, 39)))
KEYS.update(zip("zxcvbnm", range(44, 51)))
SHIFTED = {"*": "8", "+": "=", "(": "9", ")": "0", "^": "6"}
BTN_LEFT, BTN_RIGHT = 0x110, 0x111
UI, BOLD, MONO = 0, 1, 2
STOP, CONT, KILL, TERM = 19, 18, 9, 15


class Failed(Exception):
    """Something that a check expects is not so."""


TORN = 1  # session.h


def center(rect):
    return rect[0] + rect[2] // 2, rect[1] + rect[3] // 2


def channels(color):
    return color >> 16 & 255, color >> 8 & 255, color & 255


def near(a, b, by=12):
    return all(abs(x - y) <= by for x, y in zip(channels(a), channels(b)))


def need(truth, what):
    """assert, but with words."""
    if not truth:
        raise Failed(what)


CHECKS = []  # (number, name, function), in the order of their numbers


def check(number, name):
    """Marks the test of one of the fifty checks; its name begins with its
    number.  None: a further one."""
    def mark(test):
        CHECKS.append((number, name, test))
        return test
    return mark


def differs(a, b, by=6):
    """How many of two equally long rows of pixels differ by more than that."""
    return sum(not near(x, y, by) for x, y in zip(a, b))


class Desktop:
    """One compositor with what runs on it.  A context manager."""

    def __init__(self, *apps, install=()):
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "desktop", "serve")], cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for app, title, color in install:
            self.ask("install", app, color, title)
        for app in ("menubar", "dock", "spotlight", "switcher", "mission"):
            self.start(app)
        self.until(lambda: all(a["ready"] for a in self.running().values()),
                   "the components")
        for app in apps:
            self.start(app)
            self.until(lambda app=app: self.window(app) and
                       self.window(app)["shown"], f"a window of {app}")
        self.sync()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line.startswith(("{", "[")):
            raise Failed(f"{words[0]}: the desktop said {line!r}")
        answer = json.loads(line)
        if isinstance(answer, dict) and "error" in answer:
            raise Failed(f"{words}: {answer['error']}")
        return answer

    def until(self, good, what):
        """Waits until good() is true; returns what it returned."""
        limit = time.monotonic() + LIMIT
        while not (answer := good()):
            if time.monotonic() > limit:
                path = os.path.join(ROOT, "build", "desktop-failed.png")
                self.look(path)
                raise Failed(f"never: {what}; see {path}")
            self.sync()
        return answer

    # ---- input -----------------------------------------------------------

    def sync(self):
        """Returns when all input has taken effect and nothing moves."""
        self.ask("sync")

    def press(self, *keys):
        for key in keys:
            self.ask("key", KEYS[key], 1)

    def release(self, *keys):
        for key in reversed(keys):
            self.ask("key", KEYS[key], 0)

    def key(self, *keys):
        self.press(*keys)
        self.release(*keys)

    def type(self, text):
        for char in text:
            if char in SHIFTED:
                self.key("shift", SHIFTED[char])
            elif char.isupper():
                self.key("shift", char.lower())
            else:
                self.key(char)

    def move(self, x, y):
        self.ask("pointer", int(x), int(y))

    def button(self, down, code=BTN_LEFT):
        self.ask("button", code, int(down))

    def click(self, x, y, code=BTN_LEFT):
        self.move(x, y)
        self.button(True, code)
        self.button(False, code)

    def drag(self, start, end, steps=6, drop=True):
        self.move(*start)
        self.button(True)
        for i in range(1, steps + 1):
            self.move(*(a + (b - a) * i / steps for a, b in zip(start, end)))
        if drop:
            self.button(False)
            self.sync()

    # ---- state -----------------------------------------------------------

    def state(self):
        return self.ask("state")

    def windows(self):
        """Bottom to top."""
        return self.state()["windows"]

    def window(self, name):
        """The topmost window with this title, else of this app; or None."""
        found = self.windows()
        for key in ("title", "app"):
            for w in reversed(found):
                if w[key] == name:
                    return w
        return None

    def panel(self, title, state=None):
        """A panel that is shown, or None."""
        for p in reversed((state or self.state())["panels"]):
            if p["title"] == title and p["shown"]:
                return p
        return None

    def focused(self):
        return next((w for w in self.windows() if w["focused"]), None)

    def wait_focus(self, name):
        self.until(lambda: (w := self.focused()) and
                   name in (w["title"], w["app"]), f"focus on {name}")

    # ---- the screen ------------------------------------------------------

    def look(self, path=None):
        """Takes a picture of what is to be seen when all is drawn."""
        self.sync()
        self.ask("shot", *([path] if path else []))

    def text(self, text, box=(0, 0, WIDTH, HEIGHT), size=13.5, font=UI,
             score=0.9):
        """Where a text stands in the last picture (look); None without."""
        found = self.ask("find", font, size, *map(int, box), text)
        return found if found["score"] >= score else None

    def wait_text(self, text, box=(0, 0, WIDTH, HEIGHT), size=13.5, font=UI,
                  score=0.9):
        def seen():
            self.look()
            return self.text(text, box, size, font, score)
        return self.until(seen, f"the text {text!r}")

    def wait_no_text(self, text, *args, **named):
        def gone():
            self.look()
            return not self.text(text, *args, **named)
        self.until(gone, f"the end of the text {text!r}")

    def pixels(self, x, y, w=1, h=1):
        """Of the last picture, row by row."""
        return self.ask("pixels", int(x), int(y), int(w), int(h))

    def pixel(self, x, y):
        return self.pixels(x, y)[0]

    def drawn(self):
        """How many frames there have been."""
        return self.state()["frames"]["drawn"]

    def settled(self):
        """Whether no component draws any more."""
        count = self.drawn()
        for _ in range(40):
            self.sync()
        return self.drawn() == count

    def clean(self):
        """What was drawn bit by bit equals all drawn anew."""
        for _ in range(10):
            self.until(self.settled, "an end to the drawing")
            before = self.drawn()
            wrong = self.ask("differs")["pixels"]
            if self.drawn() > before + 1:
                continue  # somebody else has drawn: it says nothing
            if wrong:
                raise Failed(f"{wrong} pixels differ when all is drawn anew")
            return
        raise Failed("never: a still screen")

    # ---- apps ------------------------------------------------------------

    def start(self, app):
        self.ask("start", app)

    def open(self, app):
        """Starts it, until its window is there and has the keyboard."""
        self.start(app)
        self.until(lambda: (w := self.window(app)) and w["focused"] and
                   w["shown"], app)
        self.sync()

    def running(self):
        return self.ask("running")["apps"]

    def signal(self, app, number):
        self.ask("signal", app, number)

    def power(self):
        return self.ask("running")["power"]

    def crash(self, damage=0):
        """Kills the compositor; another takes over, and finds TORN or other
        nonsense where the last one kept its windows."""
        self.ask("crash", damage)

    def puppet(self, app, title, size=(400, 300), color=0xff336699, flags=0):
        """A window of a native app, which is started if need be."""
        if app not in self.running():
            self.start(app)
        self.ask("open", app, *size, color, flags, title)
        self.sync()
        return self.window(title)

    def fill(self, app, title, color):
        self.ask("fill", app, color, title)

    def close(self, app, title):
        self.ask("close", app, title)

    def menus(self, app, title, spec):
        self.ask("menus", app, title, spec)

    def attention(self, app, title):
        self.ask("attention", app, title)

    def events(self, app, title):
        return self.ask("events", app, title)
