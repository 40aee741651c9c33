"""Every number belongs to the parameters, data and model that it was measured with, whatever is done meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from compress_studio.base.digest import Json
from compress_studio.engine.events import MeasurementTaken, NodeDone, RunEnded, RunStarted
from compress_studio.engine.runner import Runner
from compress_studio.engine.settings import RunSettings
from compress_studio.gui.charts.naming import name_variants
from compress_studio.gui.nodeview import Shown
from compress_studio.gui.panels.run_rows import run_rows
from compress_studio.gui.session import Session
from compress_studio.gui.views import sources_by_node
from compress_studio.project import edits
from compress_studio.project.pipeline import Edge
from compress_studio.project.project import MeterUse, Project
from compress_studio.spec.data import DataRequest
from compress_studio.spec.meter import Reading
from tests.gui.app.conftest import TOYS

COUNT = (MeterUse("count"),)


def append(session: Session, step: str, **params: Json) -> str:
    session.edit("Add", edits.append_step(step, params, session.runtime.steps))
    last = session.project.pipeline.last()
    assert last is not None
    return last.id


def check_recipes(session: Session) -> None:
    """Run the recipe of every variant by itself: it must give the digest that is shown with it."""
    with Runner(session.store, RunSettings(runtime=TOYS, compute_threads=1, measure=False)) as runner:
        for one in session.variants.rows:
            project = Project(one.recipe, one.data_request, meters=(), seed=one.seed)
            outcome = runner.start(project).wait(30)
            assert outcome is not None
            assert outcome.state.nodes[one.node].digest == one.result.digest, one


def test_opening_another_project_during_a_run_ends_the_run_and_takes_nothing_from_it(
    toy_session: Session, toy_project: Project, qtbot
) -> None:
    toy_session.open(replace(toy_project, meters=COUNT))
    node = append(toy_session, "toy.slow", seconds=0.4)
    append(toy_session, "toy.double", by=3.0)
    toy_session.run()
    qtbot.waitUntil(lambda: toy_session.views[node].state is Shown.RUNNING, timeout=20_000)
    old = toy_session.project
    toy_session.open(edits.together(
        edits.append_step("toy.slow", {"seconds": 0.0}, toy_session.runtime.steps),
        edits.append_step("toy.double", {"by": 5.0}, toy_session.runtime.steps),
    )(toy_project))  # fmt: skip
    assert {one.id for one in old.pipeline} == {one.id for one in toy_session.project.pipeline}
    toy_session.settle(20)
    assert not toy_session.running
    assert not toy_session.stopping
    assert not [one for one in toy_session.variants.rows if one.source]
    assert all(view.state in {Shown.FRESH, Shown.STALE} for view in toy_session.views.values())
    toy_session.run()
    toy_session.settle(20)
    assert toy_session.run_state.ok


def test_what_a_superseded_run_still_tells_belongs_to_what_it_was_started_with(
    toy_session: Session, toy_project: Project
) -> None:
    toy_session.open(replace(toy_project, meters=COUNT))
    node = append(toy_session, "toy.double", by=2.0)
    source = toy_session.project.pipeline.sources()[0].id
    toy_session.settle()
    first = toy_session.project
    reading = (Reading("count", 3.0),)
    toy_session.run()
    toy_session.settle()
    told = {name: one.result for name, one in toy_session.views.items()}
    plan = toy_session.plan
    assert plan is not None
    keys = dict(plan.keys)
    toy_session.open(first)
    toy_session.settle()
    toy_session.forget_variants(frozenset(one.id for one in toy_session.variants.rows))
    # The run of the first project tells its results after the edit has been taken up.
    toy_session.run()
    assert toy_session._run is not None
    name = toy_session._run.id
    toy_session.edit("Change", edits.set_param(node, "by", 7.0, toy_session.runtime.steps))
    toy_session._take_up_edits()
    events = [RunStarted(name, (source, node))]
    for one in (source, node):
        result = told[one]
        assert result is not None
        events += [
            NodeDone(one, keys[one], result.digest, result.path, {}, 0.1),
            MeasurementTaken(one, "count", result.digest, reading),
        ]
    toy_session._receive([*events, RunEnded(name, False, 1.0, cancelled=True)])
    toy_session.settle(20)
    rows = {one.recipe.node(one.node).params.get("by"): one for one in toy_session.variants.rows if one.source}
    assert set(rows) == {2.0, 7.0}
    check_recipes(toy_session)


def test_numbers_stay_with_the_data_they_were_measured_on(
    toy_session: Session, toy_project: Project, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    for path in (first, second):
        path.write_text("1")
    toy_session.open(replace(toy_project, meters=COUNT, data=DataRequest(str(first))))
    append(toy_session, "toy.noisy")
    toy_session.run()
    toy_session.settle()
    assert {one.data for one in toy_session.variants.rows} == {str(first)}
    toy_session.edit("Use other data", edits.set_data(DataRequest(str(second))))
    toy_session.settle()
    assert {one.data for one in toy_session.variants.rows if one.recipe.node(one.node).step == "toy.noisy"} == {
        str(first)
    }
    toy_session.run()
    toy_session.settle()
    noisy = [one for one in toy_session.variants.rows if one.source]
    assert [one.data for one in noisy] == [str(first), str(second)]


def test_a_variant_keeps_the_seed_that_it_was_made_with(toy_session: Session, toy_project: Project) -> None:
    toy_session.open(replace(toy_project, meters=COUNT))
    append(toy_session, "toy.noisy")
    for seed in (0, 4):
        toy_session.edit("Change the seed", edits.set_seed(seed))
        toy_session.run()
        toy_session.settle()
    noisy = [one for one in toy_session.variants.rows if one.source]
    assert [one.seed for one in noisy] == [0, 4]
    assert noisy[0].result.digest != noisy[1].result.digest
    check_recipes(toy_session)


def test_numbers_of_variants_are_never_given_twice(toy_session: Session, toy_project: Project) -> None:
    toy_session.open(replace(toy_project, meters=COUNT))
    node = append(toy_session, "toy.double", by=2.0)
    for value in (2.0, 3.0, 4.0):
        toy_session.edit("Change", edits.set_param(node, "by", value, toy_session.runtime.steps))
        toy_session.run()
        toy_session.settle()
        if value == 3.0:
            toy_session.forget_variants(frozenset({toy_session.variants.rows[1].id}))
    numbers = [one.number for one in toy_session.variants.rows]
    assert len(set(numbers)) == len(numbers)


def test_a_result_with_a_teacher_of_its_own_is_compared_with_its_own_model(
    toy_session: Session, toy_project: Project, tmp_path: Path
) -> None:
    """The teacher was added first, and is not what the student descends from."""
    other = tmp_path / "student.txt"
    other.write_text("4 5 6")
    toy_session.open(replace(toy_project, meters=(MeterUse("ratio"),)))
    steps = toy_session.runtime.steps
    teacher = toy_session.project.pipeline.sources()[0].id
    toy_session.edit("Add", edits.add_node("source.model", {"path": str(other)}, steps, pos=(0.0, 300.0)))
    student = next(one.id for one in toy_session.project.pipeline.sources() if one.id != teacher)
    toy_session.edit("Add", edits.add_node("toy.add", {}, steps, pos=(300.0, 300.0)))
    node = next(one.id for one in toy_session.project.pipeline if one.step == "toy.add")
    toy_session.edit("Join", edits.connect(Edge(teacher, "network", node, "teacher"), steps))
    toy_session.edit("Join", edits.connect(Edge(student, "network", node, "network"), steps))
    assert toy_session.project.pipeline.source_of(node) == student
    assert sources_by_node(toy_session.project.pipeline)[node] == student
    toy_session.run()
    toy_session.settle()
    result = toy_session.views[node].result
    assert result is not None
    ratio = result.reading("ratio")
    assert ratio is not None
    assert ratio.value == 21 / 15
    variant = toy_session.variants.rows[-1]
    source = toy_session.variants.get(variant.source)
    assert source is not None
    assert source.node == student


def test_a_step_that_changes_nothing_is_a_row_of_its_own(toy_session: Session, toy_project: Project) -> None:
    """Three results are the same network, and each row belongs to the node that gave it."""
    toy_session.open(replace(toy_project, meters=COUNT))
    nodes = [
        toy_session.project.pipeline.sources()[0].id,
        append(toy_session, "toy.same"),
        append(toy_session, "toy.same"),
    ]
    toy_session.run()
    toy_session.settle()
    assert len({one.result.digest for one in toy_session.variants.rows}) == 1
    assert (
        len(toy_session.variants.rows) == 2
    )  # the second of the two does the same on the same, and is the same result
    _, rows = run_rows(toy_session)
    assert rows[0].node == nodes[0]
    assert rows[1].node in nodes[1:]


def test_a_changed_node_is_not_shown_as_done_before_the_plan_is_made_again(
    toy_session: Session, toy_project: Project
) -> None:
    toy_session.open(replace(toy_project, meters=COUNT))
    node, below = append(toy_session, "toy.double", by=2.0), append(toy_session, "toy.add")
    toy_session.run()
    toy_session.settle()
    assert toy_session.views[below].state is Shown.FRESH
    toy_session.edit("Change", edits.set_param(node, "by", 7.0, toy_session.runtime.steps))
    for one in (node, below):
        assert toy_session.views[one].state is not Shown.FRESH
        assert toy_session.views[one].outdated
    toy_session.undo()
    toy_session.settle()
    assert toy_session.views[below].state is Shown.FRESH


def test_a_node_that_is_switched_off_shows_no_numbers_and_has_them_again_when_it_is_on(
    toy_session: Session, toy_project: Project
) -> None:
    toy_session.open(replace(toy_project, meters=COUNT))
    node = append(toy_session, "toy.double", by=2.0)
    source = toy_session.project.pipeline.sources()[0].id
    toy_session.run()
    toy_session.settle()
    before = toy_session.views[node].result
    assert before is not None
    assert before.series
    toy_session.edit("Switch off", edits.toggle([node]))
    toy_session.settle()
    off, whole = toy_session.views[node].result, toy_session.views[source].result
    assert off is not None
    assert whole is not None
    assert off.digest == whole.digest
    assert not off.readings
    toy_session.undo()
    toy_session.settle()
    again = toy_session.views[node].result
    assert again is not None
    assert (again.digest, again.readings, again.series) == (before.digest, before.readings, before.series)


def test_a_result_of_the_run_that_goes_on_belongs_to_the_parameters_of_now(
    toy_session: Session, toy_project: Project, qtbot
) -> None:
    """The plan of before the run cannot know its key."""
    toy_session.open(replace(toy_project, meters=COUNT))
    node, slow = append(toy_session, "toy.double", by=2.0), append(toy_session, "toy.slow", seconds=60.0)
    toy_session.settle()
    toy_session.run()
    qtbot.waitUntil(lambda: toy_session.views[slow].state is Shown.RUNNING, timeout=20_000)
    current, former = name_variants(toy_session)
    assert not former
    assert node in {one.node for one in current.values()}
    toy_session.edit("Change", edits.set_param(node, "by", 5.0, toy_session.runtime.steps))
    current, former = name_variants(toy_session)
    assert len(former) == 1
    assert node not in {one.node for one in current.values()}
    toy_session.stop()
    toy_session.settle()


def test_a_variant_that_was_removed_stays_away_until_it_is_run_again(
    toy_session: Session, toy_project: Project
) -> None:
    toy_session.open(replace(toy_project, meters=COUNT))
    append(toy_session, "toy.double", by=2.0)
    toy_session.run()
    toy_session.settle()
    first, second = toy_session.variants.rows
    toy_session.forget_variants(frozenset({second.id}))
    toy_session.edit("Name", edits.set_title("Named"))
    toy_session.refresh()
    toy_session.settle()
    assert toy_session.variants.rows == (first,)
    toy_session.run()
    toy_session.settle()
    assert [one.id for one in toy_session.variants.rows] == [first.id, second.id]


def test_restoring_says_when_the_numbers_depend_on_more_than_the_parameters(
    toy_session: Session, toy_project: Project
) -> None:
    toy_session.open(replace(toy_project, meters=COUNT))
    append(toy_session, "toy.noisy")
    toy_session.run()
    toy_session.settle()
    said: list[str] = []
    toy_session.message.connect(lambda message: said.append(message.text))
    toy_session.restore(toy_session.variants.rows[-1], "Restore")
    assert said == []
    toy_session.edit("Change the seed", edits.set_seed(4))
    toy_session.restore(toy_session.variants.rows[-1], "Restore")
    assert said == ["Result 2 was made with another seed than the project has now."]
    toy_session.settle()
