"""What becomes of outcomes, whatever order they come in: an engine of the test tells them."""

import pytest
from attention_bending.study.cells import Cell
from attention_bending.study.graph import template
from attention_bending.study.making import Making
from attention_bending.study.plan import plan
from attention_bending.study.progress import Progress
from attention_bending.study.rendering import FAILED, INVALID, KEPT, Outcome
from attention_bending.study.servers import Server
from attention_bending.study.store import Store
from study.workflows import CIRCLE, toy

ONE, TWO = "http://one", "http://two"
FACTS = {"comfyui": "0.30.0", "pack": "1", "torch": "2", "device": "cpu", "classes": {}, "models": {}}


@pytest.fixture
def making(tmp_path):
    cells = [Cell(CIRCLE, "red", 1, {"factor": n}, f"bending {n}", False) for n in (1, 2)]
    made = plan(template(toy()), cells)
    store = Store(tmp_path)
    servers = [Server(url, said.append) for url in (ONE, TWO)]
    with store.writing():
        making = Making(made, store, servers, Progress(3))
        making._facts = dict.fromkeys((ONE, TWO), FACTS)
        yield making, made.tasks, store, servers
    said.clear()


said: list[str] = []


def outcome(task, server=ONE, how=KEPT, digest="d"):
    if how != KEPT:
        return Outcome(task, server, how, "why it was")
    told = {"key": task.key, "server": server, "seconds": 1.0, "digest": digest}
    return Outcome(task, server, KEPT, files={"film.mp4": b"film"}, result={**told, "unbent": {"digest": digest}})


def telling(*told):
    """An engine that takes all, and tells this."""

    def engine(work, servers, template, admit):
        for server in servers:
            work.join(server.name)
        for each in told:
            task = work.take(each.server)
            assert task.key == each.task.key
            yield each

    return engine


def test_a_film_waits_for_its_unbent_one_and_is_kept_with_it(making):
    run, (unbent, first, second), store, _ = making

    def engine(work, servers, template, admit):
        work.join(ONE)
        work.join(TWO)
        assert work.take(ONE) == unbent and work.take(TWO) == first
        yield outcome(first, TWO)
        assert not store.whole()
        yield outcome(unbent)
        assert store.whole() == {unbent.key, first.key}
        assert work.take(TWO) == second
        yield outcome(second, TWO)

    assert run.run(engine, (unbent, first, second)) == 0
    assert len(store.whole()) == 3


def test_a_film_whose_unbent_one_fails_for_good_is_kept_all_the_same(making):
    run, (unbent, first, _), store, _ = making

    def engine(work, servers, template, admit):
        work.join(ONE)
        work.join(TWO)
        task = work.take(ONE)
        work.take(TWO)
        yield outcome(first, TWO)
        for attempt in range(3):
            assert task.attempt == attempt
            yield outcome(task, (ONE, TWO)[attempt % 2], FAILED)
            task = work.take((TWO, ONE)[attempt % 2])

    assert run.run(engine, (unbent, first)) == 0
    assert store.whole() == {first.key}
    assert [entry["what"] for entry in store.journal()] == ["failed", "failed", "failed", "kept"]


def test_what_a_server_of_no_merit_does_not_begin_with_is_its_own_fault(making):
    run, (unbent, first, _), store, servers = making
    assert run.run(telling(outcome(unbent, ONE, INVALID), outcome(unbent, TWO)), (unbent,)) == 0
    assert servers[0].struck == "why it was" and not servers[1].struck
    assert (
        run.run(
            telling(
                outcome(first, TWO),
            ),
            (first,),
        )
        == 0
    )
    assert store.whole() == {unbent.key, first.key}


def test_a_server_that_lost_its_merit_is_told_once(making):
    _, _, _, (one, _) = making
    one.missed("no route")
    one.missed("no route")
    one.strike("first")
    one.strike("second")
    assert said == ["http://one is gone, and is asked again: no route", "http://one takes part no more: first"]
