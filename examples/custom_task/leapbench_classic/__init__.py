"""Classic control under a budget of steps: a plug-in for leapbench."""
