"""From a workflow to the graphs of cells: what is found in it, copied, left out and refused."""

import pytest
from attention_bending.study.errors import StudyError
from attention_bending.study.graph import BENDING, FILM, MAPS, MEASURE, key, template
from study.workflows import CIRCLE, changed, toy

SEED = 5


def classes(graph):
    return sorted(node["class_type"] for node in graph.values())


def test_a_cell_has_both_films_and_nothing_that_the_study_does_not_need():
    ready = template(toy())
    graph = ready.graph(CIRCLE, SEED, "the text")
    assert graph[BENDING]["inputs"]["text"] == "the text"
    assert graph["9"]["inputs"]["bending"] == [BENDING, 0]
    assert graph["unbent 11"]["inputs"]["model"] == ["2", 0] and graph["11"]["inputs"]["model"] == ["9", 0]
    assert graph["11"]["inputs"]["seed"] == graph["unbent 11"]["inputs"]["seed"] == SEED
    assert graph["6"]["inputs"]["text"] == CIRCLE
    assert graph[MEASURE]["inputs"] == {"images": ["12", 0], "unbent": ["unbent 12", 0]}
    assert not {"8", "15", "16", "17", "14"} & graph.keys()  # its own bend, un-bent film, comparison and file
    assert graph[f"{FILM} video"]["inputs"]["fps"] == 8  # the workflow's


def test_the_unbent_film_alone_is_the_same_branch_without_the_patch():
    ready = template(toy())
    alone, both = ready.graph(CIRCLE, SEED, None), ready.graph(CIRCLE, SEED, "text")
    assert "AttnBendModel" not in classes(alone)
    branch = {node: at for node, at in alone.items() if not node.startswith("study")}
    assert branch == {node: both[node] for node in branch}


def test_two_samplers_that_share_a_bending_are_one_film():
    graph = template(toy("Wan 2.2 two samplers")).graph(CIRCLE, SEED, "text")
    assert graph["3212"]["inputs"]["bending"] == graph["3213"]["inputs"]["bending"] == [BENDING, 0]
    assert graph["unbent 3216"]["inputs"]["latent_image"] == ["unbent 3215", 0]
    assert graph["unbent 3215"]["inputs"]["model"] == graph["unbent 3216"]["inputs"]["model"] == ["3202", 0]
    assert {graph[node]["inputs"]["noise_seed"] for node in ("3215", "unbent 3215")} == {SEED}


def test_words_are_filmed_where_the_study_records_them():
    graph = template(toy(), record={"words": "bent words", "limit_mb": 2}).graph(CIRCLE, SEED, "text")
    assert graph["9"]["inputs"]["record"] == "bent words" and graph["9"]["inputs"]["record_limit_mb"] == 2
    assert graph[MAPS]["class_type"] == "SaveVideo" and graph[f"{MAPS} drawn"]["inputs"]["latent"] == ["11", 0]
    graph = template(toy("Wan 2.2 two samplers"), record={"words": "bent words", "limit_mb": 2}).graph(CIRCLE, SEED, "")
    drawn = graph[f"{MAPS} drawn"]["inputs"]
    assert drawn["maps"] == ["3213", 1] and drawn["latent"] == ["3216", 0]  # the second ends in the film
    assert MAPS not in template(toy()).graph(CIRCLE, SEED, "text")


def test_a_key_is_of_what_makes_the_film():
    ready = template(toy())
    own = key(ready.graph(CIRCLE, SEED, "text", "study/x/0"))
    titled = changed(toy(), "14", filename_prefix="elsewhere")
    titled["11"]["_meta"]["title"] = "another title"
    assert own == key(template(titled).graph(CIRCLE, SEED, "text", "study/y/1"))
    others = [(CIRCLE, SEED, "another"), (CIRCLE, SEED + 1, "text"), ("a (blue) star", SEED, "text")]
    assert len({own, *(key(ready.graph(*other)) for other in others)}) == 4
    assert own != key(template(changed(toy(), "11", cfg=5)).graph(CIRCLE, SEED, "text"))


def without(graph, *nodes):
    return {node: at for node, at in graph.items() if node not in nodes}


TWO_PROMPTS = {**changed(toy(), "7", text="a"), "7": {"class_type": "AttnBendPrompt", "inputs": {"text": "b"}}}
TWO_BENDINGS = toy("Wan 2.2 two samplers")
TWO_BENDINGS["3213"]["inputs"]["bending"] = ["3210", 0]

REFUSED = {
    "no JSON object": ([], "no file in API form"),
    "an editor's file": ({"nodes": [], "links": []}, "Export (API)"),
    "a node that is missing": (without(toy(), "10"), "from node 10, which is not there"),
    "no Patch Model": (changed(without(toy(), "9"), "11", model=["2", 0]), "no Patch Model"),
    "no VAE Decode": (without(toy(), "12", "13", "14", "17"), "one VAE Decode behind Patch Model"),
    "two VAE Decodes": ({**toy(), "20": toy()["12"]}, "set: {film: 12}"),
    "different bendings": (TWO_BENDINGS, "set: {model: 3212}"),
    "two prompts": (TWO_PROMPTS, "set: {prompt: 6.text}"),
    "a seed by a wire": (changed(toy(), "11", seed=["10", 0]), "comes by a wire"),
}


@pytest.mark.parametrize(("workflow", "told"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_a_study_is_refused_with_its_cure(workflow, told):
    with pytest.raises(StudyError) as refused:
        template(workflow)
    assert told in str(refused.value)


def test_what_a_workflow_leaves_open_is_set():
    graph = template(TWO_PROMPTS, {"prompt": "6.text"}).graph(CIRCLE, SEED, "text")
    assert graph["6"]["inputs"]["text"] == CIRCLE and graph["7"]["inputs"]["text"] == "b"
    graph = template(TWO_BENDINGS, {"model": "3212"}).graph(CIRCLE, SEED, "text")
    assert graph["unbent 3216"]["inputs"]["model"] == ["3213", 0] == graph["3216"]["inputs"]["model"]
    with pytest.raises(StudyError, match=r"7\.words") as refused:
        template(toy(), {"prompt": "7.words", "seed": "99.seed"})
    assert "99.seed" in str(refused.value)  # all at once
