"""The help page of a step beside its form."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import (
    QFont,
    QKeyEvent,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
)
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
        lines = page.read_text(encoding="utf-8").splitlines()
        return "\n".join(line for line in lines if not line.startswith(f"`{spec.id}`"))
    return f"# {spec.title}\n\n{spec.summary}\n\n{spec.help}"


def set_text(document: QTextDocument) -> None:
    """Give a page the room between paragraphs and the weights of the window."""
    cursor = QTextCursor(document)
    block = document.begin()
    while block.isValid():
        level = block.blockFormat().headingLevel()
        cursor.setPosition(block.position())
        room = QTextBlockFormat()
        room.setTopMargin(METRICS.gap if level > 1 else 0)
        room.setBottomMargin(METRICS.gap // 2 if block.textList() is not None else METRICS.gap)
        cursor.mergeBlockFormat(room)
        parts = block.begin()
        while not parts.atEnd():
            part = parts.fragment()
            if level or part.charFormat().fontWeight() > QFont.Weight.Normal:
                cursor.setPosition(part.position())
                cursor.setPosition(part.position() + part.length(), QTextCursor.MoveMode.KeepAnchor)
                look = QTextCharFormat()
                look.setFontWeight(QFont.Weight.DemiBold)
                if level:
                    size = METRICS.title_font + (2 if level == 1 else 0)
                    look.setProperty(QTextFormat.Property.FontSizeAdjustment, 0)
                    look.setProperty(QTextFormat.Property.FontPixelSize, size)
                cursor.mergeCharFormat(look)
            parts += 1
        block = block.next()


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
        self.browser.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(METRICS.gap // 2, METRICS.gap // 2, METRICS.gap // 2, METRICS.gap // 2)
        layout.addWidget(self.browser)

    def show_page(self, markdown: str, beside: QWidget) -> None:
        """Show a page left of a widget, inside the screen."""
        self.browser.document().setDefaultFont(current.font())
        self.browser.document().setDocumentMargin(METRICS.pad)
        self.browser.setMarkdown(markdown)
        set_text(self.browser.document())
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
