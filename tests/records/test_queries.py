"""What is read out of the records: the history as a table, and the trends."""

import json
import re

import diagnostics
import reporting
from risk.records import pending, queries, recording
from risk.settings import Settings
from tests.conftest import decided, put, script
from tests.records.sql import ON_SERVERS, ingest
from tests.verdicts import record


@ON_SERVERS
def test_the_history_reads_as_a_table(recorded: Settings) -> None:
    assert diagnostics.history(recorded) == "no run is recorded yet"
    decided(recorded)
    ingest(recorded)
    text = diagnostics.history(recorded)
    assert text.count("ingested") == 1
    assert "nothing was deployed yet" in text


@ON_SERVERS
def test_the_history_tells_the_files_and_the_refused_lines_of_each_run(recorded: Settings) -> None:
    assert json.loads(script(recorded, "diagnostics.py", "--json").stdout) == []
    good = [f"A{number:03},1,2,3,0" for number in range(20)]
    put(recorded, "dataset2.csv", [*good, "BBBB,x,2,3,1", "CCCC,-1,2,3,1"])
    ingest(recorded)
    pending.Run(recorded).end("trained", "by hand")
    recording.catch_up(recorded)
    decided(recorded)
    first, second, third = json.loads(script(recorded, "diagnostics.py", "--json").stdout)
    assert [first[name] for name in ("outcome", "files", "refused")] == ["ingested", 2, 2]
    assert [second[name] for name in ("outcome", "files", "refused")] == ["trained", 0, 0]
    assert (third["outcome"], type(third["test_leavers"])) == ("deployed", int)
    _, ingested, _, trained, *_ = diagnostics.history(recorded).splitlines()
    assert ingested.split()[-2:] == ["2", "2"]
    assert trained.endswith(" trained")


@ON_SERVERS
def test_the_trends_are_those_of_every_run(recorded: Settings) -> None:
    assert all(part.empty for part in queries.trends(recorded))
    decided(recorded)
    ingest(recorded)
    found = queries.trends(recorded)
    assert len(found.missing) == 2 * len(recorded.columns.all)
    assert set(found.scores["dataset"]) == {"test", "newest"}
    assert len(found.deployments) == 1
    assert (found.seconds["seconds"] >= 0).all()


def test_the_trends_are_drawn_with_no_run_and_with_a_few(settings: Settings) -> None:
    pictures = [reporting.plot_trends(settings).read_bytes()]
    for _ in range(2):
        decided(settings, force=True)
        pictures.append(reporting.plot_trends(settings).read_bytes())
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert len(set(pictures)) == 3


def test_the_history_leaves_empty_what_is_not_known_and_marks_what_is_provisional(
    settings: Settings,
) -> None:
    pending.Run(settings).end("ingested", "by hand")
    recording.catch_up(settings)
    decided(settings)
    text = diagnostics.history(settings)
    assert "nan" not in text.lower()
    assert "None" not in text
    assert re.search(r"deployed .* 0\.\d{4}\*", text)
    assert "fewer than 100 leavers" in text


def test_the_columns_of_the_history_stand_below_their_heads(settings: Settings) -> None:
    record(settings, 1, "recalibrated", [], release="2-abcdabcd")
    record(settings, 2, "kept", [], release="2-abcdabcd")
    head, *lines = diagnostics.history(settings).splitlines()
    runs = [line for line in lines if line.startswith("2030")]
    assert {line.index("2-abcdabcd") for line in runs} == {head.index("release")}


@ON_SERVERS
def test_a_run_is_found_by_its_name_with_its_place_and_its_neighbours(recorded: Settings) -> None:
    assert queries.of_run(recorded, "run-1") is None
    for number in (2, 1, 3):
        record(recorded, number, "kept", [])
    first, second, third = (queries.of_run(recorded, f"run-{number}") for number in (1, 2, 3))
    assert first
    assert second
    assert third
    assert (first.place, second.place, third.place, second.of_all) == (1, 2, 3, 3)
    assert (first.before, third.after) == (None, None)
    assert second.before
    assert second.after
    assert (second.before["id"], second.after["id"]) == ("run-1", "run-3")
    assert queries.of_run(recorded, "run-1 ") is None
