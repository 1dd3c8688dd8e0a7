"""Studies of the family pretrain."""
