"""What a run writes: JSON lines, TensorBoard's files, and a line for people."""

import io
from pathlib import Path

import msgspec
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gristmill.trainer.report.expert_load import ExpertLoad
from gristmill.trainer.report.metrics import Loss, Losses
from gristmill.trainer.report.progress_line import duration, progress_line
from gristmill.trainer.report.records import EvaluationRecord, SkipRecord, StepRecord, scalars
from gristmill.trainer.report.run_log import RunLog, read_records

LOSS = Loss(nats_per_token=2.5, bits_per_byte=1.25, tokens=1000)
LOSSES = Losses(all=LOSS, components={"code": LOSS}, languages={"code/C++": LOSS})
RECORD = StepRecord(
    step=10, num_steps=2000, stage="main", losses=LOSSES, lr=4.2e-4, grad_norm=0.75, tokens=20480,
    tokens_per_second=12345.6, mfu=0.352, memory_bytes=3 << 30, seconds_left=7500.0,
    experts=ExpertLoad(max_over_mean=1.5, idle_fraction=0.25),
)  # fmt: skip
SKIP = SkipRecord(
    step=11, stage="main", loss=9.0, grad_norm=80.0, first_sample=80, num_samples=8
)  # fmt: skip


def at(step: int) -> StepRecord:
    return msgspec.structs.replace(RECORD, step=step)


def write(out: Path, *steps: int, first_step: int = 0) -> None:
    stream = io.StringIO()
    with RunLog(str(out), first_step=first_step, tensorboard=True, stream=stream) as log:
        for step in steps:
            log.write(at(step))


def events(out: Path, name: str) -> list[tuple[int, float]]:
    reader = EventAccumulator(str(out / "tensorboard"))
    reader.Reload()
    return [(event.step, event.value) for event in reader.Scalars(name)]


def test_the_line_for_people_says_where_a_run_stands() -> None:
    assert progress_line(RECORD) == (
        "step 10/2,000 main | loss 2.500 | 1.250 bits/byte | lr 4.20e-04 | grad 0.75 | "
        "12,346 tok/s | mfu 35.2 % | 3.00 GiB | 2 h 05 min left"
    )


def test_without_a_known_peak_no_mfu_is_shown() -> None:
    assert "mfu" not in progress_line(msgspec.structs.replace(RECORD, mfu=None))
    assert "train/mfu" not in scalars(msgspec.structs.replace(RECORD, mfu=None))


def test_skipped_steps_and_evaluations_have_lines() -> None:
    assert progress_line(SKIP) == "step 11 main skipped: loss 9.000, grad 80, samples 80 to 87"
    bits = {"code/C": 1.5, "code/all": 1.25, "text/all": 2.0}
    record = EvaluationRecord(step=10, bits_per_byte=bits, fim_exact_match={"Python": 0.125})
    assert progress_line(record) == (
        "held out after step 10 | bits/byte code 1.250, text 2.000 | FIM Python 12.5 %"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(59.4, "59 s"), (61, "1 min 01 s"), (3600, "1 h 00 min"), (90000, "1 d 01 h")],
)
def test_a_duration_has_its_two_greatest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_json_lines_give_the_records_back(tmp_path: Path) -> None:
    stream = io.StringIO()
    with RunLog(str(tmp_path), tensorboard=False, stream=stream) as log:
        log.write(RECORD)
        log.write(SKIP)
    assert read_records(str(tmp_path)) == [RECORD, SKIP]
    assert stream.getvalue().splitlines() == [progress_line(RECORD), progress_line(SKIP)]
    assert not (tmp_path / "tensorboard").exists()


def test_a_line_that_was_cut_off_is_no_record(tmp_path: Path) -> None:
    write(tmp_path, 10)
    with (tmp_path / "metrics.jsonl").open("ab") as file:
        file.write(b'{"kind":"train","st')
    assert read_records(str(tmp_path)) == [RECORD]
    write(tmp_path, 20, first_step=10)
    assert read_records(str(tmp_path)) == [RECORD, at(20)]


def test_a_run_that_goes_on_takes_later_records_out(tmp_path: Path) -> None:
    write(tmp_path, 10, 20, 30)
    write(tmp_path, 20, 30, 40, first_step=10)
    assert [record.step for record in read_records(str(tmp_path))] == [10, 20, 30, 40]


def test_tensorboard_reads_the_event_files(tmp_path: Path) -> None:
    write(tmp_path, 10, 20)
    assert events(tmp_path, "train/losses/all/bits_per_byte") == [(10, 1.25), (20, 1.25)]
    assert events(tmp_path, "train/losses/languages/code/C++/nats_per_token")[0] == (10, 2.5)
    assert events(tmp_path, "train/experts/idle_fraction") == [(10, 0.25), (20, 0.25)]


def test_tensorboard_sees_each_step_of_a_run_that_went_on_once(tmp_path: Path) -> None:
    write(tmp_path, 10, 20, 30)
    write(tmp_path, 20, 40, first_step=10)
    assert [step for step, _ in events(tmp_path, "train/lr")] == [10, 20, 40]
