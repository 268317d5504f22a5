"""Charts, drawn by the server as SVG that fits any width: plain data in, markup out. See docs/adr/0029.

Positions along the x axis are percentages and heights are pixels, so texts keep their size at every width. Colours are
classes (`slot-1` …), so light, dark, print and forced colours need only one drawing.
"""
