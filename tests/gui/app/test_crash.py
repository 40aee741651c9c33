"""No exception closes the window silently, wherever it comes from."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QTimer, Signal, qWarning
from PySide6.QtGui import QGuiApplication, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QPushButton, QWidget

from compress_studio.gui import overrides
from compress_studio.gui.crash import Caught, CrashGuard, describe, last_lines, versions
from compress_studio.gui.dialogs.asking import Report
from compress_studio.gui.dialogs.problem import ProblemDialog, show_problem


@pytest.fixture
def reports() -> list[Report]:
    return []


@pytest.fixture
def guard(reports: list[Report], tmp_path: Path, qtbot, caplog: pytest.LogCaptureFixture) -> Iterator[CrashGuard]:
    made = CrashGuard(reports.append)
    made.install(tmp_path)
    yield made
    made.uninstall()
    caplog.get_records("call").clear()


class Sender(QObject):
    pressed = Signal()


def boom() -> None:
    raise ValueError("the slot broke")


def test_an_exception_in_a_slot_is_reported_and_the_program_goes_on(guard, reports, qtbot) -> None:
    sender = Sender()
    sender.pressed.connect(boom)
    sender.pressed.emit()
    qtbot.waitUntil(lambda: len(reports) == 1)
    assert "the slot broke" in reports[0].text
    assert "saved by itself" in reports[0].text
    assert "test_crash.py" in reports[0].details
    assert "Compress Studio" in reports[0].details


def test_an_exception_in_a_timer_is_reported(guard, reports, qtbot) -> None:
    QTimer.singleShot(0, boom)
    qtbot.waitUntil(lambda: len(reports) == 1)


class Painting(QWidget):
    def paintEvent(self, event: QPaintEvent) -> None:
        raise RuntimeError("the paint broke")


class Dividing(QWidget):
    def resizeEvent(self, event: QResizeEvent) -> None:
        event.size().width() / 0  # what C code raises travels half made up to Python 3.11


def test_an_exception_of_c_code_in_a_method_that_qt_calls_does_not_end_the_process(qtbot) -> None:
    overrides.install()
    widget = Dividing()
    qtbot.addWidget(widget)
    with qtbot.capture_exceptions() as caught:
        try:
            widget.show()
        except ZeroDivisionError as error:
            caught.append((ZeroDivisionError, error, None))
        widget.hide()
    assert caught[0][0] is ZeroDivisionError


def test_an_exception_in_a_virtual_method_of_qt_is_reported(guard, reports, qtbot) -> None:
    widget = Painting()
    qtbot.addWidget(widget)
    widget.show()
    qtbot.waitUntil(lambda: bool(reports))
    assert "the paint broke" in reports[0].text
    widget.hide()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_exception_in_a_thread_is_reported_in_the_thread_of_the_window(guard, qtbot, reports) -> None:
    where: list[threading.Thread] = []
    guard._show = lambda report: (reports.append(report), where.append(threading.current_thread()))
    thread = threading.Thread(target=boom, name="worker-7")
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: len(reports) == 1)
    assert "worker-7" in reports[0].text
    assert where == [threading.main_thread()]


def test_the_same_bug_again_is_counted(guard, reports, qtbot) -> None:
    sender = Sender()
    sender.pressed.connect(boom)
    for _ in range(3):
        sender.pressed.emit()
    qtbot.waitUntil(lambda: len(reports) == 3)
    assert [one.count for one in reports] == [1, 2, 3]


def test_what_qt_says_goes_to_the_log(guard, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "compress_studio.qt"):
        qWarning("a strange thing")
    assert "a strange thing" in caplog.text


def test_the_report_holds_versions_the_end_of_the_log_and_the_trace(tmp_path: Path) -> None:
    log = tmp_path / "window.log"
    log.write_text("\n".join(f"line {number}" for number in range(100)))
    report = describe(Caught("KeyError", "", "", "Traceback: here"), log)
    assert "KeyError" in report.text
    assert "line 99" in report.details
    assert "line 10\n" not in report.details
    assert "Traceback: here" in report.details
    assert "PySide6" in versions()
    assert last_lines(tmp_path / "none") == "(no log)"


def test_one_dialog_is_shown_at_a_time_and_counts(qtbot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    first = Report("Something went wrong", "A bug.", "trace 1")
    for _ in range(3):
        show_problem(first, window)
    show_problem(Report("Something went wrong", "Another bug.", "trace 2"), window)
    (dialog,) = window.findChildren(ProblemDialog)
    assert dialog.isVisible()
    assert dialog.report.count == 3
    assert "(3 times)" in dialog.findChild(QWidget, "problem_title").text()
    assert "1 other problem" in dialog.findChild(QWidget, "problem_text").text()
    copy = dialog.findChild(QPushButton, "problem_copy")
    copy.click()
    assert "trace 1" in QGuiApplication.clipboard().text()
    assert copy.text() == "Copied"
    dialog.findChild(QPushButton, "problem_continue").click()
    qtbot.waitUntil(lambda: not window.findChildren(ProblemDialog))
    show_problem(first, window)
    assert len(window.findChildren(ProblemDialog)) == 1
