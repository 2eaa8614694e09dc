"""A guest in QEMU, as the end-to-end tests and the benchmarks see it.

Starts the image through kernel/qemu, reads its serial console line by line,
types, points, looks at the screen.  Everything waits for something that the
guest says or shows, with a limit; nothing sleeps for a time.
"""
import importlib.machinery
import importlib.util
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from PIL import Image

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def load_launcher():
    path = os.path.join(ROOT, "kernel", "qemu")
    loader = importlib.machinery.SourceFileLoader("vyoma_qemu", path)
    spec = importlib.util.spec_from_loader("vyoma_qemu", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


qemu = load_launcher()

# Seconds that anything may take before a test gives up: emulated on a busy
# machine things take a hundred times as long as they should.
LIMIT = float(os.environ.get("E2E_LIMIT", "120"))

# US keys for text; what is not here is its own qcode.
PLAIN = {" ": "spc", "\n": "ret", "-": "minus", "=": "equal", "[": "bracket_left",
         "]": "bracket_right", ";": "semicolon", "'": "apostrophe", ",": "comma",
         ".": "dot", "/": "slash", "\\": "backslash", "`": "grave_accent",
         "\t": "tab"}
SHIFTED = dict(zip('!@#$%^&*()_+{}:"<>?|~', "1234567890-=[];',./\\`"))


class Timeout(Exception):
    """What was waited for did not come; the text shows what did."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Guest:
    """One QEMU.  Use as a context manager, so that it never outlives a test.

    data is the host folder that becomes /data; extra_initramfs are archives
    whose files are laid over the image's.  server is the socket of a
    virtfs-proxy-helper that serves /data in the place of QEMU itself.
    """

    def __init__(self, arch=None, image=None, data=None, mem="256M", smp=2,
                 append="", extra_initramfs=(), accel="tcg", extra=(),
                 server=None):
        self.arch = arch or qemu.host_arch()
        self.image = image or os.path.join(ROOT, "build", self.arch)
        self.folder = tempfile.mkdtemp(prefix="vyoma-")
        self.data = data or os.path.join(self.folder, "data")
        os.makedirs(self.data, exist_ok=True)
        self.http_port = free_port()
        self.text = ""
        self.changed = threading.Condition()
        self.pointer = (0, 0)
        initrd = self.join_initramfs(extra_initramfs)
        qmp = os.path.join(self.folder, "qmp.sock")
        if server:
            extra = [*extra, "-fsdev", f"proxy,id=data,socket={server}",
                     "-device", "virtio-9p-pci,fsdev=data,mount_tag=data"]
        command = qemu.command(
            self.arch, self.image, accel, mem, smp, self.http_port,
            None if server else self.data,
            terminal=False, qmp=qmp, append=append, initrd=initrd, extra=extra)
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.reader = threading.Thread(target=self.read_console, daemon=True)
        self.reader.start()
        self.qmp = self.connect(qmp)

    def join_initramfs(self, extra):
        if not extra:
            return None
        path = os.path.join(self.folder, "initramfs")
        parts = [os.path.join(self.image, "initramfs.cpio.zst"), *extra]
        with open(path, "wb") as out:
            for part in parts:
                with open(part, "rb") as file:
                    out.write(file.read())
        return path

    def connect(self, path):
        """QEMU makes the socket first thing, but says nothing about it."""
        limit = time.monotonic() + LIMIT
        while time.monotonic() < limit and self.process.poll() is None:
            try:
                return qemu.Qmp(path)
            except OSError:
                select.select([], [], [], 0.01)
        raise Timeout(f"QEMU did not start:\n{self.text}")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- console ---------------------------------------------------------

    def read_console(self):
        while data := self.process.stdout.read1(65536):
            with self.changed:
                self.text += data.decode(errors="replace").replace("\r", "")
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def wait(self, pattern, timeout=LIMIT, start=0):
        """Waits until `pattern` is on the console; returns the match.

        start is an offset in self.text: an earlier line does not count.
        """
        compiled = re.compile(pattern, re.MULTILINE)
        limit = time.monotonic() + timeout
        with self.changed:
            while not (match := compiled.search(self.text, start)):
                left = limit - time.monotonic()
                ended = self.process.poll() is not None and \
                    not self.reader.is_alive()
                if left <= 0 or ended:
                    why = "QEMU ended" if ended else f"{timeout} s passed"
                    raise Timeout(f"no line like {pattern!r}, {why}; the "
                                  f"console's end:\n{self.text[-3000:]}")
                self.changed.wait(min(left, 0.5))
        return match

    def mark(self):
        """An offset for wait(): only what comes from now on."""
        with self.changed:
            return len(self.text)

    def send(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def shell(self, line, pattern, timeout=LIMIT):
        """Types a line into the serial shell, waits for what it prints."""
        start = self.mark()
        self.send(line + "\n")
        return self.wait(pattern, timeout, start)

    def wait_desktop(self, timeout=LIMIT):
        """Waits for all apps of the boot list; returns seconds since start."""
        self.wait(r"vyoma: all-ready", timeout)
        return time.monotonic() - self.started

    # ---- keyboard and pointer --------------------------------------------

    def events(self, *events):
        self.qmp.call("input-send-event", events=list(events))

    @staticmethod
    def key_event(qcode, down):
        return {"type": "key", "data": {
            "down": down, "key": {"type": "qcode", "data": qcode}}}

    def key(self, *qcodes):
        """Presses keys together, releases them in reverse: key("ctrl", "c").

        All in one call: a pause of a busy host between a press and its
        release would be a held key, which repeats.
        """
        self.events(*(self.key_event(qcode, True) for qcode in qcodes),
                    *(self.key_event(qcode, False)
                      for qcode in reversed(qcodes)))

    def type(self, text, box):
        """Types into what is in `box` of the screen.

        The guest's kernel holds 64 events of a keyboard that nobody reads, and
        drops the oldest: after six characters something must have changed.
        """
        for at in range(0, len(text), 6):
            before = self.screen().crop(box).tobytes()
            self.type_burst(text[at:at + 6])
            self.wait_screen(
                lambda screen: screen.crop(box).tobytes() != before,
                what=f"a change after typing {text[at:at + 6]!r}")

    def type_burst(self, text):
        for char in text:
            base = SHIFTED.get(char, char)
            qcode = PLAIN.get(base, base.lower())
            if base is not char or char.isupper():
                self.key("shift", qcode)
            else:
                self.key(qcode)

    def move(self, x, y):
        """Moves the pointer to a pixel of the screen."""
        axes = (("x", x, qemu.WIDTH), ("y", y, qemu.HEIGHT))
        self.events(*({"type": "abs", "data": {
            "axis": axis, "value": round((at + 0.5) * 0x7fff / size)}}
            for axis, at, size in axes))
        self.pointer = (x, y)

    def button(self, down, name="left"):
        self.events({"type": "btn", "data": {"down": down, "button": name}})

    def click(self, x, y, name="left"):
        self.move(x, y)
        self.button(True, name)
        self.button(False, name)

    def drag(self, start, end, steps=8):
        self.move(*start)
        self.button(True)
        for step in range(1, steps + 1):
            self.move(*(round(a + (b - a) * step / steps)
                        for a, b in zip(start, end)))
        self.button(False)

    # ---- screen -------------------------------------------------------------

    def screen(self):
        """The screen now, as an RGB image."""
        path = os.path.join(self.folder, "screen.png")
        self.qmp.call("screendump", filename=path, format="png")
        with Image.open(path) as image:
            return image.convert("RGB")

    def wait_screen(self, good, timeout=LIMIT, what="the expected picture"):
        """Looks until good(image) is true; returns that image.

        The screen tells nobody that it changed, so this one looks again; a
        dump takes about a frame of the guest's time.
        """
        limit = time.monotonic() + timeout
        while True:
            image = self.screen()
            if good(image):
                return image
            if time.monotonic() > limit:
                path = os.path.join(ROOT, "build", "e2e-failed.png")
                image.save(path)
                raise Timeout(f"the screen never showed {what}; see {path}")
            select.select([], [], [], 0.05)

    # ---- the end -------------------------------------------------------------

    def wait_end(self, timeout=LIMIT):
        """Waits until QEMU ends by itself; returns its status."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Timeout("QEMU did not end; the console's end:\n"
                          + self.text[-3000:]) from None

    def kill(self):
        """Pulls the plug: SIGKILL, as a power cut would."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join(5)
