"""Recognise licences by normalised key phrases: of licence files, and in the heads of sources.

A text is lower-cased and every run of other characters than a-z and 0-9 becomes one space, which
removes comment marks, line ends and punctuation alike. Each licence is a phrase that no other
licence of the list contains, or several that must all occur. Where several licences match, the
one whose first phrase stands first wins. This finds unchanged texts; it does not measure how far
a changed one is from its original.

The GNU licences' texts do not say whether later versions are allowed, so `licence_of` returns
`GPL-3.0` for them; a header does say it, so `header_licence` returns `GPL-3.0-only` or
`GPL-3.0-or-later`.
"""

import re

HEADER_CHARS = 4096
LICENCE_CHARS = 65_536  # the longest text of the list, GPL-3.0, has 35,149

_PERMISSION = (
    "permission is hereby granted free of charge to any person obtaining a copy of this software"
    " and associated documentation files"
)
_REDISTRIBUTION = "redistribution and use in source and binary forms with or without modification"
_ISC_GRANT = (
    r"permission to use copy modify and( or)? distribute this software for any purpose with or"
    r" without fee is hereby granted"
)

# SPDX id, phrases that must all occur (regular expressions), phrases that must not.
_LICENCES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("MIT", (_PERMISSION, "permission notice shall be included in all copies"), ()),
    ("Apache-2.0", ("apache license version 2 0 january 2004",), ()),
    ("BSD-4-Clause", (_REDISTRIBUTION, "all advertising materials mentioning"), ()),
    (
        "BSD-3-Clause",
        (_REDISTRIBUTION, "may( not)? be used to endorse or promote products"),
        ("all advertising materials mentioning",),
    ),
    (
        "BSD-2-Clause",
        (_REDISTRIBUTION, "redistributions in binary form must reproduce"),
        ("used to endorse or promote products", "all advertising materials mentioning"),
    ),
    ("ISC", (_ISC_GRANT + " provided that the above copyright notice",), ()),
    ("0BSD", (_ISC_GRANT + " the software is provided",), ()),
    (
        "Zlib",
        ("in no event will the authors be held liable", "altered source versions must be plainly"),
        (),
    ),
    ("MPL-2.0", ("mozilla public license version 2 0 1 definitions",), ()),
    ("GPL-2.0", ("gnu general public license version 2 june 1991",), ()),
    ("GPL-3.0", ("gnu general public license version 3 29 june 2007",), ()),
    ("LGPL-2.1", ("gnu lesser general public license version 2 1 february 1999",), ()),
    ("LGPL-3.0", ("gnu lesser general public license version 3 29 june 2007",), ()),
    ("AGPL-3.0", ("gnu affero general public license version 3 19 november 2007",), ()),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",), ()),
    ("CC0-1.0", ("cc0 1 0 universal",), ()),
    ("PSF-2.0", ("python software foundation license version 2",), ()),
    (
        "PostgreSQL",
        ("for any purpose without fee and without a written agreement is hereby granted",),
        (),
    ),
    ("BSL-1.0", ("boost software license version 1 0 august 17th 2003",), ()),
)

_UNDER = (
    r"(licensed|released|distributed|available|provided|governed) (by|under) (the )?"
    r"(terms of (the )?)?"
)

# Phrases of source headers, besides whole licence texts.
_HEADERS: tuple[tuple[str, str], ...] = (
    ("Apache-2.0", _UNDER + "apache license version 2 0"),
    ("Apache-2.0", _UNDER + "apache (license )?2 0"),
    ("MIT", _UNDER + "(an )?mit (style )?license"),
    ("MPL-2.0", "subject to the terms of the mozilla public license v 2 0"),
    ("BSL-1.0", _UNDER + "boost software license version 1 0"),
    ("EPL-1.0", "terms of the eclipse public license v(ersion )?1 0"),
    ("EPL-2.0", "terms of the eclipse public license (v |version )?2 0"),
    ("ISC", _UNDER + "isc license"),
)

_GNU = re.compile(r"gnu (lesser |library |affero )?general public licen[sc]e")
_GNU_NAMES = {"": "GPL", "lesser ": "LGPL", "library ": "LGPL", "affero ": "AGPL"}
_GNU_VERSION = re.compile(r"\b(?:version|v) ?([123])(?: ([01]))?\b")
_GNU_LATER = re.compile(r"\b(any|or) (\(?at your option\)? )?(any )?(later|newer)\b|\bor later\b")
_GNU_REACH = 400  # normalised characters after the name in which its version stands

_ID = r"\(*[A-Za-z0-9](?:[A-Za-z0-9.+:-]*[A-Za-z0-9+])?\)*"
_SPDX = re.compile(rf"SPDX-License-Identifier:[ \t]*({_ID}(?:[ \t]+(?:AND|OR|WITH)[ \t]+{_ID})*)")


# Every text that any phrase here matches holds one of these.
_HINTS = ("license", "licence", "permission", "redistribution", "liable", "cc0", "unencumbered")


def licence_of(text: str) -> str | None:
    """Return the SPDX id of a LICENSE or COPYING file's text, or None when it is not recognised."""
    return _first_licence(_normalised(text[:LICENCE_CHARS]))


def header_licence(head: str) -> str | None:
    """Return the licence that a source's first characters state, or None.

    An SPDX-License-Identifier is returned as it is written, be it an expression; else the id of
    the first licence whose phrases occur.
    """
    declared = _SPDX.search(head)
    if declared is not None:
        return declared.group(1)
    lowered = head.lower()
    if not any(hint in lowered for hint in _HINTS):
        return None  # nine files in ten: spares them the phrases
    text = _normalised(head)
    found = [
        (match.start(), spdx) for spdx, phrase in _HEADERS if (match := re.search(phrase, text))
    ]
    gnu = _gnu_header(text)
    if gnu is not None:
        found.append(gnu)
    if found:
        return min(found)[1]
    return _first_licence(text)


def _normalised(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def _first_licence(text: str) -> str | None:
    found = []
    for spdx, required, forbidden in _LICENCES:
        matches = [re.search(phrase, text) for phrase in required]
        if any(re.search(phrase, text) for phrase in forbidden):
            continue
        starts = [match.start() for match in matches if match is not None]
        if len(starts) == len(required):
            found.append((min(starts), spdx))
    return min(found)[1] if found else None


def _gnu_header(text: str) -> tuple[int, str] | None:
    """Return where a GNU licence is named and its SPDX id with the version that follows.

    A header that names no version allows every one, which is what the licences themselves say.
    """
    name = _GNU.search(text)
    if name is None:
        return None
    family = _GNU_NAMES[name.group(1) or ""]
    following = text[name.end() : name.end() + _GNU_REACH]
    version = _GNU_VERSION.search(following)
    if version is None:
        return name.start(), f"{family}-{'2.0' if family == 'LGPL' else '1.0'}-or-later"
    number = f"{version.group(1)}.{version.group(2) or '0'}"
    later = _GNU_LATER.search(following)
    return name.start(), f"{family}-{number}-{'or-later' if later else 'only'}"
