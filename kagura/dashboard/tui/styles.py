"""How the monitor looks: the style sheet and the themes."""

from textual.theme import Theme

THEMES = (
    Theme(
        name="dark",
        primary="#7aa2f7",
        foreground="#d5d9e3",
        background="#16181f",
        surface="#1b1e27",
        panel="#242833",
        dark=True,
    ),
    Theme(
        name="light",
        primary="#2f5fc4",
        foreground="#22252c",
        background="#fbfbf9",
        surface="#f2f2ee",
        panel="#e6e6e0",
        dark=False,
    ),
)
"""Two of our own; `terminal` is what the terminal's own colours make."""

TERMINAL = "ansi-dark"
THEME_NAMES = {"dark": "dark", "light": "light", "terminal": TERMINAL}
"""The names that users see, in the order in which the key walks through them."""

CSS = """
Screen { layout: vertical; background: $background; color: $foreground; }
Screen:ansi { background: ansi_default; color: ansi_default; }

.banner { height: auto; max-height: 3; padding: 0 1; display: none; }
.banner { background: $background; color: ansi_red; text-style: bold; }
.banner.shown { display: block; }

#head { height: 6; }
#head > Static { width: 1fr; height: 6; }
#spending { display: none; }
#strip { height: 1; }
#compact { height: 2; display: none; padding: 0 1; }
.wide #spending { display: block; }
.wide #strip { display: none; }
.narrow #head { display: none; }
.narrow #compact { display: block; }

.box { border: solid $foreground 40%; border-title-color: $foreground; border-title-style: bold; }
.box { border-subtitle-color: $foreground 60%; }
.box:focus-within, .box:focus { border: solid $primary; }
.box:ansi { border: solid ansi_default; }
.box:ansi:focus { border: solid ansi_blue; }

Rows { height: 1fr; scrollbar-size-vertical: 1; scrollbar-gutter: stable; overflow-x: hidden; background: $background; }
Rows:ansi { background: ansi_default; }
#flights { height: 5; }
.low #flights { height: 4; }
.flat #flights { display: none; }
.tall #flights { height: 8; }
.huge #flights { height: 14; }
#runs { height: 1fr; min-height: 4; }

#filter { display: none; height: 1; border: none; padding: 0 1; }
#keys { height: 1; padding: 0 1; color: $foreground 70%; }

#body { height: 1fr; layout: vertical; }
.beside #body { layout: horizontal; }
#tree { height: 1fr; min-height: 4; }
#detail { height: 1fr; min-height: 4; }
.beside #tree { width: 3fr; height: 1fr; }
.beside #detail { width: 2fr; height: 1fr; }
.zoomed #tree { display: none; }
#title { height: 1; padding: 0 1; text-style: bold; }

#page { height: 1fr; scrollbar-size-vertical: 1; }

Help { align: center middle; background: $background 60%; }
#help { width: 76; max-width: 100%; height: auto; max-height: 100%; padding: 0 2; background: $surface; }
#help:ansi { background: ansi_default; }
"""
