"""leapbench: benchmarks about spending something scarce well."""
