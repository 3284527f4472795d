#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Draws how-it-works.svg: docs/how-it-works.py >docs/how-it-works.svg"""

WIDTH, HEIGHT = 910, 430
BOXES = {  # x, y, width, height, colour, lines; the first is the title
    "launcher": (20, 30, 190, 80, "#dbeafe", ["criu, our launcher", "or criu-lazy-wp:", "what is asked for?"]),
    "live": (20, 160, 190, 80, "#dbeafe", ["live pre-dump", "no freeze, no CRIU:", "take, then copy"]),
    "criu": (270, 30, 300, 80, "#f3f4f6", ["stock CRIU", "dump, or its own pre-dump"]),
    "plugin": (300, 76, 240, 26, "#fde68a", ["lazy_wp_plugin.so, preloaded"]),
    "kernel": (270, 160, 220, 80, "#e5e7eb", ["kernel", "PAGEMAP_SCAN: what was", "written? Protect it again"]),
    "task": (650, 30, 240, 210, "#dcfce7", ["the tree of processes", "runs on between iterations"]),
    "keeper": (650, 330, 240, 80, "#fde68a", ["lazy-wpd, the keeper", "holds the userfaultfds and which", "iteration was completed last"]),
    "images": (20, 330, 550, 80, "#f3f4f6",
               ["images: ckpt/1 \u2190 ckpt/2 \u2190 ckpt/3", "what was written since the parent; the rest is in the parent",
                "restored by plain CRIU"]),
}
ARROWS = [  # x1, y1, x2, y2, text, where its middle is
    (210, 70, 270, 70, "dump", (240, 62)),
    (115, 110, 115, 160, "pre-dump", (146, 139)),
    (380, 110, 380, 160, "asks", (398, 139)),
    (210, 200, 270, 200, "asks", (240, 192)),
    (650, 200, 490, 200, "first write: fault", (590, 192)),
    (570, 70, 650, 70, "freezes", (610, 62)),
    (770, 240, 770, 330, "userfaultfd, made inside", (690, 289)),
    (115, 240, 115, 330, "pages, while the tree runs", (192, 289)),
    (530, 110, 530, 330, "pages, in the freeze", (470, 289)),
]
COLUMNS = 13
PAGES = COLUMNS * 4
WRITTEN = {4, 5, 16, 31, 47}


def box(x, y, width, height, colour, lines):
    yield (f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{colour}" '
           'stroke="#374151"/>')
    for number, line in enumerate(lines):
        weight = "bold" if number == 0 else "normal"
        yield (f'<text x="{x + width / 2}" y="{y + 17 + 18 * number}" font-weight="{weight}" '
               f'text-anchor="middle">{line}</text>')


def arrow(x1, y1, x2, y2, text, middle):
    yield (f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#374151" stroke-width="1.5" '
           'marker-end="url(#head)"/>')
    yield f'<text x="{middle[0]}" y="{middle[1]}" text-anchor="middle" font-size="11">{text}</text>'


def memory():
    for page in range(PAGES):
        x, y = 658 + page % COLUMNS * 17.5, 92 + page // COLUMNS * 20
        colour = "#f87171" if page in WRITTEN else "#ffffff"
        yield f'<rect x="{x}" y="{y}" width="14" height="16" fill="{colour}" stroke="#6b7280"/>'
    yield '<text x="770" y="196" text-anchor="middle" font-size="11">white: write-protected, clean</text>'
    yield '<text x="770" y="212" text-anchor="middle" font-size="11">red: written since the last iteration</text>'


def picture():
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
           f'height="{HEIGHT}" font-family="sans-serif" font-size="13">')
    yield "<title>How criu-lazy-wp works</title>"
    yield ('<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
           'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#374151"/></marker></defs>')
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    for values in BOXES.values():
        yield from box(*values)
    yield from memory()
    for values in ARROWS:
        yield from arrow(*values)
    yield "</svg>"


print("\n".join(picture()))
