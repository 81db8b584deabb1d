"""The report's section on the mixture: each component against its target and against the paper.

The paper's numbers are of DeepSeek-Coder-V2, section 2 (pools and shares); tokens seen and epochs
follow from them. Of languages only DeepSeek-Coder, its Table 1, gives shares: of bytes.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from ..corpus.mixture import ComponentPlan, Mixture
from . import page
from .audit import Audit, Breakdown
from .page import Bar, TableRow

# Name, note, then unique tokens, share of 6T, tokens seen and epochs.
PAPER_POOLS: Final = (
    ("code", "", "1,170B", "60%", "3,600B", "3.08"),
    ("GitHub source", "70.2% of code, 338 languages", "821B", "", "", ""),
    ("Markdown and issues", "15.8% of code", "185B", "", "", ""),
    ("code-related web", "6.0% of code", "70B", "", "", ""),
    ("recalled GitHub source", "8.0% of code", "94B", "", "", ""),
    ("math-related web", "", "221B", "10%", "600B", "2.71"),
    ("natural language", "", "not given", "30%", "1,800B", "below 1"),
)

# Percent of 797.92 GB in 87 languages; the names are those of the language table.
PAPER_LANGUAGES: Final[Mapping[str, float]] = {
    "Java": 18.63,
    "Python": 15.12,
    "C++": 11.39,
    "TypeScript": 7.60,
    "PHP": 7.38,
    "C#": 7.34,
    "JavaScript": 6.75,
    "HTML": 3.77,
    "C": 3.59,
    "TeX": 2.56,
    "SQL": 1.90,
    "Ruby": 1.88,
    "Jupyter Notebook": 1.80,
    "Shell": 1.74,
    "RMarkdown": 0.86,
    "Kotlin": 0.75,
    "CSS": 0.71,
    "JSON": 0.58,
    "Go": 0.32,
    "Fortran": 0.21,
}


def mixture_parts(found: Audit, mixture: Mixture) -> list[str]:
    """Return the contents of the section."""
    total = found.totals.tokens or 1
    rows = [_component(plan, plan.tokens / total) for plan in mixture.components]
    rows.append(
        TableRow(
            name="total",
            cells=(page.count(found.totals.tokens), "100.0%", "100.0%", ""),
            is_total=True,
        )
    )
    return [
        page.paragraph(
            f"Training takes {page.count(mixture.total_tokens)} tokens. A component's target is "
            "its share of them; epochs say how often its own tokens are then seen. The mark on a "
            "bar is the target; beside the name stand the tokens that it asks for."
        ),
        page.table(
            "Tokens by component and target",
            ("component", "tokens", "share", "target", "epochs"),
            rows,
        ),
        page.table(
            "For comparison: the 6T tokens of DeepSeek-Coder-V2",
            ("pool", "unique tokens", "share", "tokens seen", "epochs"),
            [
                TableRow(name=name, note=note, cells=tuple(cells))
                for name, note, *cells in PAPER_POOLS
            ],
        ),
    ]


def _component(plan: ComponentPlan, fraction: float) -> TableRow:
    return TableRow(
        name=plan.name,
        note=page.count(plan.target_tokens),
        cells=(
            page.count(plan.tokens),
            page.percent(fraction),
            page.percent(plan.weight),
            f"{plan.epochs:,.2f}" if plan.epochs < 100 else page.count(round(plan.epochs)),
        ),
        bar=Bar(fraction=fraction, tone=plan.name, mark=plan.weight),
    )


def paper_language_parts(breakdown: Breakdown) -> list[str]:
    """Return shares of the bytes of code beside those of DeepSeek-Coder, for a reader to open."""
    code = {
        group.value: group.kept_bytes for group in breakdown.groups if group.component == "code"
    }
    total = sum(code.values()) or 1
    largest = max(PAPER_LANGUAGES.values())
    rows = [
        TableRow(
            name=name,
            cells=(page.size_text(code.get(name, 0)), page.percent(share), f"{theirs:.1f}%"),
            bar=Bar(fraction=min(share / largest * 100, 1.0), tone="code", mark=theirs / largest),
        )
        for name, theirs in PAPER_LANGUAGES.items()
        for share in [code.get(name, 0) / total]
    ]
    rows.append(_rest(code, total))
    table = page.table(
        "Kept bytes of code by language; the mark on a bar is the paper's share",
        ("language", "bytes", "share", "paper"),
        rows,
    )
    return [page.details("Shares of code beside those of DeepSeek-Coder, Table 1", table)]


def _rest(code: Mapping[str, int], total: int) -> TableRow:
    rest = sum(size for name, size in code.items() if name not in PAPER_LANGUAGES)
    theirs = 100 - sum(PAPER_LANGUAGES.values())
    cells: Sequence[str] = (page.size_text(rest), page.percent(rest / total), f"{theirs:.1f}%")
    return TableRow(name="all others", cells=tuple(cells), is_total=True)
