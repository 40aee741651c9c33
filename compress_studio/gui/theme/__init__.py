"""Colours, fonts, icons: one set of tokens, read by the palette, the style sheet, the charts and the canvas."""
