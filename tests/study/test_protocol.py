"""What a server may do to a question: not answer, answer in half, forget, fail. A server of a few lines says it."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from attention_bending.study.client import Comfy, job_id
from attention_bending.study.errors import Lost
from attention_bending.study.graph import template
from attention_bending.study.rendering import FAILED, INVALID, KEPT, REFUSED, render
from attention_bending.study.work import Task
from study.workflows import toy

JOB = job_id("a", 0)
TASK = Task("a", "a (red) circle", 1, "text", "u")
MEASURED = {"change": 0.5, "digest": "d", "unbent_digest": "u"}
STARTED = ["execution_start", {"timestamp": 1000}]
SUCCESS = [STARTED, ["execution_success", {"timestamp": 3500}]]


def entry(messages=SUCCESS, file="film_00001_.mp4"):
    saved = {"images": [{"filename": file, "subfolder": "study/a/0", "type": "output"}]}
    outputs = {"study film": saved, "study poster": saved, "study measure": {"text": [json.dumps(MEASURED)]}}
    return {"status": {"completed": True, "messages": messages}, "outputs": outputs}


def error(kind, what="it broke"):
    told = {"exception_type": kind, "exception_message": what, "node_type": "KSampler"}
    return entry([STARTED, ["execution_error", told]])


class Told:
    """What a path answers: once each, the last for ever. `half` of an answer is cut, and None cuts the connection."""

    def __init__(self, *answers, half=False):
        self.answers, self.half, self.count = list(answers), half, 0

    def next(self):
        self.count += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def serving(**paths):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.strip("/").partition("/")[0] if "/api/" not in self.path else "jobs"
            told = paths[name.partition("?")[0]]
            answer = told.next()
            if answer is None:
                return self.connection.close()
            code, body = answer if isinstance(answer, tuple) else (200, answer)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            return self.wfile.write(data[: len(data) // 2] if told.half and told.count == 1 else data)

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield Comfy(f"http://127.0.0.1:{server.server_port}", patience=1)
    finally:
        server.shutdown()
        server.server_close()


def made(**paths):
    defaults = {
        "jobs": Told((404, {}), {"status": "completed"}),
        "prompt": Told({}),
        "history": Told({JOB: entry()}),
        "view": Told(b"film"),
    }
    with serving(**(defaults | paths)) as comfy:
        return render(comfy, template(toy()), TASK, comfy.url)


def test_a_cell_is_made_and_told():
    outcome = made()
    assert outcome.how == KEPT and outcome.files == {"film.mp4": b"film", "poster.webp": b"film"}
    told = outcome.result
    assert told["metrics"] == {"change": 0.5} and told["unbent"] == {"key": "u", "digest": "u"}
    assert told["server_seconds"] == 2.5 and not told["adopted"]


def test_a_job_that_is_there_is_taken_and_not_posted_again():
    prompt = Told({})
    outcome = made(prompt=prompt, jobs=Told({"status": "in_progress"}, {"status": "completed"}))
    assert outcome.how == KEPT and outcome.result["adopted"] and prompt.count == 0


@pytest.mark.parametrize("answer", [None, (500, {})], ids=["cut", "500"])
def test_a_post_whose_answer_is_lost_is_looked_for_before_it_is_posted_again(answer):
    prompt = Told(answer)
    assert made(prompt=prompt).how == KEPT
    assert prompt.count == 1


@pytest.mark.parametrize("name", ["jobs", "history", "view"])
def test_half_an_answer_is_none(name):
    whole = {"jobs": {"status": "completed"}, "history": {JOB: entry()}, "view": b"film of many bytes"}
    told = Told(whole[name], half=True)
    if name == "view":  # the cell goes back, and is adopted
        with pytest.raises(Lost):
            made(view=told)
    else:
        assert made(**{name: told}).how == KEPT and told.count > 1


def test_a_server_that_forgot_is_asked_again():
    prompt = Told({})
    told = made(prompt=prompt, jobs=Told((404, {}), {"status": "pending"}, (404, {}), {"status": "completed"}))
    assert told.how == KEPT and prompt.count == 2


def test_a_server_that_always_forgets_is_not_flooded():
    prompt = Told({})
    assert made(prompt=prompt, jobs=Told((404, {}))).how == FAILED
    assert prompt.count == 3


@pytest.mark.parametrize(
    ("history", "how", "why"),
    [
        (error("attention_bending.BendError", "no word kiss"), REFUSED, "no word kiss"),
        (error("torch.OutOfMemoryError"), FAILED, "it broke"),
        (entry([STARTED, ["execution_interrupted", {}]]), FAILED, "interrupted"),
    ],
    ids=["a bend", "memory", "interrupted"],
)
def test_what_ended_otherwise_is_refused_or_failed_whatever_the_flag_says(history, how, why):
    outcome = made(history=Told({JOB: history}))
    assert outcome.how == how and why in outcome.why


def test_a_prompt_that_is_not_valid_is_refused_with_its_nodes():
    wrong = {"message": "Value not in list", "details": "mode: 'x'"}
    node_errors = {"8": {"class_type": "AttnBendBlur", "errors": [wrong]}}
    answer = {"error": {"message": "Prompt outputs failed validation", "details": ""}, "node_errors": node_errors}
    outcome = made(prompt=Told((400, answer)))
    assert outcome.how == INVALID and "node 8 (AttnBendBlur): Value not in list: mode: 'x'" in outcome.why


def test_a_film_that_is_named_and_gone_is_a_failure():
    assert made(view=Told((404, {}))).how == FAILED


def test_a_dead_url_is_lost_after_its_patience():
    with pytest.raises(Lost, match="gave no answer"):
        render(Comfy("http://127.0.0.1:9", patience=0), template(toy()), TASK, "it")
