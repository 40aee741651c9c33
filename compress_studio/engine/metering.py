"""Takes the measurements of a run in worker processes, and tells them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from compress_studio.engine.cache import Store
from compress_studio.engine.cancel import CancelToken
from compress_studio.engine.channel import Message, Progress
from compress_studio.engine.events import (
    MeasurementFailed,
    MeasurementTaken,
    NodeProgress,
    Note,
    QuietBegan,
    QuietEnded,
    Sink,
)
from compress_studio.engine.lanes import Lanes
from compress_studio.engine.measuring import Measuring, Subject, Wanted
from compress_studio.engine.records import Cause, Failure, Measurement, reading_from_json
from compress_studio.engine.work import WorkSetting
from compress_studio.engine.worker import WorkFailed
from compress_studio.project.pipeline import NodeId


class Metering:
    """The measuring part of one run."""

    def __init__(
        self,
        measuring: Measuring,
        store: Store,
        lanes: Lanes,
        emit: Sink,
        token: CancelToken,
        setting: Callable[[NodeId], WorkSetting],
        taken: dict[str, Measurement],
    ) -> None:
        self._measuring = measuring
        self._store = store
        self._lanes = lanes
        self._emit = emit
        self._token = token
        self._setting = setting
        self._taken = taken
        """By key, what this run measured: used again even when the ledger is not."""

    def soon(self, subject: Subject) -> None:
        """Measure a result as soon as it is there, except for timings."""
        for wanted in self._measuring.soon(subject):
            if not self._tell_known(wanted) and not self._token.cancelled:
                self._measure([wanted])

    def last(self, subjects: Iterable[Subject]) -> None:
        """Take the timings of all results, those of one meter in one session, while nothing else runs."""
        for group in self._measuring.last(subjects):
            missing = [wanted for wanted in group if not self._tell_known(wanted)]
            if missing and not self._token.cancelled:
                expected = self._store.expected_seconds(self._clock_name(missing[0]), "", self._size(missing))
                self._emit(QuietBegan(expected))
                try:
                    self._measure(missing)
                finally:
                    self._emit(QuietEnded())

    def _tell_known(self, wanted: Wanted) -> bool:
        known = self._taken.get(wanted.key) or self._measuring.known(wanted)
        if known is not None:
            self._tell(wanted, known, cached=wanted.key not in self._taken)
        return known is not None

    def _measure(self, group: list[Wanted]) -> None:
        """Measure the subjects of one meter and reference in one call."""
        once = list({wanted.key: wanted for wanted in group}.values())
        begun = time.perf_counter()
        try:
            with self._store.session.scratch() as folder:
                rows: list[list[Any]] = self._ask(once, str(folder), group).result()
        except WorkFailed as failed:
            self._tell_failure(group, failed.failure)
            return
        seconds = time.perf_counter() - begun
        self._store.remember_duration(self._clock_name(once[0]), "", self._size(once), seconds)
        for wanted, readings in zip(once, rows, strict=True):
            taken = Measurement(
                wanted.subject.digest,
                wanted.spec.id,
                wanted.spec.version,
                wanted.conditions,
                tuple(reading_from_json(one) for one in readings),
                seconds,
            )
            self._store.record(wanted.key, taken)
            self._taken[wanted.key] = taken
        for wanted in group:
            self._tell(wanted, self._taken[wanted.key], cached=False)

    def _ask(self, once: list[Wanted], scratch: str, group: list[Wanted]) -> Future[Any]:
        first = once[0]
        lane = self._lanes.measure if first.spec.together else self._lanes.compute
        threads = self._measuring.threads(first.spec)
        reference = first.subject.reference

        def listen(message: Message) -> None:
            if isinstance(message, Progress):
                for wanted in group:
                    progress = NodeProgress(wanted.subject.node, message.fraction, message.note, meter=first.spec.id)
                    self._emit(progress)

        arguments = (
            replace(self._setting(first.subject.node), threads=threads),
            first.spec.id,
            dict(first.use.params),
            tuple(self._file(wanted.subject.digest) for wanted in once),
            self._file(reference),
            scratch,
        )
        return lane.ask("compress_studio.engine.work:run_meter", arguments, listen, self._token)

    def _file(self, digest: str) -> tuple[str, str]:
        return str(self._store.blobs.path(digest)), digest

    def _tell(self, wanted: Wanted, taken: Measurement, *, cached: bool) -> None:
        node, meter = wanted.subject.node, wanted.spec.id
        self._emit(MeasurementTaken(node, meter, taken.subject, taken.readings, taken.conditions, cached))

    def _tell_failure(self, group: list[Wanted], failure: Failure) -> None:
        for wanted in group:
            node, meter = wanted.subject.node, wanted.spec.id
            if failure.cause is Cause.REFUSED:
                self._emit(Note(f"{wanted.spec.title} was not measured: {failure.message}", node))
            elif failure.cause is not Cause.CANCELLED:
                self._emit(MeasurementFailed(node, meter, failure))

    def _clock_name(self, wanted: Wanted) -> str:
        return f"meter {wanted.spec.id}"

    def _size(self, group: list[Wanted]) -> int:
        artifacts = [self._store.artifact(wanted.subject.digest) for wanted in group]
        return sum(one.size for one in artifacts if one is not None)
