"""Any sequence of edits, undos and redos behaves like a list of values with a cursor."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from compress_studio.base.errors import UserError
from compress_studio.project import edits
from compress_studio.project.history import History
from compress_studio.project.project import Project
from tests.unit.project.steps import registry

STEPS = registry()
PICK = st.integers(0, 20)


class HistoryMachine(RuleBasedStateMachine):
    """The model is a plain list of all values and the place in it."""

    def __init__(self) -> None:
        super().__init__()
        start = edits.add_node("source.model", {}, STEPS)(Project())
        self.history = History(start)
        self.values = [start]
        self.place = 0
        self.clean = start

    def do(self, edit: edits.Edit) -> None:
        before = self.history.now
        try:
            after = self.history.do("edit", edit)
        except UserError:
            assert self.history.now is before
            return
        if after != before:
            self.values = [*self.values[: self.place + 1], after]
            self.place += 1

    def some_node(self, pick: int) -> str:
        nodes = self.history.now.pipeline.nodes
        return nodes[pick % len(nodes)].id if nodes else "none"

    @rule(step=st.sampled_from(["prune.channels", "train.distil"]), pick=PICK)
    def append(self, step: str, pick: int) -> None:
        self.do(edits.append_step(step, {}, STEPS, after=self.some_node(pick)))

    @rule(pick=PICK)
    def remove(self, pick: int) -> None:
        self.do(edits.remove_nodes([self.some_node(pick)], STEPS))

    @rule(a=PICK, b=PICK)
    def connect(self, a: int, b: int) -> None:
        self.do(edits.connect(edits.Edge(self.some_node(a), "network", self.some_node(b), "network"), STEPS))

    @rule(pick=PICK)
    def cut(self, pick: int) -> None:
        edges = self.history.now.pipeline.edges
        self.do(edits.cut(edges[pick % len(edges) : pick % len(edges) + 1] if edges else []))

    @rule(pick=PICK)
    def insert(self, pick: int) -> None:
        edges = self.history.now.pipeline.edges
        if edges:
            self.do(edits.insert_on_edge(edges[pick % len(edges)], "prune.channels", {}, STEPS))

    @rule(pick=PICK, amount=st.floats(0, 1))
    def set_amount(self, pick: int, amount: float) -> None:
        self.do(edits.set_param(self.some_node(pick), "amount", amount, STEPS))

    @rule(pick=PICK)
    def branch(self, pick: int) -> None:
        if len(self.history.now.pipeline) < 12:
            self.do(edits.duplicate_branch(self.some_node(pick)))

    @rule(pick=PICK)
    def switch(self, pick: int) -> None:
        self.do(edits.toggle([self.some_node(pick)]))

    @rule()
    def undo(self) -> None:
        self.history.undo()
        self.place = max(0, self.place - 1)

    @rule()
    def redo(self) -> None:
        self.history.redo()
        self.place = min(len(self.values) - 1, self.place + 1)

    @rule()
    def save(self) -> None:
        self.history.mark_clean()
        self.clean = self.history.now

    @invariant()
    def the_project_is_the_value_at_the_cursor(self) -> None:
        assert self.history.now == self.values[self.place]
        assert self.history.dirty == (self.history.now != self.clean)
        assert (self.history.undo_label is None) == (self.place == 0)
        assert (self.history.redo_label is None) == (self.place == len(self.values) - 1)

    @invariant()
    def inputs_lead_to_nodes_that_exist_in_order(self) -> None:
        pipeline = self.history.now.pipeline
        place = {node.id: number for number, node in enumerate(pipeline.order())}
        assert len(place) == len(pipeline)
        assert all(place[edge.src] < place[edge.dst] for edge in pipeline.edges)


TestHistory = HistoryMachine.TestCase
