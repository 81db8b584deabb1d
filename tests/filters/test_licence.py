import pytest

from gristmill.filters.licence import header_licence, licence_of

MIT = """MIT License

Copyright (c) 2020 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction.

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.
"""
BSD_2 = """Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:
1. Redistributions of source code must retain the above copyright notice.
2. Redistributions in binary form must reproduce the above copyright notice.
"""
BSD_3 = (
    BSD_2
    + """3. Neither the name of the copyright holder nor the names of its
contributors may be used to endorse or promote products derived from this software.
"""
)
BSD_4 = BSD_3 + "4. All advertising materials mentioning features must display this.\n"
ISC = """Permission to use, copy, modify, and/or distribute this software for any
purpose with or without fee is hereby granted"""
ZLIB = """In no event will the authors be held liable for any damages.
2. Altered source versions must be plainly marked as such.
"""


@pytest.mark.parametrize(
    ("spdx", "text"),
    [
        ("MIT", MIT),
        ("MIT", "\n".join(f" * {line}" for line in MIT.splitlines())),
        ("BSD-2-Clause", BSD_2),
        ("BSD-3-Clause", BSD_3),
        ("BSD-4-Clause", BSD_4),
        ("ISC", ISC + ", provided that the above copyright notice appears."),
        ("0BSD", ISC + '.\n\nTHE SOFTWARE IS PROVIDED "AS IS"'),
        ("Zlib", ZLIB),
        ("Apache-2.0", "    Apache License\n  Version 2.0, January 2004\n"),
        ("MPL-2.0", "Mozilla Public License Version 2.0\n=====\n\n1. Definitions\n"),
        ("GPL-2.0", "GNU GENERAL PUBLIC LICENSE\n Version 2, June 1991"),
        ("GPL-3.0", "GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007"),
        ("LGPL-2.1", "GNU LESSER GENERAL PUBLIC LICENSE\n Version 2.1, February 1999"),
        ("LGPL-3.0", "GNU LESSER GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007"),
        ("AGPL-3.0", "GNU AFFERO GENERAL PUBLIC LICENSE\n Version 3, 19 November 2007"),
        ("Unlicense", "This is free and unencumbered software released into the public domain."),
        ("CC0-1.0", "Creative Commons Legal Code\n\nCC0 1.0 Universal"),
        ("PSF-2.0", "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2\n----"),
        (
            "PostgreSQL",
            "Permission to use, copy, modify, and distribute this software and its documentation"
            " for any purpose, without fee, and without a written agreement is hereby granted",
        ),
        ("BSL-1.0", "Boost Software License - Version 1.0 - August 17th, 2003"),
        (None, "All rights reserved."),
        (None, ""),
    ],
)
def test_licence_texts_are_recognised(spdx: str | None, text: str) -> None:
    assert licence_of(text) == spdx


def test_the_first_of_several_licences_counts() -> None:
    assert licence_of("Apache License\nVersion 2.0, January 2004\n" + MIT) == "Apache-2.0"
    assert licence_of(MIT + "Apache License\nVersion 2.0, January 2004\n") == "MIT"


GPL = " of the GNU General Public License as published by the Free Software Foundation; "


@pytest.mark.parametrize(
    ("spdx", "head"),
    [
        ("MIT", "// SPDX-License-Identifier: MIT\n"),
        ("MIT", "<!-- SPDX-License-Identifier: MIT-->"),
        ("Apache-2.0", "/* SPDX-License-Identifier: Apache-2.0 */"),
        (
            "GPL-2.0 WITH Linux-syscall-note",
            "/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */",
        ),
        ("(GPL-2.0+ OR MIT)", "# SPDX-License-Identifier: (GPL-2.0+ OR MIT)\nx"),
        ("BSD-3-Clause", "# SPDX-License-Identifier: BSD-3-Clause\n# " + MIT),
        (
            "Apache-2.0",
            '# Licensed under the Apache License, Version 2.0 (the "License");\n',
        ),
        (
            "GPL-2.0-or-later",
            f"# under the terms{GPL}either version 2\n# of the License, or (at your option)\n"
            "# any later version.",
        ),
        ("GPL-2.0-only", f"under the terms{GPL}version 2."),
        ("GPL-1.0-or-later", "Released under the GNU General Public License."),
        ("LGPL-2.1-or-later", "GNU Lesser General Public License version 2.1 or later"),
        ("AGPL-3.0-only", "the GNU Affero General Public License, version 3,"),
        ("MPL-2.0", "subject to the terms of the Mozilla Public\n * License, v. 2.0. If a copy"),
        ("BSL-1.0", "Distributed under the Boost Software License, Version 1.0."),
        ("MIT", "Licensed under the MIT License. See LICENSE."),
        ("MIT", MIT),
        (None, "import os\n"),
    ],
)
def test_headers_state_their_licence(spdx: str | None, head: str) -> None:
    assert header_licence(head) == spdx
