"""Strings that a file, a folder or a configuration may hold and that are a command to something: one list for all."""

HOSTILE = {
    "tags": '"><img src=x onerror=alert(1)><script>alert(2)</script>',
    "tag in a value": "' onmouseover='alert(3)' x='",
    "entities": "&lt;b&gt; &amp;amp; ]]> -->",
    "template": "{{ 7 * 7 }}{% raw %}$HOME",
    "mathtext": r"$\frac$",
    "odd dollar": "a$b",
    "formula": "=HYPERLINK(A1)",
    "formula, wide": "\N{FULLWIDTH EQUALS SIGN}1+1",
    "formula, negative": "-2+3+cmd|' /C calc'!A0",
    "formula, at": "@SUM(A1:A2)|cmd",
    "formula, blank": " +1+2",
    "shell": "$(touch x)`id`;&&|\"'*",
    "option": "--force -rf",
    "array task": "{shard} %x %j",
    "upwards": "..%2f..%2fx",
    "address": "a?b=c#d%20e@f:g",
    "YAML": "!!python/object:os.system [*a, &b] {c: d} # e",
    "number": "1e5",
    "boolean": "no",
    "SQL": "x' OR '1'='1\"; DROP TABLE runs; --",
    "expression": r"\g<1>\1\n(?P<x>.*",
    "bidirectional": "\u202egnp\u2066x",
    "invisible": "a\u200bb\ufeffc",
    "umlaut and emoji": "\u00fc\u00e4 u\u0308 \N{GRINNING FACE}",
    "comma and quote": 'a,"b"\tc',
    "terminal": "\x1b]0;title\x07\x1b[31mred\x1b[2J",
    "line end": "a\nb\r\nc",
}
"""By what it is a command to."""

ODD_FOLDER = "my run #1 100%20 what?! me@home o'neil M\u00fcller \N{GRINNING FACE}"
"""A folder name that is fine everywhere but where a path is taken for an address, a comment or a command."""
