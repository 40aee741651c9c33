"""What is written on a node: from NodeView to words and tones. Pure, no Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape

from compress_studio.engine.summary import LESS_IS_BETTER, SHARES, Change, Summary
from compress_studio.gui import words
from compress_studio.gui.nodeview import NodeView, Shown
from compress_studio.gui.stepwords import in_words
from compress_studio.project.pipeline import NETWORK, SOURCE_STEP, TEACHER
from compress_studio.spec.ports import Port
from compress_studio.spec.registry import StepRegistry
from compress_studio.spec.step import Group

SHORT = {
    "top1": "accuracy",
    "auc": "AUC",
    "r2": "R²",
    "mae": "MAE",
    "rmse": "RMSE",
    "agreement": "agree",
    "cosine": "cos",
}
"""Names of qualities that fit above a number on a node."""
CLEARLY = 1.05
"""From this factor on something is smaller or faster."""


class Mark(StrEnum):
    """The sign before the word of a state."""

    DOT = "dot"
    RING = "ring"
    PIE = "pie"
    CROSS = "cross"
    BAR = "bar"


@dataclass(frozen=True, slots=True)
class Badge:
    """One number with its label."""

    label: str
    text: str
    tone: str = "text"


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that is painted of a node, apart from selection and the like."""

    group: str
    """A value of spec.step.Group."""
    state: str
    mark: Mark
    tone: str
    title: str
    subtitle: str
    badges: tuple[Badge, ...] = ()
    hint: str = ""
    """In the place of badges, when there is nothing to show."""
    progress: float | None = None
    faded: bool = False
    """The numbers belong to other parameters."""
    off: bool = False
    wrong: bool = False
    cautions: int = 0
    tip: str = ""
    """Rich text."""
    inputs: tuple[str, ...] = (NETWORK,)
    taught: bool = False
    """A teacher is connected."""


STATES: dict[Shown, tuple[str, Mark, str]] = {
    Shown.FRESH: ("done", Mark.DOT, "good"),
    Shown.STALE: ("not run", Mark.RING, "muted"),
    Shown.QUEUED: ("waiting", Mark.RING, "muted"),
    Shown.RUNNING: ("running", Mark.PIE, "warn"),
    Shown.MEASURING: ("measuring", Mark.PIE, "warn"),
    Shown.FAILED: ("failed", Mark.CROSS, "bad"),
    Shown.BLOCKED: ("blocked", Mark.BAR, "muted"),
    Shown.STOPPED: ("stopped", Mark.BAR, "muted"),
    Shown.OFF: ("off", Mark.BAR, "muted"),
    Shown.INVALID: ("cannot run", Mark.CROSS, "bad"),
    Shown.UNPLANNED: ("", Mark.RING, "muted"),
}


def look_of(
    view: NodeView,
    inputs: Sequence[str],
    connected: Sequence[str] = (),
    allowed_drop: float = 0.01,
    steps: StepRegistry | None = None,
) -> Look:
    """What to paint of a node. connected: the inputs that are fed; allowed_drop: the goal for quality, as a share.

    steps: those that messages may name.
    """
    state, mark, tone = _state(view)
    badges = _badges(view, allowed_drop)
    busy = view.state in {Shown.RUNNING, Shown.MEASURING}
    return Look(
        group=view.spec.group.value if view.spec is not None else Group.CUSTOM.value,
        state=state,
        mark=mark,
        tone=tone,
        title=view.title,
        subtitle=view.subtitle or _source_words(view) or ("" if view.spec is not None else "not installed here"),
        badges=badges,
        hint="" if badges else _hint(view),
        progress=view.progress if busy else None,
        faded=view.outdated,
        off=not view.node.on,
        wrong=view.state in {Shown.FAILED, Shown.INVALID},
        cautions=len(view.cautions),
        tip=_tip(view, state, steps),
        inputs=tuple(inputs),
        taught=TEACHER in connected,
    )


def _hint(view: NodeView) -> str:
    """What stands in the place of numbers."""
    if view.failure is not None:
        return view.failure.message
    if view.problem is not None:
        return view.problem.message
    if not view.node.on:
        return "passes on what arrives"
    return "not measured" if view.result is not None and not view.node.measured else "no result yet"


def input_ports(view: NodeView | None, connected: Sequence[str], step: str) -> tuple[str, ...]:
    """Names of the inputs of a node: those its step declares, else those that are in use."""
    if view is not None and view.spec is not None:
        declared: Sequence[Port] = view.spec.inputs
        return tuple(port.name for port in declared)
    if step == SOURCE_STEP:
        return ()
    return tuple(dict.fromkeys((NETWORK, *connected)))


def spoken(view: NodeView) -> str:
    """One sentence for screen readers."""
    parts = [view.title, _state(view)[0], view.subtitle]
    parts += [f"{badge.label} {badge.text}" for badge in _badges(view, 0.01) if badge.text != words.NOTHING]
    if view.cautions:
        parts.append(f"{len(view.cautions)} warnings")
    return ", ".join(part for part in parts if part)


def _state(view: NodeView) -> tuple[str, Mark, str]:
    word, mark, tone = STATES[view.state]
    if view.state is Shown.FRESH and view.result is not None and view.result.cached:
        word = "cached"
    elif view.state is Shown.STALE and view.result is not None:
        word = "outdated"
    elif view.state is Shown.RUNNING:
        word = f"running {round(100 * view.progress)}{words.THIN}%"
    elif view.state is Shown.MEASURING:
        word = "measuring…"
    if not view.node.on:
        word, mark, tone = STATES[Shown.OFF]
    return word, mark, tone


def _source_words(view: NodeView) -> str:
    """A source is described by what its network amounts to."""
    summary = view.summary
    if view.node.step != SOURCE_STEP or summary is None or summary.parameters is None:
        return ""
    return f"{words.count_text(summary.parameters.value)} parameters"


def _badges(view: NodeView, allowed_drop: float) -> tuple[Badge, ...]:
    summary = view.summary
    if summary is None or not (summary.quality or summary.bytes or summary.latency):
        return ()
    pending = "…" if view.state is Shown.MEASURING else words.NOTHING
    if view.node.step == SOURCE_STEP:
        return (
            Badge(_quality_label(summary), _value_text(summary.quality) or pending),
            Badge("size", words.bytes_text(summary.bytes.value) if summary.bytes else pending),
            Badge("latency", words.ms_text(summary.latency.value) if summary.latency else pending),
        )
    return (_quality_badge(summary, allowed_drop, pending), _size_badge(summary, pending), _speed(summary, pending))


def _quality_label(summary: Summary) -> str:
    return SHORT.get(summary.quality.name, summary.quality.name) if summary.quality else "quality"


def _value_text(change: Change | None) -> str:
    if change is None:
        return ""
    return words.percent_text(change.value) if change.name in SHARES else words.number_text(change.value)


def _quality_badge(summary: Summary, allowed: float, pending: str) -> Badge:
    change, label = summary.quality, _quality_label(summary)
    if change is None:
        return Badge(label, pending, "muted")
    if change.difference is None:
        return Badge(label, _value_text(change))
    drop = change.difference if change.name in LESS_IS_BETTER else -change.difference
    if change.name in SHARES:
        text = words.points_text(change.difference)
    else:
        sign = "+" if change.difference > 0 else "−" if change.difference < 0 else "±"
        text = f"{sign}{words.number_text(abs(change.difference))}"
        drop = drop / abs(change.base) if change.base else drop
    return Badge(label, text, "good" if drop <= allowed / 2 else "warn" if drop <= allowed else "bad")


def _size_badge(summary: Summary, pending: str) -> Badge:
    factor = summary.bytes.factor if summary.bytes else None
    if factor is None:
        return Badge("size", pending, "muted")
    return Badge("size", words.factor_text(factor), _tone(factor, factor))


def _speed(summary: Summary, pending: str) -> Badge:
    change = summary.speedup
    if change is not None:
        low, high = change.low or change.value, change.high or change.value
        return Badge("latency", words.factor_text(change.value), _tone(low, high))
    factor = summary.latency.factor if summary.latency else None
    if factor is None:
        return Badge("latency", pending, "muted")
    return Badge("latency", words.factor_text(factor), _tone(factor, factor))


def _tone(low: float | None, high: float | None) -> str:
    """Good when even the low end of a factor is a gain, bad when even the high end is a loss."""
    if low is not None and low >= CLEARLY:
        return "good"
    return "bad" if high is not None and high <= 1 / CLEARLY else "muted"


def _tip(view: NodeView, state: str, steps: StepRegistry | None) -> str:
    """Title, state and reason, what is going on, and every caution."""
    lines = [f"<span style='font-weight:600'>{escape(view.title)}</span>"]
    if view.spec is not None and view.node.step != SOURCE_STEP:
        lines.append(escape(view.spec.summary))
    note = view.note if view.state in {Shown.RUNNING, Shown.MEASURING} else ""
    left = f"{words.seconds_text(view.remaining)} left" if view.remaining else ""
    lines.append(escape(" · ".join(part for part in (state, note, left) if part)))
    if view.failure is not None:
        lines.append(f"<span style='font-weight:600'>{escape(view.failure.message)}</span> {escape(view.failure.hint)}")
    elif view.problem is not None:
        lines.append(f"<span style='font-weight:600'>{escape(view.problem.message)}</span> {escape(view.problem.hint)}")
    lines += [f"⚠ {escape(caution.get('message', ''))}" for caution in view.cautions]
    if view.outdated:
        lines.append("The numbers belong to earlier settings. Run to renew them.")
    text = "<br>".join(line for line in lines if line)
    return text if steps is None else in_words(text, view.spec, steps)
