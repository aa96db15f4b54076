"""S06: what a filter is asked for is a value, never a part of the question: wildcards and quotes mean themselves."""

from __future__ import annotations

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.store.samples import DAY, NOW, alerted
from tocsin.store import Store

WORDS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40),
    st.sampled_from(["%", "_", "missile%", "missile\\_test", "korea' OR '1'='1", "id;DROP TABLE alerts", '"', "--"]),
)


@example("missile_test")
@example("korea")
@example("a1")
@given(WORDS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_only_what_equals_the_word_is_found(store: Store, word: str) -> None:
    if not store.alerts.recent():
        alerted(store)
    since = NOW - DAY

    assert len(store.events.recent(limit=9, type=word)) == (word == "missile_test")
    assert len(store.events.window(since=since, types=[word])) == (word == "missile_test")
    assert len(store.events.window(since=since, sources=[word])) == (word == "KP")
    assert len(store.alerts.recent(watch=word)) == (word == "korea")
    assert len(store.alerts.prior(since=since, group=word)) == (word == "a1")
    assert (store.alerts.detail(word) is not None) == (word == "a1")
    assert store.feeds.known("kcna", [word]).keys() <= {word}
    assert len(store.alerts.recent()) == 1
