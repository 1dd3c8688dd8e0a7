"""The `leapbench` command."""
