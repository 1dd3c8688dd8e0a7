"""What exits of a network say: prediction caches, and the columns in which policies see them.

Shared by the families in which an answer may be given early.
"""
