"""dm_control for Gymnasium: what every family with worlds of dm_control builds on.

`adapter.DmControlEnv` takes any dm_control environment, `suite.SuiteTaskEnv` a task of the
suite as it is, and `pixels.Pixels` shows either through a camera.
"""
