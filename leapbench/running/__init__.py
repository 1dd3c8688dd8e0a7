"""From a command to finished runs: agents, cells, sweeps."""
