# The four folders that people come for stand at the top of the repository and
# install as `leapbench.<folder>`; finding their packages here keeps "add an
# agent" to adding a folder.
from setuptools import find_packages, setup

ROOTS = ("envs", "tasks", "agents", "leaderboards")

setup(
    packages=find_packages(include=["leapbench", "leapbench.*"])
    + [f"leapbench.{root}" for root in ROOTS]
    + [f"leapbench.{root}.{name}" for root in ROOTS for name in find_packages(root)],
    package_dir={f"leapbench.{root}": root for root in ROOTS},
    package_data={
        "": ["*.toml", "*.npz", "*.json", "*.safetensors", "*.md", "py.typed"],
        "leapbench.leaderboards": ["results/**/*.json", "verdicts/*.json"],
        "leapbench.leaderboards.site": ["templates/*.j2", "static/*", "films/*"],
    },
)
