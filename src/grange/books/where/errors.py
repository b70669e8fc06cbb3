"""What is wrong with a query, where, and what to write instead."""

from grange.kernel.errors import FieldProblem, InvalidRequestError


class WhereError(InvalidRequestError):
    """A query cannot be read."""

    def __init__(self, problem: str, *, text: str, position: int, hint: str = "") -> None:
        said = f"{problem} {hint}".strip()
        super().__init__(
            f"{said} (at character {position + 1} of {text!r})",
            fields=[FieldProblem("where", f"{position}: {said}")],
        )
        self.problem = problem
        self.text = text
        self.position = position
        """Where in the text, in characters from 0."""
        self.hint = hint
