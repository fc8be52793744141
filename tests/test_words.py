"""Any word of a category comes back as it was: from files, pages, the report, three databases."""

import csv
import io

import pandas as pd
from hypothesis import given
from hypothesis import strategies as some
from markupsafe import escape

from app import create_app
from fullprocess import full_process
from risk import files
from risk.columns import Columns
from risk.judging import cell_rules, csv_file
from risk.reasons import phrases
from risk.rows import csv_lines, tables
from risk.settings import Settings
from risk.web.pages import visible
from tests.conftest import deploy
from tests.html import Page
from tests.words import WORDS, worded

COLUMNS = Columns("code", ("plan",), "left", kinds=(("plan", "category"),))
SIGNS = some.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n")
ANY_WORD = some.text(SIGNS, min_size=1, max_size=cell_rules.LONGEST_LEVEL)


@given(words=some.lists(ANY_WORD | some.sampled_from(WORDS), max_size=8))
def test_any_word_goes_through_a_file_and_a_table(words: list[str]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("code", "plan", "left"), *((f"K{w}", w, 1) for w in words)])
    reading = csv_file.read_csv(text.getvalue().encode(), COLUMNS)
    wanted = [None if word.strip(" \t") in cell_rules.MISSING_LEVELS else word for word in words]
    good = [len(f"K{word}") <= cell_rules.LONGEST_CLIENT for word in words]
    wanted = [word for word, is_good in zip(wanted, good, strict=True) if is_good]
    table = reading.table
    for _ in range(2):
        assert [None if pd.isna(word) else word for word in table["plan"]] == wanted
        content = b"".join(csv_lines.parts(table))
        table = tables.parse(content, "x.csv", COLUMNS)


def test_every_word_is_written_on_pages_and_in_the_report(settings: Settings) -> None:
    settings = worded(settings, ratio_pairs=[])
    full_process(settings)
    client = create_app(settings).test_client()
    for place, word in enumerate(WORDS):
        answer = client.get(f"/clients/K0-{place}")
        assert answer.status_code == 200
        assert Page(answer.text).misfits == []
        assert not ("<" in word and word in answer.text)
        assert str(escape(visible(word))) in answer.text
    text = io.StringIO(client.get("/clients.csv").text, newline="")
    told = {row["corporation"]: row["reasons"] for row in csv.DictReader(text)}
    book = tables.read(settings.output_folder_path / files.CLIENTS, settings.columns)
    remains = book[book["exited"] != 1]
    assert told.keys() == {*remains["corporation"]}
    for corporation, word in zip(remains["corporation"], remains["plan"], strict=True):
        assert phrases.level(word) in told[corporation]
    assert client.get("/report.pdf").data.startswith(b"%PDF")
    assert (settings.output_model_path / files.REPORT).stat().st_size > 10_000


def test_every_word_of_a_deployed_model_is_asked_about(settings: Settings) -> None:
    settings = deploy(worded(settings, ratio_pairs=[]))
    client = create_app(settings).test_client()
    clients = [{"lastmonth_activity": 5, "plan": word} for word in WORDS]
    answer = client.post("/prediction", json={"clients": clients, "risks": True})
    assert answer.status_code == 200
    assert len(answer.json["risks"]) == len(WORDS)
