import datetime as dt
from pathlib import Path

import pytest

from extractors.dates import when
from tests.extractors.detecting import only, rule


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Russia bombed the town on Tuesday.", dt.date(2026, 6, 16)),
        ("Russia bombed the town on Wednesday.", dt.date(2026, 6, 17)),
        ("Russia bombed the town on Thursday.", dt.date(2026, 6, 11)),
        ("Russia bombed the town yesterday.", dt.date(2026, 6, 16)),
        ("Russia bombed the town on June 12.", dt.date(2026, 6, 12)),
        ("Russia bombed the town on 30 March.", dt.date(2026, 3, 30)),
        ("Russia bombed the town.", None),
        ("Russia bombed the town on February 30.", None),
    ],
)
def test_the_day_of_the_act_counts_from_publication(text: str, day: dt.date | None, tmp_path: Path) -> None:
    assert only(text, by=rule(folder=tmp_path)).occurred_on == day


@pytest.mark.parametrize(
    ("word", "published", "says"),
    [
        ("2017", dt.date(2019, 11, 24), "old"),
        ("2019", dt.date(2019, 11, 24), "new"),
        ("2020", dt.date(2019, 11, 24), "ahead"),
        ("2018", dt.date(2019, 1, 8), "new"),
        ("2017", None, "year"),
        ("November", dt.date(2019, 11, 24), "new"),
        ("October", dt.date(2019, 11, 24), "old"),
        ("Oct.", dt.date(2019, 11, 8), "new"),
        ("June", dt.date(2019, 11, 24), "old"),
        ("December", dt.date(2019, 11, 24), "ahead"),
        ("may", dt.date(2019, 11, 24), ""),
        ("June", None, ""),
        ("Monday", dt.date(2019, 11, 24), ""),
    ],
)
def test_years_and_months_say_how_old_they_are(word: str, published: dt.date | None, says: str) -> None:
    assert when(word, published) == says
