"""Train the content model from labelled samples, measure it, and write it with its card.

Run as `python -m gristmill.filters.train_content_model --samples DIR... --held-out DIR --out DIR`.
A folder of samples is what collect_samples writes. Samples of the frozen split are left out
wherever they lie. `--model fasttext` writes the fastText detector instead, which a recipe can
select by its path. Needs scipy, which a build of a corpus does not.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .content_calibration import SHARPNESS, fit_curve, rankings
from .content_card import write_card
from .content_file import Calibration, Header, read_model, write_model
from .content_model import ContentModel
from .content_samples import FROZEN, Sample, frozen_digests, is_frozen, read_samples
from .content_training import FitSettings, Fitted, fit, model_arrays

MODEL = "model.bin"
EVEN = Calibration(constant=0, log_odds=1, log_features=0, known_fraction=0, score=0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train as the command line says."""
    options = _parser().parse_args(arguments)
    start = time.perf_counter()
    if options.freeze is not None:
        freeze(options.freeze, options.frozen)
        return
    frozen = frozen_digests(options.frozen)
    samples = read_samples(options.samples)
    held_out = read_samples([options.held_out]) if options.held_out else []
    train_on = [s for s in samples if s.digest not in frozen]
    _note(f"{len(train_on):,} samples, {len(samples) - len(train_on):,} frozen ones left out")
    if options.model == "fasttext":
        from .content_fasttext import train_fasttext

        options.out.mkdir(parents=True, exist_ok=True)
        texts, labels = [s.text for s in train_on], [s.label for s in train_on]
        train_fasttext(texts, labels, options.out / "fasttext.bin")
        return
    path = options.out / MODEL
    options.out.mkdir(parents=True, exist_ok=True)
    train(train_on, held_out, path)
    _note(f"{path}: {path.stat().st_size:,} bytes, {time.perf_counter() - start:.0f} s")
    measured = [
        ("frozen split", [s for s in samples if s.digest in frozen]),
        ("projects held out", [s for s in held_out if s.digest not in frozen]),
    ]
    size = path.stat().st_size
    write_card(options.out, ContentModel(read_model(path)), train_on, measured, size=size)


def train(
    samples: Sequence[Sample],
    held_out: Sequence[Sample],
    path: Path,
    settings: FitSettings | None = None,
) -> None:
    """Write the model of the samples to a file, calibrated on the held-out ones.

    Held-out samples that are among the training ones are left out; without any, the confidence is
    the softmax of the scores.
    """
    fitted = fit([s.text for s in samples], [s.label for s in samples], settings or FitSettings())
    path.write_bytes(_model_bytes(fitted, EVEN, EVEN))
    seen = {sample.digest for sample in samples}
    unseen = [sample for sample in held_out if sample.digest not in seen]
    if unseen:
        model = ContentModel(read_model(path))
        curves = [fit_curve(rankings(model, unseen, closed=closed)) for closed in (False, True)]
        path.write_bytes(_model_bytes(fitted, *curves))


def freeze(folder: Path, path: Path) -> None:
    """Write the digests of the samples that the rule freezes, one a line, in ascending order."""
    digests = sorted(s.digest for s in read_samples([folder]) if is_frozen(s.group))
    path.write_text("".join(f"{digest}\n" for digest in digests), encoding="ascii")


def _model_bytes(fitted: Fitted, opened: Calibration, closed: Calibration) -> bytes:
    arrays, scales = model_arrays(fitted)
    header = Header(
        languages=fitted.languages,
        scales=tuple(float(np.float32(scale)) for scale in scales),
        priors=tuple(float(prior) for prior in fitted.priors),
        sharpness=SHARPNESS,
        open_calibration=opened,
        closed_calibration=closed,
        num_features=len(fitted.features),
        num_weights=len(arrays["weights"]),
    )
    return write_model(header, arrays)


def _note(text: str) -> None:
    print(text, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, nargs="+", metavar="DIR", default=[])
    parser.add_argument("--held-out", type=Path, metavar="DIR", help="to calibrate on")
    parser.add_argument("--model", choices=["linear", "fasttext"], default="linear")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the model and its card")
    parser.add_argument(
        "--freeze", type=Path, metavar="DIR", help="write the list of frozen samples instead"
    )
    parser.add_argument("--frozen", type=Path, default=FROZEN, help="the list of frozen samples")
    return parser


if __name__ == "__main__":
    main()
