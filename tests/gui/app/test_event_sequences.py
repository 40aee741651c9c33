"""Whatever is done in whatever order, every variant is what its own recipe gives, and every fresh number is true."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from pathlib import Path

import pytest

from compress_studio.base.paths import cache_dir
from compress_studio.engine.cache import Store
from compress_studio.engine.runner import Runner
from compress_studio.engine.settings import RunSettings
from compress_studio.gui.nodeview import Shown
from compress_studio.gui.session import Session
from compress_studio.project import edits
from compress_studio.project.pipeline import SOURCE_STEP
from compress_studio.project.project import MeterUse, Project
from compress_studio.spec.data import DataRequest
from tests.gui.app.conftest import TOYS

STEPS = ("toy.double", "toy.add", "toy.same", "toy.noisy", "toy.slow")
GESTURES = 25
WORDS = (
    "append", "change", "change", "change", "data", "seed", "toggle", "undo", "undo", "redo", "run", "run", "run",
    "target", "again", "stop", "duplicate", "delete", "wait", "wait", "restore", "star", "forget", "reopen",
)  # fmt: skip


class Monkey:
    """Does what users do, in any order, also during runs."""

    def __init__(self, session: Session, seed: int, folder: Path) -> None:
        self.session = session
        self.random = random.Random(seed)
        self.data = [DataRequest()]
        for name in ("one.csv", "two.csv"):
            (folder / name).write_text("1")
            self.data.append(DataRequest(str(folder / name)))

    def act(self) -> None:
        """One gesture."""
        session = self.session
        nodes = [one.id for one in session.project.pipeline if one.step != SOURCE_STEP]
        every = [one.id for one in session.project.pipeline]
        steps = session.runtime.steps
        word = self.random.choice(
            [
                "append",
                "change",
                "change",
                "change",
                "data",
                "seed",
                "toggle",
                "undo",
                "undo",
                "redo",
                "run",
                "run",
                "run",
                "target",
                "again",
                "stop",
                "duplicate",
                "delete",
                "wait",
                "wait",
                "restore",
                "star",
                "forget",
                "reopen",
            ]
        )
        node = self.random.choice(nodes) if nodes else None
        if word == "append" and len(every) < 8:
            after = self.random.choice(every)
            values = {"seconds": 0.1} if (step := self.random.choice(STEPS)) == "toy.slow" else {}
            session.edit(word, edits.append_step(step, values, steps, after=after))
        elif word == "change" and node is not None:
            self._change(node)
        elif word == "data":
            session.edit(word, edits.set_data(self.random.choice(self.data)))
        elif word == "seed":
            session.edit(word, edits.set_seed(self.random.randrange(3)))
        elif word == "toggle" and node is not None:
            session.edit(word, edits.toggle([node]))
        elif word == "duplicate" and node is not None and len(every) < 8:
            session.edit(word, edits.duplicate_branch(node))
        elif word == "delete" and node is not None:
            session.edit(word, edits.remove_nodes([node], steps))
        elif word == "target":
            session.run([self.random.choice(every)])
        elif word == "wait":
            end = time.monotonic() + self.random.random() * 0.4
            while time.monotonic() < end:
                session.bridge.drain()
                session._settle.timeout.emit()
        elif word in {"star", "restore", "forget"} and session.variants.rows:
            one = self.random.choice(session.variants.rows)
            if word == "star":
                session.star(one.id, star=not one.starred)
            elif word == "restore":
                session.restore(one, word)
            else:
                session.forget_variants(frozenset({one.id}))
        elif word == "reopen" and self.random.random() < 0.3:
            session.open(session.stored_project())
        elif word == "again":
            session.run(again=True)
        elif word in {"undo", "redo", "run", "stop"}:
            getattr(session, word)()
        session.bridge.drain()

    def _change(self, node: str) -> None:
        steps = self.session.runtime.steps
        step = self.session.project.pipeline.node(node).step
        value = float(self.random.randrange(3))
        if step == "toy.double":
            self.session.edit("change", edits.set_param(node, "by", value, steps), merge=node)
        elif step == "toy.add":
            self.session.edit("change", edits.set_param(node, "amount", value, steps))


def digests(store: Store, project: Project) -> dict[str, str]:
    """What a project really gives, computed anew."""
    settings = RunSettings(runtime=TOYS, compute_threads=1, measure=False, use_cache=False)
    with Runner(store, settings) as runner:
        outcome = runner.start(project).wait(60)
    assert outcome is not None
    return {name: one.digest for name, one in outcome.state.nodes.items()}


@pytest.mark.parametrize("seed", range(4))
def test_every_number_belongs_to_its_recipe_after_any_gestures(
    toy_session: Session, toy_project: Project, tmp_path: Path, seed: int
) -> None:
    toy_session.open(replace(toy_project, meters=(MeterUse("count"), MeterUse("ratio"))))
    monkey = Monkey(toy_session, seed, tmp_path)
    for _ in range(GESTURES):
        monkey.act()
    toy_session.settle()
    numbers = [one.number for one in toy_session.variants.rows]
    assert len(set(numbers)) == len(numbers)
    again = Store(cache_dir() / "again")
    try:
        for one in toy_session.variants.rows:
            project = Project(one.recipe, one.data_request, (), seed=one.seed)
            assert digests(again, project)[one.node] == one.result.digest, one
            ratio = one.result.reading("ratio")
            assert ratio is not None or "count" in one.result.readings
        true = digests(again, replace(toy_session.project, meters=()))
        for name, view in toy_session.views.items():
            if view.state is Shown.FRESH:
                assert view.result is not None
                assert view.result.digest == true[name]
                assert not view.outdated
            if view.state is Shown.OFF and view.result is not None:
                assert view.result.digest == true[name]
                assert not view.result.readings
    finally:
        again.close()
