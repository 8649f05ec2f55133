"""A ComfyUI of a few lines, for studies that are about who makes what. It stands in a folder as `main.py`.

Each film takes `--seconds`; the file `--asked` gets a line for each job that is begun.
"""

import argparse
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOOKED_AT = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "PYTHONPATH")
MEASURED = {"change": 0.0, "digest": "d", "unbent_digest": "d"}

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int)
parser.add_argument("--asked")
parser.add_argument("--seconds", type=float)
told, _ = parser.parse_known_args()
begun: dict[str, float] = {}


def entry(job):
    saved = {"images": [{"filename": job, "subfolder": "", "type": "output"}]}
    outputs = {"study film": saved, "study poster": saved, "study measure": {"text": [json.dumps(MEASURED)]}}
    messages = [[f"execution_{what}", {"timestamp": 1000 * begun[job]}] for what in ("start", "success")]
    return {"status": {"messages": messages}, "outputs": outputs}


def answer(path):
    """What there is at a path; None where there is nothing."""
    *_, last = path.strip("/").split("/")
    if path == "/system_stats":
        return {"system": {"comfyui_version": "fake", "pytorch_version": "fake"}, "devices": [{"name": "fake"}]}
    if path.startswith("/object_info"):
        return {last: {"input": {}, "output": [], "output_name": []}}
    if path == "/api/jobs":
        return {"jobs": [{"id": job} for job in begun]}
    if path.startswith("/api/jobs") and last in begun:
        return {"status": "completed" if time.time() > begun[last] + told.seconds else "in_progress"}
    if path.startswith("/history") and last in begun:
        return {last: entry(last)}
    return b"film" if path.startswith("/view") else None


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.tell(answer(self.path))

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/prompt":
            return self.tell({"pack": "fake", "models": {}, "pending": []})
        begun[body["prompt_id"]] = time.time()
        about = {"job": body["prompt_id"], "server": os.getpid(), "actor": os.getppid()}
        about["environment"] = {name: os.environ[name] for name in LOOKED_AT if name in os.environ}
        with open(told.asked, "a") as file:
            file.write(json.dumps(about) + "\n")
        return self.tell({})

    def tell(self, what):
        data = what if isinstance(what, bytes) else json.dumps(what).encode()
        self.send_response(404 if what is None else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", told.port), Handler).serve_forever()
