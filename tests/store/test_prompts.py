from kagura.store import Batch, SpanContents, Store
from kagura.store.prompts import Prompt
from tests.store.things import SECOND, T, llm, span_id


def test_a_run_s_requests_are_known_by_their_hashes(store: Store) -> None:
    contents = [
        (span_id(1), SpanContents(inputs=[b"a", b"b"], parameters=b"p")),
        (span_id(2), SpanContents(inputs=[b"a", b"b", b"c"], parameters=b"p")),
        (span_id(3), SpanContents(inputs=[b"a", b"b"], parameters=b"p")),
        (span_id(4), SpanContents()),
        (span_id(5), SpanContents(inputs=[b"x"])),
    ]
    spans = [llm(n, T + n * SECOND, execution_id="other" if n == 5 else "run-1") for n in range(1, 6)]
    store.write(Batch(spans=spans, contents=contents))
    found = store.prompts("run-1")
    assert set(found) == {span_id(1), span_id(2), span_id(3)}
    first, second, third = (found[span_id(n)] for n in (1, 2, 3))
    assert first == third
    assert second.continues(first)
    assert not first.continues(third)
    assert not first.continues(second)
    assert store.prompts("none") == {}


def test_only_whole_prompts_under_the_same_parameters_are_continued() -> None:
    assert Prompt(b"ab", b"p").continues(Prompt(b"a", b"p"))
    assert not Prompt(b"ab", b"p").continues(Prompt(b"a", b"q"))
    assert not Prompt(b"ab").continues(Prompt(b""))
    assert not Prompt(b"xb").continues(Prompt(b"a"))
