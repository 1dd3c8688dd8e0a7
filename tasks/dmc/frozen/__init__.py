"""Networks that stay as they are, and the transitions that they were met on, one file a task.

`python -m leapbench.studies.dmc.frozen TASK` makes a file.
"""
