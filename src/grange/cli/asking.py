"""What is asked before something is done that cannot be taken back."""

import sys

import rich_click as click

from grange.kernel.errors import InvalidRequestError


def confirm(question: str, *, says: str = "") -> None:
    """Ask a question at the terminal; nothing more is done unless the answer is yes.

    Args:
        question: what is asked.
        says: what is about to happen, where the question does not say it.

    Raises:
        InvalidRequestError: nobody is there to ask.
    """
    if not sys.stdin.isatty():
        raise InvalidRequestError(f"{says or question} Nobody is there to ask: add --yes.")
    click.confirm(f"{says} {question}".strip(), abort=True)
