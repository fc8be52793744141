"""Contacts in real databases: kept once, whoever sends them, and from however many at a time."""

import contextlib
import os
import sqlite3
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from risk import files
from risk.errors import ServiceDown
from risk.records import contacts, queries, sql_tables, store
from risk.records.contacts import Contact, Wrong
from risk.settings import Settings
from tests import warm

RUN = {"id": "1", "started_at": "2026-01-02T03:04:05Z", "outcome": "kept", "reason": "x"}
NOTE = "Zo\u00eb \u202e \U0001f600 '; DROP TABLE contacts; --\n\nasks again"


def contact(
    corporation: str = "AAAA", moment: str = "2026-01-02T03:04:05Z", **more: str
) -> Contact:
    usual = {"by": "Anna", "outcome": "reached", "note": "", "form": uuid.uuid4().hex}
    return Contact(corporation, moment, **{**usual, **more})


def count(settings: Settings) -> int:
    with store.engine(settings).connect() as connection:
        found = connection.execute(sa.select(sa.func.count()).select_from(sql_tables.contacts))
        return int(found.scalar_one())


def test_a_contact_comes_back_as_it_was(recorded: Settings) -> None:
    kept = contact("\u202e<b>' ", note=NOTE, by="Zo\u00eb", outcome="takes the client")
    contacts.record(recorded, kept)
    assert contacts.of_client(recorded, kept.corporation) == [kept]
    assert contacts.last(recorded, [kept.corporation, "BBBB"]) == {kept.corporation: kept}


def test_nothing_is_known_before_the_first_contact(recorded: Settings) -> None:
    assert contacts.of_client(recorded, "AAAA") == []
    assert contacts.last(recorded, ["AAAA"]) == {}
    assert contacts.recent(recorded) == set()
    assert queries.overview(recorded).runs == []
    assert queries.of_client(recorded, "AAAA") == []
    assert not (recorded.output_folder_path / files.RECORDS).exists()


def test_a_form_that_is_sent_twice_counts_once(recorded: Settings) -> None:
    first = contact(note="first")
    contacts.record(recorded, first)
    contacts.record(recorded, first._replace(contacted_at="2026-01-02T03:04:06Z"))
    assert contacts.of_client(recorded, "AAAA") == [first]


def test_a_form_that_is_sent_again_with_other_words_is_refused(recorded: Settings) -> None:
    first = contact(note="first")
    contacts.record(recorded, first)
    for change in ("corporation", "contacted_at", "by", "outcome", "note"):
        with pytest.raises(Wrong, match="recorded before"):
            contacts.record(recorded, first._replace(**{change: "2026-01-01T12:00:00Z"}))
        assert contacts.of_client(recorded, "AAAA") == [first], change


def test_a_form_that_is_sent_by_many_at_once_counts_once(recorded: Settings) -> None:
    """The first of them makes the tables, which the others want to make as well."""
    same = contact()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: contacts.record(recorded, same), range(8)))
    assert count(recorded) == 1


def test_many_processes_record_at_once_and_none_is_lost(recorded: Settings) -> None:
    code = (
        "import sys; from risk.records import contacts; from risk.records.contacts import Contact\n"
        "from risk.settings import Settings; import uuid\n"
        "settings = Settings.load(sys.argv[1])\n"
        "for n in range(5):\n"
        "    row = Contact('AAAA', '2026-01-01T00:00:00Z', 'x', 'reached', '', uuid.uuid4().hex)\n"
        "    contacts.record(settings, row)\n"
    )
    script = recorded.workspace / "record.py"
    script.write_text(code)
    config = str(recorded.workspace / "config.json")
    program = warm.Program(str(script), [config], dict(os.environ))
    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(lambda _: warm.run(program), range(4)))
    assert [(each.returncode, each.stderr) for each in ended] == [(0, "")] * 4
    assert count(recorded) == 20


def test_the_last_contact_is_the_newest_whenever_it_was_told(recorded: Settings) -> None:
    newer = contact(moment="2026-02-01T00:00:00Z", by="Ben")
    contacts.record(recorded, newer)
    contacts.record(recorded, contact(moment="2026-01-01T00:00:00Z"))
    assert contacts.last(recorded, ["AAAA"])["AAAA"].by == "Ben"
    assert [each.by for each in contacts.of_client(recorded, "AAAA")] == ["Ben", "Anna"]


def test_codes_that_a_database_takes_for_equal_are_not(recorded: Settings) -> None:
    for code in ("aaaa", "AAAA ", "\u00e1AAA"):
        contacts.record(recorded, contact(code))
    assert contacts.of_client(recorded, "AAAA") == []
    assert "AAAA" not in contacts.last(recorded, ["AAAA", "BBBB"])


def test_contacts_are_recent_for_thirty_days(recorded: Settings) -> None:
    contacts.record(recorded, contact("AAAA", files.now()))
    contacts.record(recorded, contact("BBBB", "2026-01-01T00:00:00Z"))
    assert contacts.recent(recorded) == {"AAAA"}


def test_records_of_before_there_were_contacts_take_them(recorded: Settings) -> None:
    recorded.output_folder_path.mkdir(exist_ok=True)
    with store.engine(recorded).begin() as connection:
        others = [t for t in sql_tables.schema.sorted_tables if t is not sql_tables.contacts]
        sql_tables.schema.create_all(connection, others)
        connection.execute(sql_tables.version.insert().values(version=sql_tables.VERSION))
    assert contacts.of_client(recorded, "AAAA") == []
    contacts.record(recorded, contact())
    assert len(contacts.of_client(recorded, "AAAA")) == 1


def test_a_damaged_history_takes_no_contact_and_stays(settings: Settings) -> None:
    file = settings.output_folder_path / files.RECORDS
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"no database at all, but long enough to be looked at" * 99)
    before = file.read_bytes()
    with pytest.raises(ServiceDown, match="damaged"):
        contacts.record(settings, contact())
    assert file.read_bytes() == before


PAGE = 4096
MANY = 400


def history_of(settings: Settings) -> tuple[Path, list[Contact]]:
    """A history of many contacts in a file, none of it in a log beside."""
    settings.output_folder_path.mkdir(exist_ok=True)
    kept = [contact(f"C{number}", note="n" * (number % 300)) for number in range(MANY)]
    store.write(settings, store.Entry(RUN))
    with store.engine(settings).begin() as connection:
        connection.execute(sql_tables.contacts.insert(), [each._asdict() for each in kept])
    return settings.output_folder_path / files.RECORDS, kept


def pages_of(file: Path, name: str) -> list[int]:
    """The pages of a table or an index after its root, which stand behind it where rows are."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        (root,) = connection.execute(query, (name,)).fetchone()
    content = file.read_bytes()
    page = content[(root - 1) * PAGE : root * PAGE]
    cells = range(12, 12 + 2 * int.from_bytes(page[3:5]), 2)
    places = [int.from_bytes(page[at : at + 2]) for at in cells]
    return [root, *(int.from_bytes(page[at : at + 4]) for at in places)]


def overwritten(file: Path, *numbers: int, by: bytes = b"\xff") -> None:
    """Damage whole pages, the first of which is 1."""
    content = bytearray(file.read_bytes())
    for number in numbers:
        content[(number - 1) * PAGE : number * PAGE] = (by * PAGE)[:PAGE]
    file.write_bytes(content)


def with_header(file: Path, beginning: bytes) -> None:
    file.write_bytes(beginning + file.read_bytes()[len(beginning) :])


def in_the_middle(file: Path) -> None:
    _, *leaves = pages_of(file, "contacts")
    overwritten(file, leaves[3], leaves[5], leaves[6])


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])


@pytest.mark.parametrize(
    ("spoil", "least"),
    [
        (lambda file: with_header(file, b"garbage" * 14), MANY),
        (lambda file: with_header(file, b"garbage" * 500), MANY),
        (lambda file: file.write_bytes(b"garbage" * 5000), 0),
        (lambda file: file.write_bytes(b""), 0),
        (in_the_middle, MANY * 3 // 4),
        (cut, MANY // 4),
        (lambda file: overwritten(file, pages_of(file, "sqlite_autoindex_contacts_1")[1]), MANY),
        (lambda file: overwritten(file, pages_of(file, "ix_contacts_corporation")[0]), MANY),
        (lambda file: overwritten(file, pages_of(file, "contacts")[0]), 0),
        (lambda file: overwritten(file, pages_of(file, "contacts")[-1], by=b"\0"), MANY * 3 // 4),
    ],
    ids=[
        *("header", "first page", "garbage", "empty", "pages in the middle", "cut"),
        *("index of forms", "root of an index", "root of the contacts", "zeros"),
    ],
)
def test_what_can_be_read_of_the_contacts_outlives_a_damaged_history(
    settings: Settings, spoil: Callable[[Path], object], least: int
) -> None:
    file, kept = history_of(settings)
    spoil(file)
    spoiled = file.read_bytes()
    said = r"is damaged|has become empty"
    with pytest.raises(ServiceDown, match=said) as told:
        store.write(settings, store.Entry(RUN))
    (aside,) = file.parent.glob("records.db.*.damaged")
    assert aside.read_bytes() == spoiled
    with store.engine(settings).connect() as connection:
        found = [
            Contact(**row._mapping) for row in connection.execute(sa.select(sql_tables.contacts))
        ]
    assert set(found) <= set(kept)
    assert least <= len(found) == len(set(found))
    assert f"it is kept as {aside.name}, and a new history begins with the {len(found)} " in str(
        told.value
    )
    store.write(settings, store.Entry(RUN))
    contacts.record(settings, contact())
    assert count(settings) == len(found) + 1


def test_contacts_that_wait_in_the_log_of_a_damaged_history_are_read_as_well(
    settings: Settings,
) -> None:
    file, _ = history_of(settings)
    with contextlib.closing(sqlite3.connect(file)) as reader:  # which keeps the log there
        reader.execute("SELECT * FROM contacts").fetchone()
        contacts.record(settings, contact("LAST"))
        in_the_middle(file)
        copies = {path.name: path.read_bytes() for path in file.parent.glob("records.db*")}
    for name, content in copies.items():
        file.with_name(name).write_bytes(content)
    with pytest.raises(ServiceDown, match=r"begins with the \d+ contacts"):
        store.write(settings, store.Entry(RUN))
    assert len(contacts.of_client(settings, "LAST")) == 1


def test_a_run_that_died_before_it_carried_contacts_over_leaves_that_to_the_next(
    settings: Settings,
) -> None:
    file, kept = history_of(settings)
    file.rename(file.with_name("records.db.2026-01-02T030405Z.damaged"))
    contacts.record(settings, kept[0])
    for outcome in (pytest.raises(ServiceDown, match=f"{MANY} contacts"), contextlib.nullcontext()):
        with outcome:
            store.write(settings, store.Entry(RUN))
        assert count(settings) == MANY


def test_a_database_of_somebody_else_takes_contacts_beside_its_own(settings: Settings) -> None:
    settings.output_folder_path.mkdir(exist_ok=True)
    with store.engine(settings).begin() as connection:
        connection.execute(sa.text("CREATE TABLE other (x INTEGER)"))
    contacts.record(settings, contact())
    assert len(contacts.of_client(settings, "AAAA")) == 1
    with store.engine(settings).connect() as connection:
        assert sa.inspect(connection).has_table("other")


def test_the_words_of_the_outcomes_fit_their_column() -> None:
    assert all(len(name) <= sql_tables.contacts.c.outcome.type.length for name in contacts.OUTCOMES)
    assert sql_tables.contacts.c.by.type.length == contacts.LONGEST_NAME
