import datetime as dt
from pathlib import Path

import pytest

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
