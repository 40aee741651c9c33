"""The help page of a step beside its form."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QTextBrowser, QVBoxLayout, QWidget

from compress_studio.base.paths import resource
from compress_studio.gui.theme import current
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.spec.step import StepSpec

SIZE = QSize(460, 520)


def help_page(spec: StepSpec) -> str:
    """What is to be read about a step, as Markdown: its page, else what its declaration says."""
    page = resource("help") / "steps" / f"{spec.id}.md"
    if page.is_file():
        return page.read_text(encoding="utf-8")
    return f"# {spec.title}\n\n{spec.summary}\n\n{spec.help}"


class HelpPopover(QFrame):
    """A page to read, gone with Esc or a click beside it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("help_popover")
        self.setProperty("surface", "card")
        self.browser = QTextBrowser(self)
        self.browser.setObjectName("help_popover.page")
        self.browser.setAccessibleName("Help")
        self.browser.setOpenExternalLinks(True)
        self.browser.setFrameShape(QFrame.Shape.NoFrame)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(METRICS.gap // 2, METRICS.gap // 2, METRICS.gap // 2, METRICS.gap // 2)
        layout.addWidget(self.browser)

    def show_page(self, markdown: str, beside: QWidget) -> None:
        """Show a page left of a widget, inside the screen."""
        self.browser.document().setDefaultFont(current.font())
        self.browser.document().setDocumentMargin(METRICS.pad)
        self.browser.setMarkdown(markdown)
        screen = beside.screen().availableGeometry()
        size = SIZE.boundedTo(screen.size() - QSize(2 * METRICS.pad, 2 * METRICS.pad))
        self.resize(size)
        corner = beside.mapToGlobal(QPoint(beside.width() - size.width(), beside.height() + METRICS.gap // 2))
        x = max(screen.left() + METRICS.pad, min(corner.x(), screen.right() - size.width() - METRICS.pad))
        y = max(screen.top() + METRICS.pad, min(corner.y(), screen.bottom() - size.height() - METRICS.pad))
        self.move(x, y)
        self.show()
        self.browser.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)
