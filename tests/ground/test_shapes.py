"""Our own JSON files with something odd in them: refused, or kept under another name once."""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app import create_app
from fullprocess import full_process
from risk import cache, files, shapes
from risk.decisions import judgement
from risk.errors import ArtefactRefused
from risk.learning import deployed
from risk.records import pending
from risk.settings import Settings
from tests.conftest import script, settle_what_is_shown

ODD: list[Any] = [None, -1, 10**30, float("nan"), float("inf"), "\ud800\0", [], [[]], {}, {"a": []}]


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a record, the first item standing for all of a list."""
    yield way
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*way, key))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*way, 0))


def with_odd(record: Any, way: tuple[Any, ...], odd: Any) -> Any:
    """A copy of a record with something odd at the end of a way."""
    if not way:
        return odd
    changed = json.loads(json.dumps(record))
    place = changed
    for key in way[:-1]:
        place = place[key]
    place[way[-1]] = odd
    return changed


def waiting(settings: Settings) -> Path:
    """A run that waits with all that one may have found."""
    run = pending.Run(settings, pending.OWED)
    file = {"name": "a.csv", "size": 1, "mtime_ns": 1, "sha256": "0", "rows": 1, "accepted": 1}
    run.add("ingested_files", [file | {"rejected": 0, "duplicates": 0, "reason": None}])
    score = {"release": None, "dataset": "newest", "metric": "f1", "value": 0.5}
    run.add("scores", [score | {"rows": 1, "leavers": 1}])
    run.add("column_stats", [{"column": "exited", "missing_percent": 0.0, "mean": 1.0}])
    release = {"release": "9-00000000", "number": 9, "deployed_at": files.now(), "score": 0.5}
    run.add("deployments", [release | {"rows": 1}])
    run.knows(release=None, deployed_score=None, new_score=0.5)
    run.end("no drift", "a reason")
    return run.path


def judged(settings: Settings) -> Path:
    """What was judged with the deployed release."""
    release = deployed.load(settings.prod_deployment_path, settings.columns).release
    judgement.remember_weighed(settings, release, release.seen)
    return settings.output_folder_path / files.JUDGED


MACHINE_ROOM: dict[str, Callable[[Settings], Path]] = {"pending": waiting, "judged": judged}
PUBLISHED: dict[str, Callable[[Settings], Path]] = {
    "manifest": lambda settings: settings.prod_deployment_path / files.MANIFEST,
    "ingestion": lambda settings: settings.output_folder_path / files.INGESTION,
    "trainedmodel": lambda settings: settings.output_model_path / files.MODEL_RECORD,
}
OF_A_FREE_NAME = {"manifest": shapes.MANIFEST, "pending": shapes.WAITING}


def test_what_runs_write_has_its_shape(finished: Settings) -> None:
    for name, place in (PUBLISHED | MACHINE_ROOM).items():
        assert files.read_json(place(finished), OF_A_FREE_NAME.get(name)) is not None


def let_through(path: Path, kind: shapes.Kind) -> list[tuple[Any, Any]]:
    """The odd values that a record is still read with, each with the whole record."""
    record, found = json.loads(path.read_bytes()), []
    for way, odd in itertools.product(places(record), ODD):
        changed = with_odd(record, way, odd)
        path.write_text(json.dumps(changed))
        try:
            files.read_json(path, kind)
        except ArtefactRefused as refusal:
            assert "is damaged (" in str(refusal)
            assert str(refusal).endswith(kind.cure)
        else:
            found.append((odd, changed))
    path.write_text(json.dumps(record))
    return found


@pytest.mark.parametrize("name", [*PUBLISHED, *MACHINE_ROOM])
def test_no_odd_value_in_any_place_of_a_record_gets_past_its_reading(
    finished: Settings, name: str
) -> None:
    path = (PUBLISHED | MACHINE_ROOM)[name](finished)
    found = let_through(path, OF_A_FREE_NAME.get(name) or files.KINDS[path.name])
    assert all(odd in (None, -1, [], {}, {"a": []}) for odd, _ in found)  # nothing, or a number


def test_whatever_is_still_read_of_a_waiting_run_is_recorded_or_refused_once(
    finished: Settings,
) -> None:
    path = waiting(finished)
    for number, (_, record) in enumerate(let_through(path, shapes.WAITING)):
        if isinstance(record.get("run"), dict):
            record["run"].pop("id", None)
        path.with_name(f"{number}.json").write_text(json.dumps(record))
    codes = [script(finished, "fullprocess.py").returncode for _ in range(2)]
    assert codes in ([0, 0], [69, 0])
    assert create_app(finished).test_client().get("/").status_code == 200
    assert pending.waiting(finished) == []


FILE_LIKE = {
    **{"name": "a.csv", "size": 1, "mtime_ns": 1, "sha256": "0", "reason": None, "arrival": 1},
    **{"rows": 1, "accepted": 1, "rejected": 0, "duplicates": 0},
}
OFTEN = [*ODD, True, 0, 1, 1.0, -0.0, "a", ["a"], ["a", 1, 2], ["a", 1.0, 2], ["a", 1, True]]


@given(
    st.lists(
        st.builds(
            lambda keys, odd: {k: v for k, v in (FILE_LIKE | odd).items() if k not in keys},
            st.sets(st.sampled_from([*FILE_LIKE, "arrival"]), max_size=1),
            st.dictionaries(
                st.sampled_from(["name", "size", "rejected", "duplicates", "reason", "arrival"]),
                st.sampled_from(OFTEN),
            ),
        )
        | st.sampled_from(OFTEN),
        max_size=4,
    ),
    st.sampled_from([shapes.FILE, shapes.seen, shapes.count, shapes.maybe(shapes.text)]),
)
@example([1, True], shapes.count)  # which are equal, but not the same
def test_many_things_fit_as_each_of_them_does(items: list[Any], shape: shapes.Shape) -> None:
    misfits = (shapes.misfit(item, shape, str(place)) for place, item in enumerate(items))
    assert shapes.misfit(items, [shape]) == next(filter(None, misfits), None)


SEEN_IN_THE_WILD = [
    pytest.param("pending", ("run",), 5, id="a run that is a number", marks=pytest.mark.slow),
    pytest.param("pending", ("owes",), 5, id="owes a number"),
    pytest.param("pending", ("rows",), {"unheard_of": [{}]}, id="rows of an unknown table"),
    pytest.param(
        "pending",
        ("rows", "scores", 0, "value"),
        "high",
        id="a score in words",
        marks=pytest.mark.slow,
    ),
    pytest.param("judged", ("seen",), [[[], 1, 1]], id="a list for a name that was judged"),
]


@pytest.mark.parametrize(("name", "way", "odd"), SEEN_IN_THE_WILD)
def test_what_only_our_runs_need_is_kept_under_another_name_and_the_run_goes_on(
    finished: Settings, name: str, way: tuple[Any, ...], odd: Any
) -> None:
    path = MACHINE_ROOM[name](finished)
    path.write_text(json.dumps(with_odd(json.loads(path.read_bytes()), way, odd)))
    ran = script(finished, "fullprocess.py")
    assert (ran.returncode, ran.stderr.count("is damaged (")) == (0, 1), ran.stderr
    assert len(list(path.parent.glob(f"{path.name}.*.damaged"))) == 1
    assert create_app(finished).test_client().get("/").status_code == 200
    again = script(finished, "fullprocess.py")
    assert (again.returncode, again.stderr.count("\n")) == (0, 1), again.stderr


REFUSED_FOR_GOOD = [
    pytest.param("ingestion", ("files", 0, "name"), ["a.csv"], id="a list for a name"),
    pytest.param("ingestion", ("files", 0, "sha256"), [], id="a list for a fingerprint"),
    pytest.param("ingestion", ("files", 0, "rows"), "many", id="a count in words"),
    pytest.param("manifest", ("seen", 0), [[], 1, 1], id="a list in seen"),
    pytest.param("manifest", ("number",), 10**30, id="a number of 30 digits"),
    pytest.param("manifest", ("score",), float("nan"), id="a score that is no number"),
    pytest.param("manifest", ("score",), float("inf"), id="a score without an end"),
    pytest.param("manifest", ("score",), -1.0, id="a score below 0"),
]


@pytest.mark.parametrize(("name", "way", "odd"), REFUSED_FOR_GOOD)
def test_what_others_rely_on_is_refused_in_one_sentence_and_the_overview_stands(
    finished: Settings, name: str, way: tuple[Any, ...], odd: Any
) -> None:
    path = PUBLISHED[name](finished)
    path.write_text(json.dumps(with_odd(json.loads(path.read_bytes()), way, odd)))
    before = path.read_bytes()
    for step in ("fullprocess.py", "deployment.py"):
        ran = script(finished, step)
        assert ran.returncode == 76, ran.stderr
        assert f"{files.short(path)} is damaged" in ran.stderr.splitlines()[-1]
    assert create_app(finished).test_client().get("/").status_code == 200
    assert path.read_bytes() == before


def test_a_list_that_is_garbage_costs_only_itself(finished: Settings) -> None:
    path = waiting(finished).with_suffix(".csv")
    path.write_bytes(b"\xff\0garbage,\n\n1,2,3")
    pending.settle(finished, pending.LIST)
    settle_what_is_shown(finished)
    first, second = (script(finished, "fullprocess.py") for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert "the run is recorded without it; it is kept as" in first.stderr
    assert pending.waiting(finished) == []


@pytest.mark.parametrize("odd", [*ODD, {"made": "now"}, {"made": 1e300, "value": {}}])
def test_an_odd_answer_that_was_kept_is_made_anew(tmp_path: Path, odd: Any) -> None:
    for name in (files.PACKAGES, "diagnostics-1.json"):
        (tmp_path / name).write_text(json.dumps(odd))
        assert cache.recent(tmp_path / name, 60) is None


def test_a_folder_in_the_place_of_a_record_stops_no_run(finished: Settings) -> None:
    (finished.output_folder_path / files.JUDGED).mkdir()
    (finished.output_folder_path / files.PENDING / "1.json").mkdir()
    assert [full_process(finished), full_process(finished)] == ["no new data"] * 2
