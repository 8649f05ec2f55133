"""Which server gets which cell."""

import threading

from attention_bending.study import threads
from attention_bending.study.client import Comfy, job_id
from attention_bending.study.errors import Lost
from attention_bending.study.rendering import KEPT, Outcome
from attention_bending.study.servers import Server
from attention_bending.study.work import Task, Work


def task(name, group=1, bending="text"):
    return Task(name, "a circle", group, bending, f"unbent {group}")


def group(number, *names):
    return [task(f"unbent {number}", number, None), *(task(name, number) for name in names)]


def test_a_server_stays_in_its_group_and_the_next_takes_another():
    work = Work([*group(1, "a", "b"), *group(2, "c", "d")])
    for server in ("one", "two"):
        work.join(server)
        work.prove(server)
    taken = [(server, work.take(server).key) for server in ("one", "two", "one", "two", "one", "one", "two")[:6]]
    assert taken == [
        ("one", "unbent 1"),
        ("two", "unbent 2"),
        ("one", "a"),
        ("two", "c"),
        ("one", "b"),
        ("one", "d"),  # helps where something is left
    ]


def test_a_server_that_nothing_is_known_of_begins_where_it_can_be_compared():
    work = Work([*group(1, "a", "b"), *group(2, "c")])
    work.join("one")
    work.join("two")
    assert work.take("one").key == "unbent 1"
    assert work.take("two").key == "a"
    work.prove("two")
    assert work.take("two").key == "b"


def test_what_failed_goes_to_another_server_where_there_is_one():
    work = Work([task("a"), task("b")])
    work.join("one")
    work.join("two")
    work.back(work.take("one").failed_on("one"))
    assert work.take("one").key == "b"
    again = work.take("two")
    assert again.key == "a" and again.attempt == 1
    work.back(again.failed_on("two"))
    assert work.take("one").attempt == 2  # both have tried


def test_the_last_server_takes_what_the_others_left():
    work = Work([task("a")])
    work.join("one")
    work.join("two")
    work.back(work.take("one").failed_on("one"))
    taken = []
    thread = threading.Thread(target=lambda: taken.append(work.take("one")))
    thread.start()
    work.leave("two")
    thread.join(5)
    assert taken[0].key == "a"


def test_who_waits_for_the_cells_of_others_gets_what_comes_back_or_the_end():
    work = Work([task("a")])
    work.join("one")
    first, taken = work.take("one"), []

    def second_server():
        taken.append(work.take("two"))
        work.done(taken[0])
        taken.append(work.take("two"))

    thread = threading.Thread(target=second_server)
    thread.start()
    work.back(first)
    thread.join(5)
    assert taken == [first, None] and work.left == 0


def test_what_a_server_has_at_hand_comes_first():
    work = Work(group(1, "a", "b", "c"))
    work.join("one", {job_id("b", 0)})
    work.join("two", {job_id("c", 0)})
    assert [work.take("one").key for _ in range(3)] == ["b", "unbent 1", "a"]
    assert work.take("two").key == "c"


def test_what_a_server_had_is_anyones_once_it_is_gone():
    work = Work([task("a")])
    work.join("one", {job_id("a", 0)})
    work.join("two")
    work.leave("one")
    assert work.take("two").key == "a"


class Ready(Server):
    """A server that makes each film at once."""

    def start(self):
        pass

    def call(self, function, *arguments):
        return set() if function is Comfy.jobs else Outcome(arguments[1], self.name, KEPT)


class Starting(Ready):
    """A server that takes as long as the test to start."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.ended = threading.Event()

    def start(self):
        self.ended.wait(60)
        raise Lost("it was ended")


def test_a_server_that_starts_still_is_not_waited_for():
    said = []
    starting = Starting("http://two", said.append)
    work = Work(group(1, "a"))
    for outcome in threads.run(work, [Ready("http://one", said.append), starting], None, lambda server: None):
        work.done(outcome.task)
    assert work.left == 0
    (waiting,) = (thread for thread in threading.enumerate() if thread.name == starting.name)
    starting.ended.set()
    waiting.join()
    assert not said
