"""Networks that stay as they are, and the actions that lead to their transitions, a file a game.

`python -m leapbench.studies.atari100k.frozen GAME` makes a file.
"""
