import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.licence_header import (
    MAX_HEADER_CHARS,
    licence_header,
    licence_header_chars,
)

LINES = st.sampled_from(
    [
        "// Copyright 2020",
        "# Licensed under MIT",
        "/*",
        " * licence",
        " */",
        "",
        "x = 1",
        '"""',
        "#!/bin/sh",
        "<!--",
        "é",
    ]
)


@pytest.mark.parametrize(
    ("before", "header", "after"),
    [
        ("", "// Copyright 2020 A\n// All rights reserved.\n", "\nint x;\n"),
        ("", "/*\n * Licensed under the Apache License\n */\n", "package a;\n"),
        ("#!/usr/bin/env python\n", "# Copyright (c) 2020\n#\n# MIT licence\n", "\nimport os\n"),
        ("<?php\n\n", "/* @license MIT */\n", "echo 1;\n"),
        ("", "<!-- Copyright A -->\n", "<html></html>\n"),
        ("", "(* Copyright A\n   B *)\n", "let x = 1\n"),
        ("", "-- SPDX-License-Identifier: BSD-3-Clause\n", "\nmodule A where\n"),
        ("", "dnl Copyright A\ndnl B\n", "AC_INIT\n"),
        ("", "; Copyright A", ""),
        ("# title\n\n", "# Copyright A\n\n# Redistribution and use is fine\n", "x = 1\n"),
    ],
)
def test_the_licence_comment_is_found(before: str, header: str, after: str) -> None:
    text = before + header + after
    span = licence_header(text)
    assert span is not None
    assert text[span.start : span.end] == header


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "import copyright\n",
        "# A module.\nx = 1\n# Copyright A\n",
        "/* Copyright A\n without an end",
        "/* Copyright " + "a" * MAX_HEADER_CHARS + " */\n",
        "# Copyright A\n" * MAX_HEADER_CHARS,
    ],
)
def test_texts_without_a_licence_comment_at_the_head(text: str) -> None:
    assert licence_header_chars(text) == 0


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, max_size=12).map("\n".join))
def test_a_span_lies_in_the_text_on_whole_lines(text: str) -> None:
    span = licence_header(text)
    if span is not None:
        assert 0 <= span.start < span.end <= len(text)
        assert span.start == 0 or text[span.start - 1] == "\n"
        assert span.end == len(text) or text[span.end - 1] == "\n"
