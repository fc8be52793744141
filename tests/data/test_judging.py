"""What becomes of every line of every file: in it goes, or it is refused with its reason."""

import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

import ingestion
from risk import files
from risk.settings import Settings
from tests.conftest import HEADER, configured, put
from tests.intake import (
    FRESH,
    SHUFFLED,
    WHOLE_MINUTES,
    A,
    B,
    C,
    cells,
    clients,
    cut,
    ingested,
    lines,
    looked_at,
    place,
)


class Fate(NamedTuple):
    """A file, and what becomes of it: who goes in and which lines not, or why nothing does."""

    content: bytes
    clients: tuple[str, ...] = ()
    refused: Mapping[int, str] = {}
    whole: str | None = None
    waits: bool = False
    passed_over: str | None = None
    name: str = "odd.csv"
    age: float = WHOLE_MINUTES
    keys: Mapping[str, Any] = {}


QUOTES, NUMBER, OUTCOME = "quotes", "is not a number", "neither 0 nor 1 nor empty"
LARGE, NEGATIVE, EMPTY, COLUMN = "too large", "below 0", "is empty", "header has no column"
NOTES = HEADER + ",notes"

OF_KINDS = "corporation,staff,balance,fee,discount,plan,since,exited,month"
KINDS = {"balance": "signed", "fee": "money", "discount": "percent", "plan": "category"}
KINDS |= {"since": "date"}
FEATURES = ["staff", *KINDS]
PERIOD = {"period_column": "month"}
TWO_GROUPS, CALENDAR, NO_DATE = "12,34,567", "no day of the calendar", "not a date like"


def row(code: str, **cells: str) -> str:
    """A good line of a file with a column of each kind, but for these cells."""
    good = f"{code},1,2,3,4,basic,2026-01-31,0,1".split(",")
    named = dict(zip(OF_KINDS.split(","), good, strict=True)) | cells
    return ",".join(f'"{cell}"' if "," in cell else cell for cell in named.values())


def of_kinds(
    *rows: str, clients: str = "", refused: Mapping[int, str] | None = None, **keys: Any
) -> Fate:
    """The fate of a file with a column of each kind."""
    keys = {"feature_columns": FEATURES, "column_kinds": KINDS} | keys
    content = lines(*rows, header=OF_KINDS)
    return Fate(content, tuple(clients), refused or {}, keys=keys)


FATES = {
    # as many fields as the header has
    "a field too few costs its line": Fate(
        lines(A, "X,1,2,3", B), ("AAAA", "BBBB"), {3: "4 fields"}),
    "a field too many costs its line": Fate(
        lines(A, A + ",", B), ("AAAA", "BBBB"), {3: "6 fields"}),
    "a comma too many in every row costs every row": Fate(
        lines(A + ",", B + ",", C + ","), (), dict.fromkeys((2, 3, 4), "6 fields")),
    "a comma too many in every row and the header is a nameless column": Fate(
        lines(A + ",", B + ",", header=HEADER + ","), ("AAAA", "BBBB")),
    "a decimal comma is a field too many": Fate(
        lines("X,1,5,2,3,0", A), ("AAAA",), {2: "6 fields"}),
    "a line of semicolons is one field": Fate(lines("X;1;2;3;0", A), ("AAAA",), {2: "1 fields"}),
    "a line of text is one field": Fate(lines(A, "total: 1"), ("AAAA",), {3: "1 fields"}),
    "only commas are a row without client": Fate(lines(",,,,", A), ("AAAA",), {2: EMPTY}),
    "the header again is no row": Fate(lines(A, HEADER, B), ("AAAA", "BBBB"), {3: NUMBER}),
    # blank lines
    "blank lines are skipped and counted": Fate(
        lines("", A, "  ", "\t", "X", B), ("AAAA", "BBBB"), {6: "1 fields"}),
    "blank lines before the header are counted": Fate(
        b"\n \n" + lines("X", A), ("AAAA",), {4: "1 fields"}),
    "blank lines at the end are nothing": Fate(lines(A) + b"\n\n  \n", ("AAAA",)),
    # clients
    "a client that is empty is none": Fate(lines(",1,2,3,0", A), ("AAAA",), {2: EMPTY}),
    "a client of blanks is none": Fate(lines("  \t,1,2,3,0", A), ("AAAA",), {2: EMPTY}),
    "a client of quoted nothing is none": Fate(lines('"",1,2,3,0', A), ("AAAA",), {2: EMPTY}),
    "a client with a line break costs its lines": Fate(
        lines('"X', 'Y",1,2,3,0', A), ("AAAA",), {2: "line break", 3: "line break"}),
    "a client of 200 characters is the longest": Fate(
        lines("é" * 200 + ",1,2,3,0", "é" * 201 + ",1,2,3,0"), ("é" * 200,), {3: "longer"}),
    "the names of missing numbers are clients": Fate(
        lines(*(f"{name},1,2,3,0" for name in ("NA", "N/A", "NaN", "nan", "null", "None"))),
        ("NA", "N/A", "NaN", "nan", "null", "None")),
    "clients that look like numbers are text": Fate(
        lines(*(f"{name},1,2,3,0" for name in ("0012", "12", "12.0", "1E10", "inf", "-0", "1_0"))),
        ("0012", "12", "12.0", "1E10", "inf", "-0", "1_0")),
    "clients that look like truth values are text": Fate(
        lines("True,1,2,3,0", "FALSE,1,2,3,1"), ("True", "FALSE")),
    "clients that look like a program are text": Fate(
        lines("<b>,1,2,3,0", "=1+1,1,2,3,0", "@x,1,2,3,0", "#x,1,2,3,0"),
        ("<b>", "=1+1", "@x", "#x")),
    "clients of pictures and accents are text": Fate(
        lines("😀👍,1,2,3,0", "Ünï,1,2,3,0", "e\u0301,1,2,3,0"), ("😀👍", "Ünï", "e\u0301")),
    "blanks around a client are part of it": Fate(
        lines(" AB,1,2,3,0", "AB ,1,2,3,0", "AB,1,2,3,0"), (" AB", "AB ", "AB")),
    "signs that end lines elsewhere do not end ours": Fate(
        lines("A\x0bB,1,2,3,0", "A\x85B,1,2,3,0", "A\u2028B,1,2,3,0"),
        ("A\x0bB", "A\x85B", "A\u2028B")),
    # numbers
    "infinity is no number": Fate(
        lines("X,inf,2,3,0", "X,1,-inf,3,0", "X,1,2,Infinity,0", A), ("AAAA",),
        dict.fromkeys((2, 3, 4), NUMBER)),
    "1e400 is beyond numbers": Fate(lines("X,1e400,2,3,0", A), ("AAAA",), {2: LARGE}),
    "numbers of programs are none": Fate(
        lines("X,0x10,2,3,0", "X,1_000,2,3,0", "X,1j,2,3,0", "X,True,2,3,0"), (),
        dict.fromkeys((2, 3, 4, 5), NUMBER)),
    "numbers of people are none": Fate(
        lines('X,"1,000",2,3,0', "X,1 000,2,3,0", "X,5 %,2,3,0", "X,€5,2,3,0"), (),
        dict.fromkeys((2, 3, 4, 5), NUMBER)),
    "other digits than ours are none": Fate(
        lines("X,\uff11\uff12,2,3,0", "X,\u0661,2,3,0", "X,1,\u00b2,3,0"), (),
        dict.fromkeys((2, 3, 4), NUMBER)),
    "half a number is none": Fate(
        lines("X,.,2,3,0", "X,1e,2,3,0", "X,e5,2,3,0", "X,1.2.3,2,3,0", "X,+,2,3,0"), (),
        dict.fromkeys((2, 3, 4, 5, 6), NUMBER)),
    "words are no numbers": Fate(
        lines("X,abc,2,3,0", "X,1,-,3,0", "X,1,2,missing,0", "X,na,2,3,0"), (),
        dict.fromkeys((2, 3, 4, 5), NUMBER)),
    "a number below zero is impossible": Fate(
        lines("X,-1,2,3,0", "X,1,-1e-300,3,0", A), ("AAAA",), dict.fromkeys((2, 3), NEGATIVE)),
    "minus zero is zero, so both are one row": Fate(lines("X,-0,2,3,0", "X,0,2,3,-0"), ("X",)),
    "plain decimals are numbers": Fate(
        lines("X,1e3,.5,5.,0", "Y,+5,1E+2,2.5e-3,0", "Z,000,1e-400,0.0,0"), ("X", "Y", "Z")),
    "blanks around a number do not count": Fate(lines("X, 1 ,\t2,3 , 0 "), ("X",)),
    "every name of a missing number is one": Fate(
        lines("U,,NA,N/A,0", "V,NaN,nan,null,0", "W,None,  ,1,0"), ("U", "V", "W")),
    # outcomes
    "0 and 1 may be written as decimals": Fate(
        lines("U,1,2,3,1.0", "V,1,2,3,0.0", "W,1,2,3,1e0", "X,1,2,3,+1"), ("U", "V", "W", "X")),
    "an outcome not known yet is fine": Fate(
        lines("U,1,2,3,", "V,1,2,3,NA", "W,1,2,3,None"), ("U", "V", "W")),
    "other outcomes are none": Fate(
        lines(*(f"X,1,2,3,{cell}" for cell in ("2", "-1", "0.5", "y", "left", "1e400", "inf"))),
        (), dict.fromkeys(range(2, 9), OUTCOME)),
    "without the outcome column nothing is known": Fate(
        lines("U,1,2,3", "V,1,2,3,0", header=HEADER.removesuffix(",exited")), ("U",),
        {3: "5 fields"}),
    # kinds of columns
    "money has a currency, groups of thousands, and a sign": of_kinds(
        row("U", fee="$1,234.50"), row("V", fee="-1 234 EUR"), row("W", fee="\u20ac -5"),
        row("X", fee="CHF 7"), row("Y", fee="1'000'000"), row("Z", fee="5"), clients="UVWXYZ"),
    "money with two signs is no number": of_kinds(
        row("X", fee="--5"), row("X", fee="-$-5"), row("X", fee="$$5"), row("A", fee="$5"),
        clients="A", refused=dict.fromkeys((2, 3, 4), NUMBER)),
    "money of bookkeepers and of the continent is no number": of_kinds(
        row("X", fee="(5)"), row("X", fee="5,50"), row("X", fee="1.234,50"), row("X", fee="5.-"),
        refused=dict.fromkeys((2, 3, 4, 5), NUMBER)),
    "thousands in wrong groups are no number": of_kinds(
        row("X", fee=TWO_GROUPS), row("X", fee="1234,567"), row("X", fee="1,000'000"),
        row("X", fee="1 00"), row("A", fee="1,234,567"), clients="A",
        refused=dict.fromkeys((2, 3, 4, 5), NUMBER)),
    "a currency alone is no money": of_kinds(
        row("X", fee="$"), row("X", fee="EUR"), row("X", fee="eur 5"), row("X", fee="5 euros"),
        refused=dict.fromkeys((2, 3, 4, 5), NUMBER)),
    "a currency or a percent sign is read only where a kind says so": of_kinds(
        row("X", balance="$5"), row("X", staff="5 %"), row("X", fee="5 %"), row("X", discount="$5"),
        row("X", balance="1,000"), refused=dict.fromkeys((2, 3, 4, 5, 6), NUMBER)),
    "12 % is 12": of_kinds(
        row("U", discount="12 %"), row("U", discount="12%"), row("U", discount="12"),
        row("U", discount=" 12.0 % "), row("V", discount="-12 %"), clients="UV"),
    "a percent sign in front, alone or doubled is no number": of_kinds(
        row("X", discount="% 12"), row("X", discount="%"), row("X", discount="12 %%"),
        row("X", discount="12 % p.a."), refused=dict.fromkeys((2, 3, 4, 5), NUMBER)),
    "below 0 is for those kinds that say so": of_kinds(
        row("U", balance="-5", fee="-5", discount="-5"), row("X", staff="-5"), clients="U",
        refused={3: NEGATIVE}),
    "infinity is of no kind": of_kinds(
        row("X", balance="inf"), row("X", fee="-inf"), row("X", discount="inf %"),
        row("X", balance="-1e400"), refused={**dict.fromkeys((2, 3, 4), NUMBER), 5: LARGE}),
    "a day that the calendar does not have": of_kinds(
        row("X", since="2024-02-30"), row("X", since="2025-02-29"), row("X", since="0000-01-01"),
        row("A", since="2024-02-29"), clients="A", refused=dict.fromkeys((2, 3, 4), CALENDAR)),
    "a day in another order or with its time is no date": of_kinds(
        row("X", since="2024-2-3"), row("X", since="31.01.2024"), row("X", since="20240131"),
        row("X", since="2024-01-31 00:00"), row("X", since="2024-01"),
        row("A", since=" 2024-01-31 "), clients="A",
        refused=dict.fromkeys((2, 3, 4, 5, 6), NO_DATE)),
    "a category of 200 characters is the longest": of_kinds(
        row("U", plan="\u00e9" * 200), row("X", plan="\u00e9" * 201), clients="U",
        refused={3: "longer"}),
    "a category with a comma is quoted, and with a line break refused": of_kinds(
        row("U", plan="gold, old"), row("X").replace("basic", '"two\nlines"'), row("A"),
        clients="UA", refused={3: "line break", 4: "line break"}),
    "the names of missing numbers are categories": of_kinds(
        row("U", plan="NA"), row("V", plan="None"), row("W", plan="nan"), row("X", plan="n/a"),
        clients="UVWX"),
    "blanks around a category are part of it": of_kinds(
        row("U", plan="basic"), row("U", plan=" basic"), row("U", plan="BASIC"), clients="UUU"),
    "NULL is missing in each kind, and so is nothing": of_kinds(
        *(row("U", **dict.fromkeys(FEATURES, cell)) for cell in ("NULL", "", " ", "NULL ")),
        clients="U"),
    "a word for what is missing counts in each kind": of_kinds(
        *(row("U", **dict.fromkeys(FEATURES, cell)) for cell in ("-", "-999", " - ", "")),
        clients="U", missing_words=["-", "-999"]),
    "a word for what is missing is a client, and only as it is written": of_kinds(
        row("-"), row("X", staff="-999.0"), row("X", since="--"), clients="-",
        refused={3: NEGATIVE, 4: NO_DATE}, missing_words=["-", "-999"]),
    "outcomes may be words in any case": of_kinds(
        row("U", exited="gone"), row("V", exited=" Gone "), row("W", exited="HERE"),
        row("X", exited=""), clients="UVWX", outcome_words=["Gone", "here"]),
    "a word that is neither of the two nor a usual outcome is no outcome": of_kinds(
        row("X", exited="left"), row("X", exited="2"), row("X", exited="y"),
        row("A", exited="gone"), clients="A",
        refused=dict.fromkeys((2, 3, 4), "neither Gone nor here nor empty"),
        outcome_words=["Gone", "here"]),
    "beside the two words the usual outcomes count": of_kinds(
        row("U", exited="1"), row("V", exited=" Yes"), row("W", exited="FALSE"),
        row("X", exited="0.0"), row("A", exited="NA"), clients="UVWXA",
        outcome_words=["Gone", "here"]),
    "where a word is a usual outcome, only the words count": of_kinds(
        row("A", exited="NO"), row("B", exited="yes"), row("X", exited="1"),
        row("X", exited="true"), clients="AB",
        refused=dict.fromkeys((4, 5), "neither No nor Yes nor empty"), outcome_words=["No", "Yes"]),
    "words that are numbers are compared as numbers": of_kinds(
        row("A", exited="2"), row("B", exited="2.0"), row("C", exited="+1"), row("X", exited="0"),
        row("X", exited="no"), clients="ABC",
        refused=dict.fromkeys((5, 6), "neither 2 nor 1 nor empty"), outcome_words=["2", "1"]),
    "a period is a day or a number": of_kinds(
        row("V", month="2026"), row("U", month="20260131"), row("W", month="2026.5"),
        row("X", month="-1"), clients="XVWU", **PERIOD),
    "a period that is a number where the file has dates refuses its line": of_kinds(
        row("U", month="2026-01-31"), row("X", month="2026"), row("V", month="2025-12-31"),
        clients="VU", refused={3: "month is a number where the file has dates"}, **PERIOD),
    "a period that is a date where the file has numbers refuses its line": of_kinds(
        row("X", month=""), row("U", month="5"), row("X", month="2026-01-31"),
        row("V", month="4.0"), clients="VU",
        refused={2: EMPTY, 4: "month is a date where the file has numbers"}, **PERIOD),
    "a period that is empty or missing refuses its line": of_kinds(
        row("X", month=""), row("X", month="NA"), row("X", month="-"), row("A"), clients="A",
        refused={2: EMPTY, 3: EMPTY, 4: NUMBER}, missing_words=["-"], **PERIOD),
    "a period of letters or of a month's name refuses its line": of_kinds(
        row("X", month="May"), row("X", month="2026-01"), row("X", month="2026-02-30"), row("A"),
        clients="A", refused={2: NUMBER, 3: NUMBER, 4: CALENDAR}, **PERIOD),
    "what a client is worth is a number like others": of_kinds(
        row("X", month="-5"), row("X", month="much"), row("A", month=""), clients="A",
        refused={2: NEGATIVE, 3: NUMBER}, value_column="month"),
    # quotes
    "quoted fields are fields": Fate(lines('"U","1","2","3","0"', '"V",1,"",3,""'), ("U", "V")),
    "commas and quotes in quotes are part of the client": Fate(
        lines('"U,V",1,2,3,0', '"U""V""",1,2,3,0'), ("U,V", 'U"V"')),
    "a quote within a field is a sign like any other": Fate(
        lines('U"V,1,2,3,0', '5",1,2,3,0'), ('U"V', '5"')),
    "a quote that never ends costs its own line": Fate(
        lines(A, '"X,1,2,3,0', B, C), ("AAAA", "BBBB", "CCCC"), {3: QUOTES}),
    "a quote that never ends in the last line costs that line": Fate(
        lines(A, 'X,1,2,3,"0'), ("AAAA",), {3: QUOTES}),
    "a quote that never ends before quoted lines costs its own line": Fate(
        lines('"X,1,2,3,0', '"U","1","2","3","0"', '"V",1,2,3,0'), ("U", "V"), {2: QUOTES}),
    "a quote that a later line only seems to end costs its own line": Fate(
        lines('X,1,"2,3,0', B, 'CCCC",7,8,9,0'), ("BBBB", 'CCCC"'), {2: "fields"}),
    "two quotes that never end cost two lines": Fate(
        lines(A, '"X,1,2,3,0', B, '"Y,1,2,3,0', C), ("AAAA", "BBBB", "CCCC"),
        {3: QUOTES, 5: QUOTES}),
    "a quote that never ends in a column we ignore costs its line": Fate(
        lines(A + ',"so', B + ",x", C + ',"y"', header=NOTES), ("BBBB", "CCCC"), {2: QUOTES}),
    "text after a closing quote costs its line": Fate(
        lines('"X"y,1,2,3,0', A), ("AAAA",), {2: QUOTES}),
    "a column we ignore may hold line breaks": Fate(
        lines(A + ',"one', "", 'two, ""three"""', B + ",x", "X", header=NOTES),
        ("AAAA", "BBBB"), {6: "1 fields"}),
    "a bad row of many lines is refused with all of them": Fate(
        lines(A + ",x", 'X,bad,2,3,0,"one', 'two"', B + ",x", header=NOTES),
        ("AAAA", "BBBB"), {3: NUMBER, 4: NUMBER}),
    # columns
    "columns are found by name in any order": Fate(
        lines("0,3,x,2,U,1", "1,3,x,2,,1", header=SHUFFLED), ("U",), {3: EMPTY}),
    "blanks around the names of columns do not count": Fate(
        lines(A, header=HEADER.replace(",", " ,\t")), ("AAAA",)),
    "quoted names of columns are names": Fate(
        lines(A, header='"' + HEADER.replace(",", '","') + '"'), ("AAAA",)),
    "a name of two lines moves all by one line": Fate(
        lines(A + ",x", "X", header=HEADER + ',"no\ntes"'), ("AAAA",), {4: "1 fields"}),
    "a doubled column that we ignore is ignored": Fate(
        lines(A + ",x,y", header=NOTES + ",notes"), ("AAAA",)),
    # ways to write a file
    "a byte order mark is no part of the header": Fate(b"\xef\xbb\xbf" + lines(A), ("AAAA",)),
    "lines may end in CRLF": Fate(
        lines(A, "X", B).replace(b"\n", b"\r\n"), ("AAAA", "BBBB"), {3: "1 fields"}),
    "lines may end in CR": Fate(
        lines(A, "X", B).replace(b"\n", b"\r"), ("AAAA", "BBBB"), {3: "1 fields"}),
    "lines may end in different ways": Fate(
        lines(A, "X", B).replace(b"\n", b"\r\n", 1).replace(b"X\n", b"X\r"), ("AAAA", "BBBB"),
        {3: "1 fields"}),
    "the last line may lack its end": Fate(cut(A, B), ("AAAA", "BBBB")),
    "a header alone is a file of no rows": Fate(lines()),
    "the ending may be .CSV": Fate(lines(A), ("AAAA",), name="odd.CSV"),
    "the ending may be .Csv": Fate(lines(A), ("AAAA",), name="odd.copy.Csv"),
    "a name may hold blanks, quotes and other letters": Fate(
        lines(A), ("AAAA",), name="é 'x\",.csv"),
    "rows that are equal after reading are one": Fate(
        lines("U,78,2,3,0", "U,78.0,2e0,+3,0.0", '"U"," 78",2.,3,0', "U,79,2,3,0"), ("U", "U")),
    "rows that are equal where cells are missing are one": Fate(
        lines("U,,NA,3,", "U,null,nan,3,None", "U,,NA,4,0"), ("U", "U")),
    # files refused whole
    "nothing at all": Fate(b"", whole="it is empty"),
    "a byte order mark alone": Fate(b"\xef\xbb\xbf", whole="it is empty"),
    "blank lines alone": Fate(b"\n  \r\n\t\n", whole="it is empty"),
    "no header": Fate(f"{A}\n{B}\n".encode(), whole=COLUMN),
    "a required column missing": Fate(
        lines(A).replace(b"lastyear_", b"last_year_"), whole="no column 'lastyear_activity'"),
    "the client column missing": Fate(
        lines(A).replace(b"corporation", b"client"), whole="no column 'corporation'"),
    "columns are told apart by case": Fate(lines(A, header=HEADER.upper()), whole=COLUMN),
    "a feature doubled": Fate(
        lines(A + ",9", header=HEADER + ",number_of_employees"),
        whole="'number_of_employees' .*2 times"),
    "the client doubled": Fate(
        lines(A + ",9", header=HEADER + ",corporation"), whole="'corporation' .*2 times"),
    "the outcome doubled": Fate(
        lines(A + ",1", header=HEADER + ", exited"), whole="'exited' .*2 times"),
    "semicolons between the fields": Fate(lines(A, B).replace(b",", b";"), whole=COLUMN),
    "tabs between the fields": Fate(lines(A, B).replace(b",", b"\t"), whole=COLUMN),
    "latin-1": Fate(lines("Größe,1,2,3,0").decode().encode("latin-1"), whole="not UTF-8"),
    "UTF-16 is full of NUL bytes": Fate(lines(A).decode().encode("utf-16"), whole="NUL bytes"),
    "UTF-16 without a NUL byte": Fate("甲乙丙丁".encode("utf-16"), whole="not UTF-8"),
    "a NUL byte in one cell": Fate(lines("AA\0A,1,2,3,0", B), whole="NUL bytes"),
    "a NUL byte at the end": Fate(lines(A) + b"\0" * 512, whole="NUL bytes"),
    "a page instead of data": Fate(
        b"\n <!DOCTYPE html>\n<html><body>404, not found</body></html>\n", whole="HTML"),
    "a page after a byte order mark": Fate(b"\xef\xbb\xbf<html></html>", whole="HTML"),
    "JSON": Fate(b'[{"corporation": "AAAA"}]\n', whole=COLUMN),
    "an archive": Fate(b"PK\x03\x04\x14\x00\x06\x00", whole="NUL bytes"),
    "a header of 100,000 columns": Fate(
        lines(A, header=HEADER + ",x" * 99_995), whole="more than 1000 columns"),
    "a header of 100,000 quoted columns": Fate(
        lines(A, header=HEADER + ',"x"' * 99_995), whole="more than 1000 columns"),
    "a header whose quotes do not match": Fate(lines(A, header='"' + HEADER), whole=COLUMN),
    # files that are still being written
    "a fresh file cut within its last line waits": Fate(cut(A, "BBBB,4,5"), waits=True, age=FRESH),
    "a fresh file cut within its last number waits": Fate(
        cut(A, "BBBB,4,5,6e"), waits=True, age=FRESH),
    "a fresh file cut before its last outcome waits": Fate(
        cut(A, "BBBB,4,5,6,"), waits=True, age=FRESH),
    "a fresh file cut at a blank before its last outcome waits": Fate(
        cut(A, "BBBB,4,5,6, "), waits=True, age=FRESH),
    "a fresh file cut within a quoted cell waits": Fate(
        cut(A, 'BBBB,4,5,6,"'), waits=True, age=FRESH),
    "a fresh file whose first row is cut waits": Fate(cut("BBBB"), waits=True, age=FRESH),
    "a file of tomorrow's clock that is cut waits": Fate(cut(A, "BBBB"), waits=True, age=-30),
    "half a minute is fresh": Fate(cut(A, "BBBB,4,5"), waits=True, age=30),
    "a cut file of two minutes goes in without the cut line": Fate(
        cut(A, "BBBB,4,5"), ("AAAA",), {3: "3 fields"}),
    "a file of two minutes that ends in an empty cell goes in": Fate(
        cut(A, "BBBB,4,5,6,"), ("AAAA", "BBBB")),
    "a fresh file whose last line is complete but has no end waits": Fate(
        cut(A, B), waits=True, age=FRESH),
    "a fresh file cut within its last number waits, too, where that is one": Fate(
        cut(A, "BBBB,4,5,6,1."), waits=True, age=FRESH),
    "a fresh file whose lines end in CR goes in": Fate(
        lines(A, B).replace(b"\n", b"\r"), ("AAAA", "BBBB"), age=FRESH),
    "a fresh file with an end after its bad line goes in": Fate(
        lines(A, "BBBB,4,5"), ("AAAA",), {3: "3 fields"}, age=FRESH),
    "a fresh file with an end after its empty cell goes in": Fate(
        lines(A, "BBBB,4,5,6,"), ("AAAA", "BBBB"), age=FRESH),
    # files that are passed over for their name
    "a name that begins with a dot is hidden": Fate(lines(A), name=".odd.csv", passed_over="dot"),
    "a name of two lines": Fate(lines(A), name="o\ndd.csv", passed_over="control characters"),
    "a name that rings a bell": Fate(
        lines(A), name="o\x07dd.csv", passed_over="control characters"),
    "a name that is not UTF-8": Fate(
        lines(A), name=os.fsdecode(b"o\xff.csv"), passed_over="not UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("fate", FATES.values(), ids=FATES.keys())
def test_every_line_goes_in_or_is_refused_with_its_reason(
    project: Settings, fate: Fate, caplog: pytest.LogCaptureFixture
) -> None:
    if fate.keys:
        project = configured(project.workspace, refused_share=1, **fate.keys)
        month = "-9" if "period_column" in fate.keys else "9"
        put(project, "dataset1.csv", [row("ZZZZ", exited="", month=month)], OF_KINDS)
    place(project, fate.name, fate.content, fate.age)
    ingestion.merge_multiple_dataframe(project)
    assert clients(project) == ["ZZZZ", *fate.clients]
    header, *rejected = cells(project, files.REJECTED)
    assert header == ["file", "line", "reason", "text"]
    assert {file for file, *_ in rejected} <= {fate.name}
    expected: list[tuple[str, str, str]] = [("", fate.whole, "")] if fate.whole else []
    physical = re.split("\r\n|\r|\n", fate.content.decode("utf-8-sig", "replace"))
    expected += [(str(at), reason, physical[at - 1]) for at, reason in fate.refused.items()]
    assert [(line, text) for _, line, _, text in rejected] == [
        (at, text) for at, _, text in expected
    ]
    for (_, _, reason, _), (_, word, _) in zip(rejected, expected, strict=True):
        assert reason
        assert re.search(word, reason)
    assert ingested(project) == ["dataset1.csv", *[fate.name] * bool(fate.clients)]
    is_out = fate.waits or fate.passed_over is not None
    assert (fate.name in looked_at(project)) is not is_out
    assert (f"{fate.name} waits for the next run" in caplog.text) is fate.waits
    sentences = re.findall("is passed over: (.*)", caplog.text)
    assert len(sentences) == (fate.passed_over is not None)
    assert all(fate.passed_over in sentence for sentence in sentences if fate.passed_over)


def test_the_table_of_fates_is_not_cut_short() -> None:
    kinds = [
        (fate.whole is not None, fate.waits, fate.passed_over is not None, bool(fate.refused))
        for fate in FATES.values()
    ]
    assert len(kinds) >= 45
    assert len(set(kinds)) == 5


@pytest.mark.parametrize(
    "fate", [fate for fate in FATES.values() if fate.whole], ids=lambda fate: fate.whole
)
def test_a_file_refused_whole_is_tried_again_when_it_changes(project: Settings, fate: Fate) -> None:
    path = place(project, fate.name, fate.content)
    ingestion.merge_multiple_dataframe(project)
    entry = looked_at(project)[fate.name]
    assert (entry["rows"], entry["accepted"], entry["size"]) == (0, 0, len(fate.content))
    place(project, path.name, lines(A))
    ingestion.merge_multiple_dataframe(project)
    assert clients(project) == ["ZZZZ", "AAAA"]
    assert cells(project, files.REJECTED)[1:] == []


def test_a_file_that_waited_goes_in_when_it_is_whole(project: Settings) -> None:
    place(project, "upload.csv", cut(A, "BBBB,4"), age=FRESH)
    ingestion.merge_multiple_dataframe(project)
    assert clients(project) == ["ZZZZ"]
    place(project, "upload.csv", lines(A, B), age=FRESH)
    ingestion.merge_multiple_dataframe(project)
    assert clients(project) == ["ZZZZ", "AAAA", "BBBB"]
