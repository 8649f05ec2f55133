"""The commands of ``python study``."""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..bending.errors import BendError
from . import one_film, page, results, servers, study_file, threads
from .errors import StudyError
from .graph import template
from .making import Making
from .plan import Plan, plan, read_workflow, todo
from .progress import Progress, duration, size
from .store import Store

STUDY, WORKFLOW = "study.yaml", "workflow.json"
RAY = Path(__file__).with_name("ray.txt")
STORES = Path("studies")
"""Where studies' folders are made, in the folder that the command is called in."""


def main(arguments: Sequence[str]) -> int:
    """Run one command; 0 where all is made, 1 where films are missing, refused or failed, 2 for what has to change."""
    arguments, options = _split(arguments)
    asked = parser().parse_args(arguments)
    asked.options = options
    try:
        return asked.command(asked)
    except (StudyError, BendError) as error:
        print(f"\nStopped:\n{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. What is kept stays; begin it again to go on.", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser("python study", description="Many films on many servers.", allow_abbrev=False)
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    def command(function: Callable[[argparse.Namespace], int], name: str, says: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=says, description=says, allow_abbrev=False)
        added.set_defaults(command=function)
        return added

    def of_study(function: Callable[[argparse.Namespace], int], name: str, says: str) -> argparse.ArgumentParser:
        added = command(function, name, says)
        added.add_argument("study", type=Path, metavar="STUDY.yaml")
        added.add_argument("--store", type=Path, metavar="FOLDER", help="of its films; by default studies/STUDY")
        return added

    run = of_study(_run, "run", "make what is missing of a study; the same again where a run was ended")
    _takes_servers(run)
    run.add_argument("--dry-run", action="store_true", help="tell how many films there are, and make none")
    run.add_argument("--limit", type=int, metavar="N", help="make at most so many films")
    run.add_argument("--shard", type=_shard, metavar="I/N", help="the I-th of N parts, into a folder of its own")
    run.add_argument("--again", action="store_true", help="try what was refused or failed once more")
    of_study(_status, "status", "what is made, refused, failed and missing")
    missing = of_study(_missing, "missing", "the keys of the films that are to be made, a line each")
    missing.add_argument("--shard", type=_shard, metavar="I/N", help="of the I-th of N parts")
    merge = of_study(_merge, "merge", "take the films of other folders of the same study, as shards have made them")
    merge.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    export = of_study(_export, "export", "films, table and settings in a folder of their own")
    export.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    of_study(_page, "page", "index.html in the study's folder, to look at its films")
    film = command(_film, "film", "one film of a bending, or a few values of it, un-bent beside bent")
    film.add_argument("workflow", type=Path, metavar="WORKFLOW.json")
    film.add_argument("--bending", type=Path, required=True, metavar="FILE")
    film.add_argument("--prompt", required=True, metavar="TEXT")
    film.add_argument("--seed", type=int, default=0)
    film.add_argument("--set", action="append", default=[], metavar="NAME=VALUES", help="such as factor=0.25:4:8")
    film.add_argument("--store", type=Path, default=STORES / "film", metavar="FOLDER", help="by default studies/film")
    _takes_servers(film)
    return whole


def _takes_servers(command: argparse.ArgumentParser) -> None:
    command.add_argument("--server", action="append", default=[], metavar="URL", help="a running ComfyUI; many times")
    command.add_argument("--start", type=int, default=0, metavar="N", help="start N ComfyUIs, a GPU each")
    command.add_argument("--ray", metavar="ADDRESS", help="on the machines of a Ray cluster; auto: of this one's")
    command.add_argument(
        "--comfyui", type=Path, default=servers.COMFY, metavar="FOLDER", help="to start; default: ours"
    )
    command.add_argument("--python", default=sys.executable, metavar="PYTHON", help="to start it with; default: this")
    command.add_argument("--mixed", action="store_true", help="let servers differ from each other")
    command.add_argument("--trust-models", action="store_true", help="know models by size and time, not by content")
    command.epilog = "What stands behind -- goes to the ComfyUIs that are started: -- --cpu"


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Ours, and those behind --."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return list(arguments[:at]), list(arguments[at + 1 :])


def _shard(text: str) -> tuple[int, int]:
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise argparse.ArgumentTypeError(f"{text!r} is no part. Write 2/8 for the second of eight.")
    return int(number), int(of)


# --- commands --------------------------------------------------------------------------------------------------------


def _run(asked: argparse.Namespace) -> int:
    planned = _planned(asked)
    store = _store(asked)
    if asked.dry_run:
        return _tell_size(planned, store, max(1, len(asked.server) + asked.start))
    return _make(asked, planned, store)


def _film(asked: argparse.Namespace) -> int:
    made = one_film.cells(asked.bending, asked.prompt, asked.seed, asked.set)
    planned = plan(template(read_workflow(asked.workflow)), made)
    store = Store(asked.store)
    code = _make(asked, planned, store)
    rows = list(results.rows(planned, store))
    for row in rows:
        if film := row.get("film"):
            print(f"{store.folder / film}  {_shown(row)}")
    print(page.build(store, rows))
    return code


def _make(asked: argparse.Namespace, planned: Plan, store: Store) -> int:
    """Make what is missing; nothing is asked of any server where nothing is."""
    with store.writing():
        if getattr(asked, "again", False):
            store.note("again")
        for name, text in planned.copies.items():
            store.write_text(name, text)
        tasks = todo(planned, store)[: getattr(asked, "limit", None)]
        whole = store.whole()
        progress = Progress(len(planned.tasks), sum(task.key in whole for task in planned.tasks))
        if tasks:
            chosen = _servers(asked, store, progress.say)
            try:
                making = Making(planned, store, chosen, progress, asked.mixed, asked.trust_models)
                making.check()
                if left := making.run(threads.run, tasks):
                    progress.say(f"{left} films are still to be made, and no server is left to make them.")
            finally:
                for server in chosen:
                    server.close()
        progress.close()
        table = list(results.rows(planned, store))
        store.write_text(results.TABLE, results.table(table))
    return int(any(row["status"] in ("missing", "refused", "failed") for row in table))


def _status(asked: argparse.Namespace) -> int:
    planned, store = _planned(asked), _store(asked)
    counts: dict[str, int] = {}
    for row in results.rows(planned, store):
        status = "un-bent cells, in which nothing bends" if row["status"] == results.UNBENT else row["status"]
        counts[status] = counts.get(status, 0) + 1
        if row["status"] in ("refused", "failed"):
            print(f"{row['status']}: {row['key']} ({_shown(row)}): {row['why']}")
    print(f"{store.folder}: " + ", ".join(f"{count} {status}" for status, count in counts.items()))
    return 0


def _missing(asked: argparse.Namespace) -> int:
    for task in todo(_planned(asked), _store(asked)):
        print(task.key)
    return 0


def _merge(asked: argparse.Namespace) -> int:
    planned, store = _planned(asked), _store(asked)
    with store.writing():
        count = results.merge(store, map(Store, asked.folders))
        store.write_text(results.TABLE, results.table(results.rows(planned, store)))
    print(f"{store.folder}: {count} films more")
    return 0


def _export(asked: argparse.Namespace) -> int:
    count = results.export(_planned(asked), _store(asked), asked.to)
    print(f"{asked.to}: {count} films, metadata.csv")
    return 0


def _page(asked: argparse.Namespace) -> int:
    store = _store(asked)
    if not store.folder.is_dir():
        raise StudyError(f"{store.folder} is not there yet. Run the study first, or name its folder by --store.")
    print(page.build(store, results.rows(_planned(asked), store)))
    return 0


# --- what they share -------------------------------------------------------------------------------------------------


def _planned(asked: argparse.Namespace) -> Plan:
    study = study_file.load(asked.study)
    workflow = read_workflow(asked.study.parent / study.workflow)
    copies = {STUDY: asked.study.read_text(encoding="utf-8"), WORKFLOW: json.dumps(workflow, indent=1)}
    whole = plan(template(workflow, study.set, study.record), study.cells, copies)
    return whole.shard(*asked.shard) if getattr(asked, "shard", None) else whole


def _store(asked: argparse.Namespace) -> Store:
    shard = getattr(asked, "shard", None)
    name = asked.study.stem + ("-{}-of-{}".format(*shard) if shard else "")
    return Store(asked.store or STORES / name)


def _servers(asked: argparse.Namespace, store: Store, say: Callable[[str], object]) -> list[servers.Server]:
    urls = list(dict.fromkeys(asked.server))
    own = partial(servers.own, comfy=asked.comfyui.resolve(), python=asked.python, options=asked.options)
    if asked.ray:
        return _on_ray(asked.ray, urls, asked.start, own, say)
    chosen = [servers.Server(url, say) for url in urls]
    if asked.start:
        chosen += own(asked.start, folder=store.folder.resolve() / "servers", say=say)
    if not chosen:
        raise StudyError("there is no server. Name running ones by --server URL, or start some by --start N.")
    return chosen


def _on_ray(*asked: Any) -> list[servers.Server]:
    try:
        from .on_ray import on_ray
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise StudyError(
            f"--ray needs Ray, which {sys.executable} does not have. Install it: pip install -r {RAY}"
        ) from None
    return on_ray(*asked)


def _tell_size(planned: Plan, store: Store, count: int) -> int:
    """What a run would make, and by what was made so far, how long it takes and how much room."""
    tasks, whole = todo(planned, store), store.whole() & {task.key for task in planned.tasks}
    no_ops = sum(cell.no_op for cell in planned.cells)
    unbent = sum(task.is_unbent for task in planned.tasks)
    print(f"{len(planned.cells)} cells, {no_ops} of them without effect, and {unbent} un-bent films")
    print(f"{len(planned.tasks)} films to make: {len(whole)} are kept, {len(tasks)} missing")
    if not whole:
        print("time and room: not known before a film is made. Make some by --limit 5, and ask again.")
        return 0
    seconds = statistics.median(store.result(key)["server_seconds"] for key in whole)
    room = statistics.median(sum(f.stat().st_size for f in (store.cells / key).iterdir()) for key in whole)
    print(f"by the median of what is kept: {duration(seconds * len(tasks) / count)}, {size(room * len(tasks))}")
    return 0


def _shown(row: results.Row) -> str:
    """A row's place on the axes, and how far it changed."""
    apart = f", change {row['change']:.3g}" if row.get("change") is not None else ""
    names = [name for name in row if name not in (*results.FIRST, *results.LAST)]
    return " ".join(f"{name} {row[name]}" if name != "mode" else str(row[name]) for name in names) + apart
