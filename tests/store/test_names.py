from kagura.store import Batch, Store
from tests.store.things import declared, llm


def test_agents_models_and_tags_are_named_once_and_in_order(store: Store) -> None:
    spans = [
        llm(1, agent="b", tags={"team": "x"}),
        llm(2, agent="a", execution_id="run-2", tags={"team": "y", "branch": "main"}),
        llm(3, agent="a", execution_id="run-3", response_model=None, request_model="a-model"),
    ]
    store.write(Batch(spans=spans, executions=[declared(id="run-4", agent="ç", tags={"user": "u"})]))
    assert store.agent_names() == ["a", "b", "ç"]
    assert store.model_names() == ["a-model", "gpt-4o-2024-08-06"]
    assert store.tag_keys() == ["branch", "team", "user"]


def test_an_empty_store_knows_no_names(store: Store) -> None:
    assert (store.agent_names(), store.model_names(), store.tag_keys()) == ([], [], [])
