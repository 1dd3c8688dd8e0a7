"""What does a small CLIP know after each source of knowledge? Prints a table.

python examples/knowledge_sources.py
"""

import gymnasium as gym

import leapbench  # noqa: F401

SOURCES = ("captions", "objects of a scene", "words of objects", "words of words", "wrong captions")


def main(steps: int = 10, **arguments: int) -> None:
    print(f"{'learned from':22}{'finds captions':>16}{'names objects':>16}{'knows words':>14}")
    env = gym.make("leapbench/KnowledgeCurriculum-Discrete-v0", horizon=steps, **arguments)
    for source, name in enumerate(SOURCES):
        _, info = env.reset(seed=0)
        if source == 0:
            print(f"{'nothing yet':22}", *line(info))
        over = False
        while not over:
            _, _, _, over, info = env.step(source)
        print(f"{name:22}", *line(info))


def line(info: dict[str, float]) -> list[str]:
    return [f"{info[probe]:14.2f}" for probe in ("retrieval", "attributes", "facts")]


if __name__ == "__main__":
    main()
