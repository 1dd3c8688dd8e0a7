"""DMC: the frozen networks of the task on value consistency."""
