"""Where to look and when to answer, learned together by Stable-Baselines3."""
