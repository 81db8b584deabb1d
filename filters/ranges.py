"""What a rule may name: each signal's type and the lowest and highest value it can ever have.

A threshold outside these bounds can only be a slip (a percentage where a share is meant), so the
rule parser refuses it. Signals that another stage measures are listed here too: the table is the
one place that says what a rule can ask.
"""

from datetime import date
from typing import Literal, get_args

import msgspec

from ..corpus.record import COMPONENTS, Kind
from .page_stubs import STUB_KINDS
from .page_urls import URL_ROLES
from .tree_facts import SyntaxStatus

SignalType = Literal["integer", "number", "flag", "string", "time"]


class SignalRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The values that a signal can have; a bound of None means that there is none."""

    type: SignalType
    lowest: float | date | None = None
    highest: float | date | None = None
    choices: tuple[str, ...] = ()  # every value a string signal can have; empty: any


_COUNT = SignalRange(type="integer", lowest=0.0)
_FRACTION = SignalRange(type="number", lowest=0.0, highest=1.0)
_STRING = SignalRange(type="string")
_FLAG = SignalRange(type="flag")

SIGNAL_RANGES: dict[str, SignalRange] = {
    "num_chars": _COUNT,
    "num_bytes_utf8": _COUNT,
    "num_lines": _COUNT,
    "mean_line_length": SignalRange(type="number", lowest=0.0),
    "max_line_length": _COUNT,
    "alphabetic_fraction": _FRACTION,
    "alphanumeric_fraction": _FRACTION,
    "xml_declaration": _FLAG,
    "visible_text_chars": _COUNT,
    # A character reference can stand for two characters, but never for more than it is long.
    "visible_text_fraction": _FRACTION,
    "header_licence": _STRING,
    "header_licence_chars": _COUNT,
    "vendored": _FLAG,
    "documentation": _FLAG,
    "test_file": _FLAG,
    "lock_file": _FLAG,
    "dot_file": _FLAG,
    "configuration": _FLAG,
    "generated": _FLAG,
    "generated_by": _STRING,
    "minified": _FLAG,
    "encoded_data_fraction": _FRACTION,
    "longest_encoded_run": _COUNT,
    "data_fraction": _FRACTION,
    # Of the files that are parsed; filters.syntax says when a value is missing.
    "syntax_status": SignalRange(type="string", choices=get_args(SyntaxStatus)),
    "syntax_error_fraction": _FRACTION,
    "syntax_raw_error_fraction": _FRACTION,
    "syntax_comment_fraction": _FRACTION,
    "syntax_num_nodes": _COUNT,
    "syntax_num_node_types": _COUNT,
    "syntax_max_depth": _COUNT,
    "syntax_num_functions": _COUNT,
    "syntax_num_classes": _COUNT,
    # Of web pages; measured only where a rule names one of them.
    "host": _STRING,
    "url_role": SignalRange(type="string", choices=URL_ROLES),
    "spam_host": _FLAG,
    "stub": SignalRange(type="string", choices=STUB_KINDS),
    "prose_chars": _COUNT,
    "code_fraction": _FRACTION,
    "formula_fraction": _FRACTION,
    "prose_symbol_fraction": _FRACTION,
    "duplicate_line_fraction": _FRACTION,
    "duplicate_ngram_fraction": _FRACTION,
    "list_line_fraction": _FRACTION,
    "url_fraction": _FRACTION,
    "num_bytes": _COUNT,
    "language": _STRING,
    "language_evidence": _STRING,
    "language_confidence": _FRACTION,
    "comment_language": _STRING,
    "kind": SignalRange(type="string", choices=get_args(Kind)),
    "component": SignalRange(type="string", choices=COMPONENTS),
    "source": _STRING,
    "encoding": _STRING,
    "declared_licence": _STRING,
    "licence": _STRING,  # declared, else of the licence files, else of the file's head
    "stars": _COUNT,
    "repository_created": SignalRange(
        type="time", lowest=date(1970, 1, 1), highest=date(9999, 12, 31)
    ),
}
