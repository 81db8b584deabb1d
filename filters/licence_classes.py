"""What a licence asks of those who pass the work on: SPDX ids by class, and SPDX expressions.

The classes are the categories of ScanCode LicenseDB (CC-BY-4.0, as in license-expression 30.4):
`permissive` is its Permissive and Public Domain, `weak_copyleft` its Copyleft Limited, `copyleft`
its Copyleft. A test compares every id with that database. What is not listed is `other`: licences
that forbid a use or a change, and names that are no SPDX id.
"""

import re
from typing import Final, Literal, get_args

LicenceClass = Literal["permissive", "weak_copyleft", "copyleft", "other"]

LICENCE_CLASSES: Final[tuple[LicenceClass, ...]] = get_args(LicenceClass)  # the freest first

IDS: Final[dict[LicenceClass, tuple[str, ...]]] = {
    "permissive": (
        *(
            "0BSD",
            "AAL",
            "AFL-1.1",
            "AFL-2.0",
            "AFL-2.1",
            "AFL-3.0",
            "ANTLR-PD",
            "Apache-1.0",
            "Apache-1.1",
            "Apache-2.0",
        ),
        *("BSD-1-Clause", "BSD-2-Clause", "BSD-2-Clause-Patent", "BSD-3-Clause"),
        *("BSD-3-Clause-Clear", "BSD-4-Clause", "BSD-4-Clause-UC", "BSD-Source-Code"),
        *("BSL-1.0", "Beerware", "Bitstream-Vera", "BlueOak-1.0.0", "CC-BY-2.0", "CC-BY-2.5"),
        *("CC-BY-3.0", "CC-BY-4.0", "CC-PDDC", "CC0-1.0", "CECILL-B", "CNRI-Python", "ECL-1.0"),
        *("ECL-2.0", "EFL-2.0", "EUDatagrid", "Entessa", "FSFAP", "FSFUL", "FSFULLR", "FTL"),
        *("Fair", "HPND", "HPND-sell-variant", "ICU", "IJG", "ISC", "ImageMagick", "Info-ZIP"),
        *("Intel", "JSON", "JasPer-2.0", "Libpng", "MIT", "MIT-0", "MIT-CMU"),
        *("MIT-Modern-Variant", "MITNFA", "MS-PL", "MulanPSL-1.0", "MulanPSL-2.0", "NAIST-2003"),
        *("BSD-3-Clause-LBNL", "Boehm-GC", "HPND-DEC", "MirOS", "Minpack", "NIST-PD"),
        *("NIST-PD-fallback", "Python-2.0.1", "SAX-PD", "SunPro", "mpich2"),
        *("NCSA", "NTP", "Naumen", "ODC-By-1.0", "OFL-1.0", "OLDAP-2.8", "OpenSSL", "PDDL-1.0"),
        *("PHP-3.0", "PHP-3.01", "PSF-2.0", "PostgreSQL", "Python-2.0", "SGI-B-2.0", "SMLNJ"),
        *("Spencer-94", "TCL", "UPL-1.0", "Unicode-3.0", "Unicode-DFS-2015", "Unicode-DFS-2016"),
        *("Unlicense", "W3C", "W3C-20150513", "WTFPL", "X11", "Xnet", "ZPL-2.0", "ZPL-2.1"),
        *("Zend-2.0", "Zlib", "blessing", "bzip2-1.0.6", "curl", "libpng-2.0", "libtiff"),
        "zlib-acknowledgement",
    ),
    "weak_copyleft": (
        *("APSL-2.0", "Artistic-1.0", "Artistic-1.0-Perl", "Artistic-2.0", "BitTorrent-1.1"),
        *("CC-BY-SA-2.0", "CC-BY-SA-2.5", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CDDL-1.0", "CDDL-1.1"),
        *("CECILL-2.1", "CPL-1.0", "EPL-1.0", "EPL-2.0", "EUPL-1.1", "EUPL-1.2", "GFDL-1.1"),
        *("GFDL-1.2", "GFDL-1.3", "IPL-1.0", "LGPL-2.0", "LGPL-2.1", "LGPL-3.0", "LiLiQ-P-1.1"),
        *("MPL-1.0", "MPL-1.1", "MPL-2.0", "MPL-2.0-no-copyleft-exception", "MS-RL", "NASA-1.3"),
        *("NPL-1.1", "Nokia", "OFL-1.1", "QPL-1.0", "RPL-1.5", "RPSL-1.0", "Ruby", "gnuplot"),
    ),
    "copyleft": (
        *("AGPL-1.0", "AGPL-3.0", "CECILL-C", "CPAL-1.0", "GPL-1.0", "GPL-2.0", "GPL-3.0"),
        *("LPPL-1.3c", "Linux-man-pages-copyleft", "ODbL-1.0", "OSL-2.1", "OSL-3.0", "Sleepycat"),
        "Vim",
    ),
}

_CLASS_OF = {name.lower(): kind for kind, names in IDS.items() for name in names}
_SPELLING = {name.lower(): name for names in IDS.values() for name in names}
_VERSIONS = re.compile(r"(?:-only|-or-later|\+)$", re.IGNORECASE)
_TOKEN = re.compile(r"\s*([()]|[^\s()]+)")
_NO_SPDX = {
    "apache": "Apache-2.0",
    "apache license": "Apache-2.0",
    "apache license 2 0": "Apache-2.0",
    "apache license version 2 0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2 0": "Apache-2.0",
    "asl 2 0": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd 2 clause license": "BSD-2-Clause",
    "bsd 3 clause": "BSD-3-Clause",
    "bsd 3 clause license": "BSD-3-Clause",
    "bsd2": "BSD-2-Clause",
    "bsd3": "BSD-3-Clause",
    "freebsd": "BSD-2-Clause",
    "2 clause bsd": "BSD-2-Clause",
    "3 clause bsd": "BSD-3-Clause",
    "boost": "BSL-1.0",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "simplified bsd": "BSD-2-Clause",
    "simplified bsd license": "BSD-2-Clause",
    "the mit license": "MIT",
    "the mit license mit": "MIT",
    "mit license": "MIT",
    "mit license mit": "MIT",
    "mit licence": "MIT",
    "expat": "MIT",
    "expat license": "MIT",
    "isc license": "ISC",
    "isc license iscl": "ISC",
    "python software foundation license": "PSF-2.0",
    "psf": "PSF-2.0",
    "public domain": "CC-PDDC",
    "the unlicense unlicense": "Unlicense",
    "the unlicense": "Unlicense",
    "zope public license": "ZPL-2.1",
    "gpl": "GPL-1.0-or-later",
    "gpl2": "GPL-2.0-only",
    "gplv2": "GPL-2.0-only",
    "gpl 2": "GPL-2.0-only",
    "gplv2 or later": "GPL-2.0-or-later",
    "gpl3": "GPL-3.0-only",
    "gplv3": "GPL-3.0-only",
    "gpl 3": "GPL-3.0-only",
    "gplv3 or later": "GPL-3.0-or-later",
    "gnu general public license gpl": "GPL-1.0-or-later",
    "gnu general public license v2 gplv2": "GPL-2.0-only",
    "gnu general public license v2 or later gplv2": "GPL-2.0-or-later",
    "gnu general public license v3 gplv3": "GPL-3.0-only",
    "gnu general public license v3 or later gplv3": "GPL-3.0-or-later",
    "gnu affero general public license v3": "AGPL-3.0-only",
    "agpl": "AGPL-3.0-only",
    "agplv3": "AGPL-3.0-only",
    "lgpl": "LGPL-2.0-or-later",
    "lgpl 2": "LGPL-2.0-only",
    "lgpl 2 1": "LGPL-2.1-only",
    "lgpl 3": "LGPL-3.0-only",
    "lgplv2": "LGPL-2.0-only",
    "lgplv3": "LGPL-3.0-only",
    "gnu lesser general public license v3 lgplv3": "LGPL-3.0-only",
    "gnu library or lesser general public license lgpl": "LGPL-2.0-or-later",
    "mpl 2 0": "MPL-2.0",
    "mozilla public license 2 0": "MPL-2.0",
    "mozilla public license 2 0 mpl 2 0": "MPL-2.0",
    "eclipse public license 1 0": "EPL-1.0",
    "eclipse public license 2 0": "EPL-2.0",
}


def spdx_id(name: str) -> str:
    """Return the SPDX id of a licence as people and package managers write it, else the name."""
    name = name.strip()
    base = _VERSIONS.sub("", name)
    if base.lower() in _SPELLING:
        return _SPELLING[base.lower()] + name[len(base) :]
    words = re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()
    found = _NO_SPDX.get(words, name)
    return found.replace("-only", "-or-later") if name.endswith("+") else found


def licence_class(expression: str) -> LicenceClass:
    """Return the class of an SPDX expression: the freest of an OR, the strictest of an AND.

    An exception (WITH) makes a copyleft licence a weak one. What is no expression is `other`.
    """
    tokens = _TOKEN.findall(expression)
    if len(tokens) > 1000:
        return "other"
    found, rest = _any_of(tokens)
    return LICENCE_CLASSES[found] if not rest else "other"


def licence_ids(expression: str) -> frozenset[str]:
    """Return the ids of an expression, without what is said of later versions."""
    names = [name for name in _TOKEN.findall(expression) if name not in ("(", ")")]
    return frozenset(
        _VERSIONS.sub("", name) for name in names if name.upper() not in ("AND", "OR", "WITH")
    )


_OTHER = LICENCE_CLASSES.index("other")


def _any_of(tokens: list[str]) -> tuple[int, list[str]]:
    found, rest = _all_of(tokens)
    while rest and rest[0].upper() == "OR":
        other, rest = _all_of(rest[1:])
        found = min(found, other)
    return found, rest


def _all_of(tokens: list[str]) -> tuple[int, list[str]]:
    found, rest = _one(tokens)
    while rest and rest[0].upper() == "AND":
        other, rest = _one(rest[1:])
        found = max(found, other)
    return found, rest


def _one(tokens: list[str]) -> tuple[int, list[str]]:
    if not tokens or tokens[0] == ")" or tokens[0].upper() in ("AND", "OR", "WITH"):
        return _OTHER, ["?"]
    if tokens[0] == "(":
        found, rest = _any_of(tokens[1:])
        return (found, rest[1:]) if rest[:1] == [")"] else (_OTHER, ["?"])
    name, rest = tokens[0], tokens[1:]
    kind = _CLASS_OF.get(_VERSIONS.sub("", name).lower(), "other")
    if rest and rest[0].upper() == "WITH":
        kind = "weak_copyleft" if kind == "copyleft" else kind
        rest = rest[2:]
    return LICENCE_CLASSES.index(kind), rest
