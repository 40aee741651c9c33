"""What a node gave: measured numbers, what must be said about them, and how it failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from compress_studio.engine.records import Cause, Failure
from compress_studio.gui.nodeview import NodeView, Shown
from compress_studio.gui.panels.inspector_fixes import Fix, fixes_for
from compress_studio.gui.panels.inspector_parts import Notice, clear, wrapped
from compress_studio.gui.panels.inspector_words import fact_rows, result_rows, skipped_of
from compress_studio.gui.stepwords import in_words
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.weights.offer import offer_for
from compress_studio.gui.widgets.basics import SectionTitle
from compress_studio.gui.widgets.card import Card, Collapsible, FactRows
from compress_studio.project.pipeline import SOURCE_STEP
from compress_studio.spec.registry import StepRegistry

Do = Callable[[Fix], object]
GRAPH_WORDS = ("layer", "operator", "channel", "node")


class ProblemSection(QWidget):
    """Why a node cannot run, or how it failed, with the remedy."""

    def __init__(self, steps: StepRegistry, do: Do, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector.problems")
        self._steps = steps
        self._do = do
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._shown: tuple[object, ...] = ()

    def show_view(self, view: NodeView | None) -> None:
        """Show what is wrong with a node."""
        failure = None if view is None else view.failure
        problem = None if view is None or failure is not None else view.problem
        blocked = view is not None and view.state is Shown.BLOCKED
        shown = (view and view.node.id, failure, problem, blocked)
        if shown == self._shown:
            return
        self._shown = shown
        clear(self._layout)
        if view is not None and failure is not None:
            tone = "muted" if view.state is Shown.STOPPED else "bad"
            self._layout.addWidget(self._failure(view, failure, tone))
        elif view is not None and problem is not None:
            buttons = _buttons(view, f"{problem.message} {problem.hint}", self._steps, self._do)
            hint = in_words(self._offer(view, problem.cause, problem.hint, buttons), view.spec, self._steps)
            self._layout.addWidget(Notice("bad", in_words(problem.message, view.spec, self._steps), hint, buttons))
        elif blocked:
            self._layout.addWidget(
                Notice("muted", "It waits for a step that failed.", "Mend that step, then run again.")
            )
        self.setVisible(self._layout.count() > 0)

    def _failure(self, view: NodeView, failure: Failure, tone: str) -> Notice:
        buttons = _buttons(view, failure.hint, self._steps, self._do)
        if failure.report:
            buttons.append(("Copy report", lambda: QGuiApplication.clipboard().setText(failure.report)))
        message = in_words(failure.message, view.spec, self._steps)
        hint = self._offer(view, failure.cause, failure.hint, buttons)
        return Notice(tone, message, in_words(hint, view.spec, self._steps), buttons)

    def _offer(self, view: NodeView, cause: Cause, hint: str, buttons: list[tuple[str, Callable[[], object]]]) -> str:
        """Add the button that leads to the dialog of weights, where that helps; what to say as the next thing to do."""
        offer = offer_for(view.node, cause)
        if offer is None:
            return hint
        buttons.append((offer.label, lambda: self._do(Fix(offer.label, review=True))))
        return offer.hint_for(hint)


class ResultSection(QWidget):
    """The measured result with its cautions."""

    def __init__(
        self, steps: StepRegistry, do: Do, open_graph: Callable[[], object] | None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("inspector.result")
        self._steps = steps
        self._do = do
        self._open_graph = open_graph
        self._cautions: tuple[object, ...] = ()
        self._folded: tuple[object, ...] = ()
        self.title = SectionTitle("Result", self)
        self.outdated = wrapped("From before the last change, or no longer stored. Run to renew it (F5).", "warn", self)
        self.card = Card(parent=self)
        self.rows = FactRows(self.card)
        self.rows.setObjectName("result.rows")
        self.card.body.addWidget(self.rows)
        self.notices = QWidget(self)
        self._notices = _column(self.notices)
        self.skipped = Collapsible("Layers left alone", parent=self)
        self.skipped.setObjectName("result.skipped")
        self.facts = Collapsible("Details of the step", parent=self)
        self.facts.setObjectName("result.facts")
        self._facts = FactRows(self.facts)
        self.facts.body.addWidget(self._facts)
        layout = _column(self)
        layout.setSpacing(METRICS.gap)
        for widget in (self.title, self.outdated, self.card, self.notices, self.skipped, self.facts):
            layout.addWidget(widget)

    def show_view(self, view: NodeView | None) -> None:
        """Show the result of a node, or nothing."""
        self.setVisible(view is not None and view.result is not None)
        if view is None or view.result is None:
            return
        rows = result_rows(view)
        self.rows.show_rows(rows)
        self.card.setVisible(bool(rows))
        self.outdated.setVisible(view.outdated and view.node.step != SOURCE_STEP)
        self.title.setText("Result · outdated" if not self.outdated.isHidden() else "Result")
        self._show_cautions(view)
        self._show_folded(view)
        self.title.setVisible(bool(rows or view.cautions))

    def _show_cautions(self, view: NodeView) -> None:
        shown = (view.node.id, view.cautions)
        if shown == self._cautions:
            return
        self._cautions = shown
        clear(self._notices)
        for caution in view.cautions:
            self._notices.addWidget(self._caution(view, caution))
        self.notices.setVisible(bool(view.cautions))

    def _caution(self, view: NodeView, caution: Mapping[str, str]) -> Notice:
        text, hint = caution.get("message", ""), caution.get("hint", "")
        buttons = _buttons(view, f"{text} {hint}", self._steps, self._do)
        if self._open_graph is not None and any(word in text.lower() for word in GRAPH_WORDS):
            buttons.append(("Open in Model graph", self._open_graph))
        message = in_words(text, view.spec, self._steps)
        return Notice("warn", message, in_words(hint, view.spec, self._steps), buttons)

    def _show_folded(self, view: NodeView) -> None:
        skipped, facts = skipped_of(view), fact_rows(view)
        shown = (view.node.id, tuple(skipped), tuple(facts))
        if shown == self._folded:
            return
        self._folded = shown
        clear(self.skipped.body)
        reasons: dict[str, list[str]] = {}
        for layer, reason in skipped:
            reasons.setdefault(reason, []).append(layer)
        for reason, layers in reasons.items():
            names = ", ".join(layers[:20]) + (f" and {len(layers) - 20} more" if len(layers) > 20 else "")
            self.skipped.body.addWidget(wrapped(reason, "", self.skipped))
            self.skipped.body.addWidget(wrapped(names, "muted", self.skipped))
        self.skipped.set_title(f"{len(skipped)} layer{'s' if len(skipped) != 1 else ''} left alone")
        self.skipped.setVisible(bool(skipped))
        self._facts.show_rows(facts)
        self.facts.setVisible(bool(facts))


def _buttons(view: NodeView, text: str, steps: StepRegistry, do: Do) -> list[tuple[str, Callable[[], object]]]:
    fixes = fixes_for(text, view.spec, view.node.params, steps)
    return [(fix.label, lambda fix=fix: do(fix)) for fix in fixes]


def _column(parent: QWidget) -> QVBoxLayout:
    layout = QVBoxLayout(parent)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(METRICS.gap // 2)
    return layout
