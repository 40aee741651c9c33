"""Edits give changed projects, leave the old ones alone, and say why they refuse."""

from __future__ import annotations

import pytest

from compress_studio.base.errors import BadInput, UserError
from compress_studio.project import edits
from compress_studio.project.pipeline import Edge, Node
from compress_studio.project.project import Goal, MeterUse, Project
from compress_studio.spec.data import DataRequest
from tests.unit.project.steps import registry

STEPS = registry()


def pruned() -> Project:
    """source1 → prune1 → distil1, the teacher of distil1 being source1."""
    project = edits.add_node("source.model", {"path": "m.onnx"}, STEPS)(Project())
    project = edits.append_step("prune.channels", {"amount": 0.3}, STEPS)(project)
    return edits.append_step("train.distil", {}, STEPS)(project)


def edge_set(project: Project) -> set[tuple[str, str, str]]:
    return {(edge.src, edge.dst, edge.inp) for edge in project.pipeline.edges}


def test_an_appended_step_is_joined_to_the_last_node_and_its_teacher_to_the_source() -> None:
    assert edge_set(pruned()) == {
        ("source1", "prune1", "network"),
        ("prune1", "distil1", "network"),
        ("source1", "distil1", "teacher"),
    }


def test_parameters_are_stored_in_full() -> None:
    params = pruned().pipeline.node("prune1").params
    assert params == {"amount": 0.3, "criterion": "l1", "multiple": None, "keep": []}
    assert pruned().pipeline.node("prune1").version == 2


def test_a_step_can_be_appended_behind_any_node() -> None:
    project = edits.append_step("prune.channels", {}, STEPS, after="source1")(pruned())
    assert ("source1", "prune2", "network") in edge_set(project)


def test_nothing_can_be_appended_to_nothing() -> None:
    with pytest.raises(UserError, match="no model to work on"):
        edits.append_step("prune.channels")(Project())


def test_a_source_cannot_follow_another_node() -> None:
    with pytest.raises(UserError, match="cannot follow another node"):
        edits.append_step("source.model", {}, STEPS)(pruned())


def test_an_unknown_step_names_the_nearest() -> None:
    with pytest.raises(BadInput, match=r"no step prune\.chanels.*prune\.channels"):
        edits.append_step("prune.chanels", {}, STEPS)(pruned())


def test_inserting_on_an_edge_leads_it_through_the_new_node() -> None:
    edge = Edge("prune1", "network", "distil1", "network")
    project = edits.insert_on_edge(edge, "prune.channels", {}, STEPS)(pruned())
    assert {("prune1", "prune2", "network"), ("prune2", "distil1", "network")} <= edge_set(project)
    assert edge not in project.pipeline.edges
    with pytest.raises(UserError, match="not there any more"):
        edits.insert_on_edge(edge, "prune.channels", {}, STEPS)(project)


def test_removing_a_node_joins_its_neighbours() -> None:
    assert edge_set(edits.remove_nodes(["prune1"], STEPS)(pruned())) == {
        ("source1", "distil1", "network"),
        ("source1", "distil1", "teacher"),
    }


def test_removing_several_nodes_bridges_all_of_them() -> None:
    project = edits.append_step("prune.channels", {}, STEPS)(pruned())
    left = edits.remove_nodes(["prune1", "distil1"], STEPS)(project)
    assert edge_set(left) == {("source1", "prune2", "network")}


def test_removing_a_source_leaves_its_followers_unconnected() -> None:
    assert edge_set(edits.remove_nodes(["source1"], STEPS)(pruned())) == {("prune1", "distil1", "network")}


def test_a_circle_is_refused_with_the_reason() -> None:
    with pytest.raises(UserError, match="That would close a circle"):
        edits.connect(Edge("distil1", "network", "prune1", "network"), STEPS)(pruned())
    with pytest.raises(UserError, match="That would close a circle"):
        edits.connect(Edge("prune1", "network", "prune1", "network"), STEPS)(pruned())


def test_connecting_replaces_what_led_into_the_input() -> None:
    project = edits.connect(Edge("source1", "network", "distil1", "network"), STEPS)(pruned())
    assert ("prune1", "distil1", "network") not in edge_set(project)


def test_a_port_that_does_not_exist_is_named() -> None:
    with pytest.raises(UserError, match=r"prune1 has no input teacher.*network"):
        edits.connect(Edge("source1", "network", "prune1", "teacher"), STEPS)(pruned())


def test_cutting_removes_only_the_given_edges() -> None:
    edge = Edge("source1", "network", "distil1", "teacher")
    assert len(edits.cut([edge, edge])(pruned()).pipeline.edges) == 2


def test_a_value_out_of_range_is_refused_in_the_words_of_the_form() -> None:
    with pytest.raises(BadInput, match=r"Work removed \(amount\) must be a number from 0 to 0.95, not 2"):
        edits.set_param("prune1", "amount", 2, STEPS)(pruned())
    with pytest.raises(BadInput, match=r"no parameter amont \(known: amount"):
        edits.set_param("prune1", "amont", 0.2, STEPS)(pruned())


def test_setting_a_parameter_leaves_the_old_project_alone() -> None:
    before = pruned()
    after = edits.set_param("prune1", "amount", 0.4, STEPS)(before)
    assert before.pipeline.node("prune1").params["amount"] == 0.3
    assert after.pipeline.node("prune1").params["amount"] == 0.4


def test_parameters_of_an_unknown_step_are_taken_as_they_come() -> None:
    project = edits.paste([Node("x1", "acme.unknown", {"a": 1})])(pruned())
    assert edits.set_param("unknown1", "b", 2, STEPS)(project).pipeline.node("unknown1").params == {"a": 1, "b": 2}


def test_moving_and_switching_change_only_what_they_name() -> None:
    project = edits.toggle(["prune1"])(edits.move({"prune1": (5.0, 6.0)})(pruned()))
    assert project.pipeline.node("prune1").pos == (5.0, 6.0)
    assert not project.pipeline.node("prune1").on
    assert project.pipeline.node("distil1") == pruned().pipeline.node("distil1")
    assert edits.toggle(["prune1"])(project).pipeline.node("prune1").on
    assert not edits.set_measured(["prune1"], measured=False)(project).pipeline.node("prune1").measured


def test_a_source_cannot_be_switched_off() -> None:
    with pytest.raises(UserError, match="source cannot be switched off"):
        edits.toggle(["source1"])(pruned())


def test_pasting_gives_new_names_and_keeps_inner_connections() -> None:
    project = pruned()
    nodes = [project.pipeline.node("prune1"), project.pipeline.node("distil1")]
    pasted = edits.paste(nodes, project.pipeline.edges)(project)
    new = edge_set(pasted) - edge_set(project)
    assert new == {("prune2", "distil2", "network")}


def test_a_branch_is_duplicated_with_everything_behind_it_and_the_same_feeds() -> None:
    project = edits.duplicate_branch("prune1")(pruned())
    assert edge_set(project) - edge_set(pruned()) == {
        ("source1", "prune2", "network"),
        ("prune2", "distil2", "network"),
        ("source1", "distil2", "teacher"),
    }
    with pytest.raises(UserError, match="not a branch"):
        edits.duplicate_branch("source1")(project)


def test_everything_else_of_a_project_can_be_set() -> None:
    project = pruned()
    for edit in (
        edits.set_data(DataRequest("d.npz")),
        edits.set_title("Small"),
        edits.set_meters([MeterUse("size")]),
        edits.set_goals([Goal("quality_drop", 0.02)]),
        edits.set_seed(7),
        edits.set_device("cpu"),
    ):
        project = edit(project)
    assert (project.data.path, project.title, project.seed, project.device) == ("d.npz", "Small", 7, "cpu")
    assert [one.id for one in project.meters] == ["size"]
    assert project.goal("quality_drop") == 0.02
    assert project.goal("bytes") is None
