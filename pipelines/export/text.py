"""What an export came to, as people read it."""

from .blend import megatron_flags
from .run import ExportResult
from .settings import REST
from .write import WrittenFile


def export_text(result: ExportResult) -> str:
    """Return a table of components and splits, and for Megatron the flags that fit."""
    record = result.record
    rows: dict[tuple[str, str], list[WrittenFile]] = {}
    for file in record.files:
        rows.setdefault((file.component, file.split), []).append(file)
    lines = [f"{'component':<10} {'split':<12} {'files':>7} {'documents':>12} {'tokens':>16}"]
    for (component, split), files in sorted(rows.items()):
        whole = [file for file in files if not file.path.endswith(".idx")]
        documents = sum(file.documents for file in whole)
        tokens = sum(file.tokens for file in whole)
        lines.append(f"{component:<10} {split:<12} {len(files):>7,} {documents:>12,} {tokens:>16,}")
    lines.append(
        f"{record.settings.format}: {record.documents:,} {_noun(record.settings.content)}, "
        f"{record.tokens:,} tokens, {record.num_bytes / 1e6:,.1f} MB"
    )
    if record.settings.format == "megatron":
        splits = {REST, *(file.split for file in record.files)}
        lines.append(f"in this folder: pretrain_gpt.py {megatron_flags(splits, result.tokenizer)}")
    return "\n".join(lines)


def _noun(content: str) -> str:
    return "documents" if content == "documents" else "samples"
