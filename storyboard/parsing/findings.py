"""Findings: the problems of a storyboard, collected while it is parsed."""

from storyboard.model.problem import Problem


class Findings:
    """The ``problems`` found so far, each warning once; ``errors`` counts those that are no warnings."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.errors = 0
        self._warnings: set[Problem] = set()

    def add(self, problem: Problem) -> None:
        """Add a problem. A warning that already exists, such as one of the defaults, is not added again."""
        if problem.severity == "warning":
            if problem in self._warnings:
                return
            self._warnings.add(problem)
        else:
            self.errors += 1
        self.problems.append(problem)
