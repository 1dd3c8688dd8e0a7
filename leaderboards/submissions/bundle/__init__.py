"""One deterministic file for a submission: manifest, results, code or weights."""
