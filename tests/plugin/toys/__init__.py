"""A plug-in as an outsider would write it: worlds, a task family and two agent parts."""
