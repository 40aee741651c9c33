"""The text of the style sheet. Widgets ask for a look by properties: kind, surface, role, tone, pill, level."""

from __future__ import annotations

SHEET = """
QMainWindow, QDialog, QMessageBox { background: $window; }
QToolTip { background: $raised; color: $text; border: 1px solid $strong_border; padding: 6px 8px; font-size: 12px; }

/* text */
QLabel { background: transparent; }
QLabel[role="title"] { font-weight: 600; }
QLabel[role="heading"] { font-size: ${title_font}px; font-weight: 600; }
QLabel[role="hero"] { font-size: ${hero_font}px; font-weight: 600; }
QLabel[role="hint"] { font-size: 14px; font-weight: 500; }
QLabel[role="section"] { color: $muted; font-size: ${small_font}px; font-weight: 600; letter-spacing: 0.6px; }
QLabel[role="small"] { font-size: ${small_font}px; }
QLabel[role="key"] { color: $muted; background: $raised; border: 1px solid $strong_border;
  border-radius: ${small_radius}px; padding: 1px 6px; font-size: ${small_font}px; }
QLabel[tone="muted"] { color: $muted; }
QLabel[tone="faint"] { color: $faint; }
QLabel[tone="good"] { color: $good; }
QLabel[tone="warn"] { color: $warn; }
QLabel[tone="bad"] { color: $bad; }
QLabel[tone="info"] { color: $info; }
QLabel[tone="accent"] { color: $accent; }
QLabel:disabled { color: $faint; }
QLabel[pill] { border-radius: 8px; padding: 1px 8px; font-size: ${small_font}px; font-weight: 500; }
QLabel[pill="good"] { color: $good; background: $good_veil; }
QLabel[pill="warn"] { color: $warn; background: $warn_veil; }
QLabel[pill="bad"] { color: $bad; background: $bad_veil; }
QLabel[pill="info"] { color: $info; background: $info_veil; }
QLabel[pill="accent"] { color: $accent; background: $accent_veil; }
QLabel[pill="muted"] { color: $muted; background: $muted_veil; }

/* surfaces */
QFrame[surface="card"] { background: $card; border: 1px solid $border; border-radius: ${radius}px; }
QWidget[surface="panel"] { background: $panel; }
QWidget[surface="window"] { background: $window; }
QWidget[surface="canvas"] { background: $canvas; }
QFrame[surface="popup"] { background: $card; border: 1px solid $strong_border; border-radius: 8px; }
QFrame[surface="toast"] { background: $raised; border: 1px solid $strong_border; border-left: 3px solid $info;
  border-radius: ${radius}px; }
QFrame[surface="toast"][level="good"] { border-left-color: $good; }
QFrame[surface="toast"][level="warn"] { border-left-color: $warn; }
QFrame[surface="toast"][level="bad"] { border-left-color: $bad; }
QFrame[surface="toast"]:focus { border-color: $accent; }
QFrame[frameShape="4"], QFrame[frameShape="5"] { color: $border; }

/* buttons */
QPushButton { background: $raised; color: $text; border: 1px solid $strong_border; border-radius: ${radius}px;
  padding: 0 12px; min-height: 26px; }
QPushButton:hover { background: $hover; }
QPushButton:pressed { background: $border; }
QPushButton:focus { border-color: $accent; }
QPushButton:disabled { color: $faint; background: transparent; border-color: $border; }
QPushButton:checked { background: $selection; border-color: $accent; }
QPushButton[kind="primary"], QDialog QPushButton:default { background: $accent; color: $accent_text;
  border-color: $accent; font-weight: 600; }
QPushButton[kind="primary"]:hover, QDialog QPushButton:default:hover { background: $info; border-color: $info; }
QPushButton[kind="primary"]:focus, QDialog QPushButton:default:focus { border-color: $text; }
QPushButton[kind="primary"]:disabled, QDialog QPushButton:default:disabled { background: $raised; color: $faint;
  border-color: $border; }
QPushButton[kind="danger"] { color: $bad; }
QPushButton[kind="small"] { min-height: 20px; padding: 0 8px; border-radius: ${small_radius}px; font-size: 12px; }
QPushButton[kind="quiet"] { background: transparent; border-color: transparent; padding: 0 8px; min-height: 24px; }
QPushButton[kind="quiet"]:hover { background: $hover; }
QPushButton[kind="quiet"]:focus { border-color: $accent; }
QPushButton[kind="quiet"]:checked { background: $selection; border-color: $accent; }
QPushButton[kind="link"] { background: transparent; border: 1px solid transparent; color: $accent; padding: 0 4px;
  min-height: 20px; }
QPushButton[kind="link"]:hover { text-decoration: underline; }
QPushButton[kind="link"]:focus { border-color: $accent; }
QPushButton[kind="link"]:disabled { color: $faint; }
QPushButton::menu-indicator { image: icon(chevron-down, muted); width: 12px; height: 12px; right: 6px;
  subcontrol-origin: padding; subcontrol-position: right center; }

QToolButton { background: transparent; color: $text; border: 1px solid transparent; border-radius: ${small_radius}px;
  padding: 3px; }
QToolButton:hover { background: $hover; }
QToolButton:pressed { background: $border; }
QToolButton:checked { background: $selection; }
QToolButton:focus { border-color: $accent; }
QToolButton:disabled { color: $faint; background: transparent; }
QToolButton::menu-indicator { image: none; }
QToolButton::menu-button { border: none; width: 18px; background: transparent; }
QToolButton::menu-arrow { image: icon(chevron-down, muted); width: 10px; height: 10px; }
QToolButton[kind="icon"] { min-width: 18px; min-height: 18px; }
QToolButton[kind="fold"] { color: $muted; font-weight: 500; padding: 2px 6px 2px 2px; }
QToolButton[kind="fold"]:checked { background: transparent; }
QToolButton[kind="fold"]:hover { color: $text; }
QWidget[kind="segments"] { background: $window; border: 1px solid $border; border-radius: ${radius}px; }
QToolButton[kind="segment"] { color: $muted; padding: 2px 10px; }
QToolButton[kind="segment"]:hover { color: $text; background: transparent; }
QToolButton[kind="segment"]:checked { color: $text; background: $raised; border-color: $strong_border;
  font-weight: 500; }
QToolButton[kind="segment"]:focus { border-color: $accent; }
QToolButton[kind="segment"]:disabled { color: $faint; }

/* fields */
QLineEdit, QPlainTextEdit, QTextEdit, QTextBrowser, QAbstractSpinBox, QComboBox {
  background: $field; color: $text; border: 1px solid $strong_border; border-radius: ${small_radius}px;
  selection-background-color: $selection; selection-color: $text; }
QLineEdit, QAbstractSpinBox, QComboBox { padding: 0 8px; min-height: 24px; }
QPlainTextEdit, QTextEdit, QTextBrowser { padding: 4px 6px; }
QLineEdit:hover, QAbstractSpinBox:hover, QComboBox:hover { border-color: $faint; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QAbstractSpinBox:focus, QComboBox:focus, QComboBox:on {
  border-color: $accent; }
QLineEdit:disabled, QPlainTextEdit:disabled, QAbstractSpinBox:disabled, QComboBox:disabled { color: $faint;
  background: transparent; border-color: $border; }
QLineEdit[state="bad"], QAbstractSpinBox[state="bad"], QComboBox[state="bad"] { border-color: $bad; }
QLineEdit[kind="plain"] { border: none; background: transparent; font-size: ${title_font}px; min-height: 32px; }
QLineEdit[kind="search"] { border-radius: ${radius}px; }
QLineEdit QToolButton { border: none; padding: 0; background: transparent; }
QAbstractSpinBox { padding-right: 20px; qproperty-alignment: 'AlignRight | AlignVCenter'; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { subcontrol-origin: border; width: 18px; border: none;
  background: transparent; }
QAbstractSpinBox::up-button { subcontrol-position: top right; }
QAbstractSpinBox::down-button { subcontrol-position: bottom right; }
QAbstractSpinBox::up-button:hover, QAbstractSpinBox::down-button:hover { background: $hover; }
QAbstractSpinBox::up-arrow { image: icon(chevron-up, muted); width: 10px; height: 10px; }
QAbstractSpinBox::down-arrow { image: icon(chevron-down, muted); width: 10px; height: 10px; }
QAbstractSpinBox::up-arrow:disabled, QAbstractSpinBox::up-arrow:off { image: icon(chevron-up, faint); }
QAbstractSpinBox::down-arrow:disabled, QAbstractSpinBox::down-arrow:off { image: icon(chevron-down, faint); }
QComboBox { background: $raised; padding-right: 16px; }
QComboBox::drop-down { subcontrol-origin: padding; subcontrol-position: right center; width: 20px; border: none; }
QComboBox::down-arrow { image: icon(chevron-down, muted); width: 12px; height: 12px; }
QComboBox::down-arrow:disabled { image: icon(chevron-down, faint); }
QComboBox QAbstractItemView { background: $card; border: 1px solid $strong_border; padding: 4px; outline: none; }
QComboBox QAbstractItemView::item { min-height: 24px; padding: 0 6px; border-radius: ${small_radius}px; }
QComboBox QAbstractItemView::item:selected { background: $selection; color: $text; }

/* ticks */
QCheckBox, QRadioButton { spacing: 8px; background: transparent; }
QCheckBox:disabled, QRadioButton:disabled { color: $faint; }
QCheckBox::indicator, QAbstractItemView::indicator, QRadioButton::indicator, QGroupBox::indicator {
  width: 14px; height: 14px; border: 1px solid $faint; background: $field; border-radius: 3px; }
QRadioButton::indicator { border-radius: 8px; }
QCheckBox::indicator:hover, QRadioButton::indicator:hover, QCheckBox::indicator:focus, QRadioButton::indicator:focus {
  border-color: $accent; }
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked, QGroupBox::indicator:checked {
  background: $accent; border-color: $accent; image: icon(check, accent_text); }
QCheckBox::indicator:indeterminate, QAbstractItemView::indicator:indeterminate {
  background: $accent; border-color: $accent; image: icon(minus, accent_text); }
QRadioButton::indicator:checked { background: $accent_text; border: 5px solid $accent; width: 6px; height: 6px; }
QCheckBox::indicator:checked:focus { border-color: $text; }
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled { border-color: $border; background: transparent; }
QCheckBox::indicator:checked:disabled { background: $strong_border; image: icon(check, faint); }

/* sliders and progress */
QSlider { background: transparent; min-height: 20px; }
QSlider::groove:horizontal { height: 4px; border-radius: 2px; background: $strong_border; }
QSlider::sub-page:horizontal { height: 4px; border-radius: 2px; background: $accent; }
QSlider::handle:horizontal { width: 14px; height: 14px; margin: -6px 0; border-radius: 8px; background: #ffffff;
  border: 1px solid $faint; }
QSlider::handle:horizontal:hover { border-color: $accent; }
QSlider::handle:horizontal:focus { border: 2px solid $accent; width: 12px; height: 12px; }
QSlider::sub-page:horizontal:disabled, QSlider::groove:horizontal:disabled { background: $border; }
QSlider::handle:horizontal:disabled { background: $raised; border-color: $border; }
QProgressBar { background: $strong_border; border: none; border-radius: 2px; min-height: 4px; max-height: 4px;
  color: transparent; }
QProgressBar::chunk { background: $accent; border-radius: 2px; }
QProgressBar::chunk:disabled { background: $faint; }
QProgressBar[tone="warn"]::chunk { background: $warn; }
QProgressBar[tone="good"]::chunk { background: $good; }

/* menus and bars */
QMenuBar { background: $panel; border-bottom: 1px solid $border; padding: 1px 4px; }
QMenuBar::item { padding: 5px 10px; background: transparent; color: $muted; border-radius: ${small_radius}px; }
QMenuBar::item:selected, QMenuBar::item:pressed { background: $hover; color: $text; }
QMenu { background: $card; border: 1px solid $strong_border; padding: 5px; }
QMenu::item { padding: 5px 28px 5px 10px; border-radius: ${small_radius}px; border: 1px solid transparent; }
QMenu::item:selected { background: $selection; }
QMenu::item:disabled { color: $faint; background: transparent; }
QMenu::icon { padding-left: 8px; }
QMenu::separator { height: 1px; background: $border; margin: 5px 8px; }
QMenu::right-arrow { image: icon(chevron-right, muted); width: 12px; height: 12px; right: 6px; }
QMenu::indicator { width: 14px; height: 14px; left: 6px; }
QMenu::indicator:checked { image: icon(check, accent); }
QToolBar { background: $panel; border: none; border-bottom: 1px solid $border; spacing: 6px; padding: 6px 8px;
  qproperty-iconSize: 16px 16px; }
QToolBar::separator { background: transparent; width: 10px; }
QToolBar > QToolButton { background: $raised; border: 1px solid $border; border-radius: ${radius}px;
  padding: 4px 3px 4px 9px; min-height: 18px; }
QToolBar > QToolButton#device_button { padding: 4px 6px; }
QToolBar > QToolButton[popupMode="1"] { padding-right: 19px; }
QToolBar > QToolButton:hover { background: $hover; }
QToolBar > QToolButton:pressed { background: $border; }
QToolBar > QToolButton:focus { border-color: $accent; }
QToolBar > QToolButton:disabled { background: transparent; color: $faint; }
QToolBar > QToolButton[kind="primary"] { background: $accent; border-color: $accent; color: $accent_text;
  font-weight: 600; }
QToolBar > QToolButton[kind="primary"]:hover { background: $info; }
QToolBar > QToolButton[kind="primary"]:disabled { background: $raised; border-color: $border; color: $faint; }
QToolBarExtension { min-width: 14px; padding: 2px; }
QStatusBar { background: $panel; border-top: 1px solid $border; color: $muted; }
QStatusBar QLabel { color: $muted; }
QStatusBar::item { border: none; }

/* tabs */
QTabBar { background: transparent; qproperty-drawBase: 0; }
QTabBar::tab { background: transparent; color: $muted; padding: 6px 12px; border: 1px solid transparent;
  border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: $text; border-bottom: 2px solid $accent; }
QTabBar::tab:hover { color: $text; }
QTabBar::tab:selected:focus { background: $accent_veil; }
QTabBar::tab:disabled { color: $faint; }
QTabBar QToolButton { background: $panel; border: 1px solid $border; }
QTabBar::scroller { width: 36px; }
QTabBar QToolButton::right-arrow { image: icon(chevron-right, muted); width: 12px; height: 12px; }
QTabBar QToolButton::left-arrow { image: icon(chevron-left, muted); width: 12px; height: 12px; }
QTabBar::close-button { image: icon(close, muted); }
QTabWidget { background: $panel; }
QTabWidget::pane { border: none; border-top: 1px solid $border; }

/* tables, lists, trees */
QAbstractItemView { outline: none; }
QTableView, QTreeView, QListView { background: $panel; border: none; alternate-background-color: $card;
  selection-background-color: $selection; selection-color: $text; gridline-color: $border; }
QTableView::item, QTreeView::item, QListView::item { padding: 0 6px; border: 1px solid transparent; min-height: 24px; }
QTableView::item:hover, QTreeView::item:hover, QListView::item:hover { background: $card; }
QTableView::item:selected, QTreeView::item:selected, QListView::item:selected { background: $selection; color: $text; }
QTableView::item:disabled, QTreeView::item:disabled, QListView::item:disabled { color: $faint; }
QListView:focus, QTreeView:focus { border: none; }
QListView[kind="popup"] { background: transparent; }
QTreeView::branch { background: transparent; }
QTreeView::branch:has-children:closed { image: icon(chevron-right, muted); padding: 4px; }
QTreeView::branch:has-children:open { image: icon(chevron-down, muted); padding: 4px; }
QHeaderView { background: $panel; border: none; }
QHeaderView::section { background: $panel; color: $muted; border: none; border-bottom: 1px solid $border;
  padding: 4px 7px; font-weight: 400; }
QHeaderView::section:hover { color: $text; }
QHeaderView::down-arrow { image: icon(chevron-down, muted); width: 11px; height: 11px; right: 4px; }
QHeaderView::up-arrow { image: icon(chevron-up, muted); width: 11px; height: 11px; right: 4px; }
QTableCornerButton::section { background: $panel; border: none; }

/* scrolling and splitting */
QScrollArea { border: none; background: transparent; }
QAbstractScrollArea::corner { background: transparent; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $strong_border; border-radius: 3px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover, QScrollBar::handle:pressed { background: $faint; }
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page { background: none;
  border: none; width: 0; height: 0; }
QSplitter::handle { background: $border; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }
QSplitter::handle:hover, QMainWindow::separator:hover { background: $accent; }
QMainWindow::separator { background: $border; width: 1px; height: 1px; }

/* docks and groups */
QDockWidget { color: $muted; }
QWidget[kind="dock_title"] { background: $panel; border-bottom: 1px solid $border; }
QGroupBox { border: 1px solid $border; border-radius: ${radius}px; margin-top: 10px; padding: 10px 8px 8px 8px; }
QGroupBox::title { subcontrol-origin: margin; left: 10px; padding: 0 4px; color: $muted; }
"""
