"""Worlds to explore without reward first and to use with few rewarded steps after.

`grid` is a table of cells whose dynamics can be made more or less random; `point` asks the
same with continuous states and actions.
"""
