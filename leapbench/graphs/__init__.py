"""Exported networks (ONNX) that the suite checks, counts and runs itself.

A graph is untrusted data. It is read in a process of its own (`worker`), which
refuses what it does not know (`check`, `shapes`), counts the multiply-adds of
every exit (`count`, by the table in `operators`) and runs it with ONNX Runtime
on one thread. `run.ExportedNetwork` is the host's side of that process, and
`export.export` makes a graph from a PyTorch network.
"""
