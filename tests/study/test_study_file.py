"""The file of a study: what it expands to, and what is refused, with line and cure, all at once."""

import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.explore.sweep import NARROWING
from attention_bending.bending.files import parse as parse_bending
from attention_bending.bending.operators import Blur, Swap
from attention_bending.bending.time.windows import TimeWindow
from attention_bending.study import study_file
from attention_bending.study.cells import Prompt

ROOT = Path(__file__).resolve().parents[2]
STUDIES = ROOT / "presets" / "studies"
PAPER = {
    "spatial_scale": 192,
    "rotate": 168,
    "translate": 384,
    "blur": 192,
    "sharpen": 192,
    "amplify": 192,
    "flip": 2,
}
"""Films of each mode for a prompt and a seed, in the paper's table."""

loaded = cache(study_file.load)

SMALL = """\
format: attention-bending-study
workflow: wan.json
prompts:
  - {text: "a (red rose) in the rain", subject: rose}
  - {text: "a ship at sea", subject: ship}
seeds: [1, 2]
each: {token: ALL; subject, steps: all; 0-2}
bends:
  - {mode: blur, sigma: [0, 1, 2]}
  - {mode: flip, each: {token: subject}}
version: 1
"""


def read(old: str = "", new: str = "") -> study_file.Study:
    assert old in SMALL
    return study_file.parse(SMALL.replace(old, new, 1), "study.yaml")


def test_the_paper_s_study_has_its_1322_bends_for_each_prompt_and_seed():
    study = loaded(STUDIES / "attention_bender.yaml")
    runs = len(study.prompts) * len(study.seeds)
    assert len(study.cells) == 1322 * runs == sum(PAPER.values()) * runs
    for prompt in study.prompts:
        mine = [cell for cell in study.cells if cell.prompt == prompt.text and cell.seed == study.seeds[0]]
        assert Counter(cell.axes["mode"] for cell in mine) == PAPER
        assert len({cell.bending for cell in mine}) == 1322
        still = [cell for cell in mine if cell.no_op]
        assert len(still) == 24 and all(cell.axes["mode"] == "rotate" and cell.axes["angle"] == 0 for cell in still)


@pytest.mark.parametrize("file", sorted(STUDIES.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_study_that_comes_with_the_pack_says_what_it_costs(file):
    study, told = loaded(file), file.read_text(encoding="utf-8").partition("\nformat")[0].replace("\n#", "")
    bent = len({(cell.prompt, cell.seed, cell.bending) for cell in study.cells if not cell.no_op})
    unbent, still = len(study.prompts) * len(study.seeds), sum(cell.no_op for cell in study.cells)
    without = f", {still} of them without effect" if still else ""
    assert f"{len(study.cells):,} cells{without}: {bent:,} bent films and {unbent} un-bent." in told
    assert f"They cost {bent + unbent:,} times what a film of the workflow costs" in told
    assert study.about.endswith(".") and (STUDIES / study.workflow).is_file()


def test_a_cell_is_a_film_s_place_on_the_axes_and_its_bending():
    cells = read().cells
    assert len(cells) == 2 * 2 * (3 * 2 * 2 + 1)
    runs = [(cell.subject, cell.seed) for cell in cells[::13]]
    assert runs == [("rose", 1), ("rose", 2), ("ship", 1), ("ship", 2)]
    axes = {"mode": "blur", "sigma": 2.0, "token": "subject", "steps": "0-2"}
    one = next(cell for cell in cells if cell.axes == axes)
    bend = Bend(Blur(2.0), "rose", windows=(TimeWindow("steps", 0, 2),))
    assert parse_bending(one.bending).bending == Bending((bend,))
    assert (one.subject, one.seed, one.no_op) == ("rose", 1, False)
    assert [cell.axes["sigma"] for cell in cells[:12] if cell.no_op] == [0.0] * 4


def test_what_a_bend_says_itself_goes_before_and_its_own_each_replaces_the_study_s():
    assert dict(read().cells[12].axes) == {"mode": "flip", "token": "subject", "steps": "all"}
    own = read("sigma: [0, 1, 2]}", "sigma: 1, token: a}")
    assert [dict(cell.axes) for cell in own.cells[:2]] == [
        {"mode": "blur", "sigma": 1.0, "token": "a", "steps": steps} for steps in ("all", "0-2")
    ]


def test_the_subject_stands_in_every_token_field():
    study = read("- {mode: flip, each: {token: subject}}", '- {mode: swap, other: "subject, a", each: {token: a}}')
    swaps = [parse_bending(cell.bending).bending.bends[0] for cell in study.cells if cell.axes["mode"] == "swap"]
    assert {bend.operator for bend in swaps} == {Swap("rose, a"), Swap("ship, a")}


def test_set_and_record_are_read():
    more = "set: {prompt: 6.text, seed: [11.noise_seed, '12:3.noise_seed'], film: 14}\n"
    more += "record: {words: bent words, limit_mb: 1}\n"
    study = read("seeds:", f"{more}seeds:")
    assert study.set == {"prompt": "6.text", "seed": "11.noise_seed, 12:3.noise_seed", "film": "14"}
    assert study.record == {"words": "bent words", "limit_mb": 1}
    assert study.prompts[1] == Prompt("a ship at sea", "ship") and study.seeds == (1, 2)


REFUSED = [
    ("format: attention-bending-study", "format: attention-bending", "line 1: this is no study"),
    ("version: 1", "", 'line 1: the study lacks "version"'),
    ("version: 1", "version: 2", "line 11: version is 2, and this pack reads 1. Update the pack"),
    ("seeds: [1, 2]", "seed: [1, 2]", 'line 6: the study has no "seed". Did you mean "seeds"'),
    ("seeds: [1, 2]", "seeds: [1, 2]\nseeds: 3", 'line 7: "seeds" is here twice, first in line 6'),
    ("seeds: [1, 2]", "seeds: [1, two]", "line 6: seeds has 'two', which is no whole number"),
    ("seeds: [1, 2]", "seeds: []", "line 6: seeds has no values"),
    ("workflow: wan.json", "workflow: [wan.json]", "line 2: workflow is a list. Give it a text"),
    ("prompts:", "prompts: []\nabout:", "line 3: prompts is an empty list"),
    ("seeds: [1, 2]", "seeds: -1", "line 6: seeds has -1. Give whole numbers from 0"),
    (
        "subject: rose",
        "subject: horse",
        "line 4: the prompt 'a .red rose. in the rain': \"horse\" is not in the prompt",
    ),
    (", subject: rose", "", "line 4: .*its subject is bent, but it has none"),
    ("(red rose)", "(red rose", "line 4: .*a parenthesis that is opened but never closed"),
    ("a ship at sea", "a (red rose) in the rain", 'line 5: .*"ship" is not in the prompt'),
    ("token: ALL; subject, ", "", 'line 9: a bend of mode blur lacks "token"'),
    ("steps: all; 0-2", "step: 1", 'line 7: each has no "step". Did you mean "steps"'),
    ("steps: all; 0-2", "steps: early", "line 7: steps has 'early', which is no window of time"),
    ("token: ALL; subject", "token: ALL; sea", 'line 4: .*"sea" is not in the prompt'),
    ("mode: blur", "mode: blurr", 'line 9: mode is "blurr", which there is not. Did you mean "blur"'),
    ("mode: blur", "mode: paint", "line 9: Paint needs a mask, which no study has"),
    (
        "workflow: wan.json",
        "workflow: wan.json\nrecord: {words: bent word, limit_mb: 1}",
        'line 3: words is "bent word", which there is not. Did you mean "bent words"',
    ),
    (
        "workflow: wan.json",
        "workflow: wan.json\nrecord: {words: bent words, limit_mb: 0}",
        "line 3: limit_mb is 0. Give it a whole number from 1",
    ),
    ("sigma: [0, 1, 2]", "sigma: [0, -1]", "line 9: at sigma -1 .*Blur: sigma is -1. Give it 0"),
    ("sigma: [0, 1, 2]", "sigma: 0", "line 9: nothing bends at any value of sigma"),
    ("sigma: [0, 1, 2]", "amount: 1", 'line 9: a bend of mode blur has no "amount"'),
    ("sigma: [0, 1, 2]", 'sigma: "0:60:5000"', "line 9: this sweep makes 20000 films"),
    ("{mode: flip, each: ", "{mode: flip, token: ALL, each: ", 'line 10: "token" stands beside each and in it'),
    (
        "workflow: wan.json",
        "workflow: wan.json\nset: {promt: 6.text}",
        'line 3: set has no "promt". Did you mean',
    ),
    ("workflow: wan.json", "workflow: wan.json\nrecord: {words: bent words}", 'line 3: record lacks "limit_mb"'),
    (
        "workflow: wan.json",
        "workflow: wan.json\nrecord: {words: bent words, limit_mb: a}",
        "line 3: limit_mb is 'a'. Give it a whole number",
    ),
]


@pytest.mark.parametrize("old, new, message", REFUSED)
def test_what_is_wrong_is_refused_with_its_line_and_cure(old, new, message):
    with pytest.raises(BendError, match=f'"study.yaml", {message}'):
        read(old, new)


def test_all_that_is_wrong_is_told_at_once():
    bad = SMALL.replace("subject: rose", "subject: horse").replace("[0, 1, 2]", "-1").replace("[1, 2]", "x")
    with pytest.raises(BendError) as refused:
        study_file.parse(bad)
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == [
        f'"this text", line {line}' for line in (4, 6, 9)
    ]


def test_the_page_about_studies_names_every_key_and_its_example_is_read():
    page = (ROOT / "docs" / "study.md").read_text(encoding="utf-8")
    keys = {*study_file.KEYS, *study_file.SETTABLE, *study_file.RECORD, *NARROWING, "text", "subject", "mode"}
    assert not [key for key in keys if f"`{key}`" not in page]
    study = study_file.parse(page.split("```yaml\n")[1].split("```")[0])
    assert len(study.cells) == 372 and "372 bent films and 6 un-bent" in page
    for file in STUDIES.glob("*.yaml"):
        _, cells, bent, unbent, _ = page.split(f"`{file.name}`")[1].split("\n")[0].split("|")
        assert f"{int(bent.replace(',', '')):,} bent films and{unbent}un-bent" in file.read_text(encoding="utf-8")
        assert int(cells.replace(",", "")) == len(loaded(file).cells)


WITHOUT_TENSORS = """
import runpy, sys
for name in ("torch", "numpy", "PIL", "safetensors"):
    sys.modules[name] = None
runpy.run_path(sys.argv[1])["alias"]()
from attention_bending.bending import Bend, Bending
from attention_bending.bending.files import dump, load, parse, presets
from attention_bending.study import study_file
for path in presets().values():
    bending = load(path).bending
    assert parse(dump(bending)).bending == bending
print(len(study_file.load(sys.argv[2]).cells))
"""


def test_a_study_and_files_of_bends_are_read_without_torch():
    command = [sys.executable, "-c", WITHOUT_TENSORS, ROOT / "study" / "pack.py", STUDIES / "attention_bender.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) % 1322 == 0
