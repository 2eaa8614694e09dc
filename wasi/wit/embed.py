#!/usr/bin/python3
"""Turns the WIT files below wasi/wit into one C table (see ../wit.h).

Files of one package are joined under a single `package` line; comments are
left out, since the binary carries this text.

usage: embed.py OUT.c WIT...
"""
import os
import re
import sys

PACKAGE = re.compile(r"^\s*package\s+([a-z0-9:\-]+@[0-9a-z.\-+]+)\s*;\s*$",
                     re.M)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)


def read_packages(paths):
    """{package id: text}, in the order of its first file."""
    folder_ids, packages = {}, {}
    bodies = []
    for path in paths:
        text = COMMENT.sub("", open(path, encoding="utf-8").read())
        ids = PACKAGE.findall(text)
        if len(ids) > 1:
            sys.exit(f"{path}: more than one package line: {ids}")
        folder = os.path.dirname(path)
        if ids:
            folder_ids.setdefault(folder, ids[0])
        bodies.append((path, folder, ids, PACKAGE.sub("", text)))
    for path, folder, ids, body in bodies:
        package = ids[0] if ids else folder_ids.get(folder)
        if not package:
            sys.exit(f"{path}: no file in its folder names a package")
        lines = [line.strip() for line in body.splitlines()]
        packages[package] = packages.get(package, "") + "".join(
            line + "\n" for line in lines if line)
    return packages


def quote(line):
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"'


def main():
    out, paths = sys.argv[1], sys.argv[2:]
    with open(out + ".new", "w", encoding="utf-8") as file:
        file.write("/* Made by wasi/wit/embed.py. */\n"
                   '#include "wasi/wit.h"\n\n'
                   "const wasi_wit_text wasi_wit[] = {\n")
        for package, body in read_packages(paths).items():
            text = f"package {package};\n" + body
            file.write(f'{{"{package}", {len(text.encode())},\n')
            file.write("\n".join(quote(line) for line in text.splitlines()))
            file.write("},\n")
        file.write("{0}};\n")
    os.replace(out + ".new", out)


main()
