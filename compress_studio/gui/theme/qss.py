"""The one style sheet of the window, made from tokens."""

from __future__ import annotations

from string import Template

from compress_studio.gui.theme.tokens import METRICS, Tokens

SHEET = Template("""
QWidget { color: $text; font-size: ${font}px; }
QMainWindow, QDialog { background: $window; }
QToolTip { background: $raised; color: $text; border: 1px solid $strong_border; padding: 6px; }
QPushButton { background: $raised; border: 1px solid $border; border-radius: ${radius}px; padding: 5px 12px; }
QPushButton:hover { background: $hover; }
QPushButton:focus { border-color: $accent; }
QPushButton:disabled { color: $faint; }
QPushButton[kind="primary"] { background: $accent; color: $accent_text; border-color: $accent; font-weight: 600; }
QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox, QComboBox {
  background: $window; border: 1px solid $border; border-radius: ${radius}px; padding: 4px 8px;
  selection-background-color: $selection; selection-color: $text; }
QLineEdit:focus, QPlainTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus { border-color: $accent; }
QMenuBar { background: $panel; border-bottom: 1px solid $border; }
QMenuBar::item { padding: 5px 10px; background: transparent; }
QMenuBar::item:selected { background: $hover; border-radius: ${small_radius}px; }
QMenu { background: $card; border: 1px solid $strong_border; padding: 4px; }
QMenu::item { padding: 5px 24px; border-radius: ${small_radius}px; }
QMenu::item:selected { background: $selection; }
QMenu::item:disabled { color: $faint; }
QMenu::separator { height: 1px; background: $border; margin: 4px 8px; }
QToolBar { background: $panel; border: none; border-bottom: 1px solid $border; spacing: 6px; padding: 6px 8px; }
QStatusBar { background: $panel; border-top: 1px solid $border; color: $muted; }
QStatusBar::item { border: none; }
QTabBar::tab { background: transparent; color: $muted; padding: 7px 14px; border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; }
QTabBar::tab:hover { color: $text; }
QTabWidget::pane { border: none; }
QHeaderView::section { background: $panel; color: $muted; border: none; padding: 5px 8px;
  border-bottom: 1px solid $border; }
QTableView, QTreeView, QListView { background: $panel; border: none; alternate-background-color: $card;
  selection-background-color: $selection; selection-color: $text; }
QScrollArea { border: none; background: transparent; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $strong_border; border-radius: 4px; min-height: 24px; min-width: 24px; margin: 2px; }
QScrollBar::handle:hover { background: $faint; }
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {
  background: none; border: none; width: 0; height: 0; }
QSplitter::handle { background: $border; }
QMainWindow::separator { background: $border; width: 1px; height: 1px; }
QProgressBar { background: $raised; border: none; border-radius: 3px; max-height: 6px; text-align: center; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }
QLabel[tone="muted"] { color: $muted; }
QLabel[tone="good"] { color: $good; }
QLabel[tone="warn"] { color: $warn; }
QLabel[tone="bad"] { color: $bad; }
QFrame[surface="card"] { background: $card; border: 1px solid $border; border-radius: ${radius}px; }
QWidget[surface="panel"] { background: $panel; }
""")


def style_sheet(tokens: Tokens) -> str:
    """The style sheet of a theme."""
    colors = {name: getattr(tokens, name) for name in Tokens.__slots__ if isinstance(getattr(tokens, name), str)}
    sizes = {name: getattr(METRICS, name) for name in ("font", "small_font", "radius", "small_radius")}
    return SHEET.substitute(colors, **sizes)
