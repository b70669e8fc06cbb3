"""`grange completion`: what lets a shell finish the words of a command line."""

from typing import Any

import rich_click as click
from click.shell_completion import get_completion_class

from grange.cli.connection import with_output
from grange.cli.output import Output
from grange.kernel.errors import ConfigurationError

SHELLS = ("bash", "fish", "zsh")
_VARIABLE = "_GRANGE_COMPLETE"


@click.command(
    "completion",
    epilog="""\b
Examples:
  grange completion bash > ~/.local/share/bash-completion/completions/grange
  grange completion zsh > ~/.zfunc/_grange
  grange completion fish > ~/.config/fish/completions/grange.fish
""",
)
@click.argument("shell", type=click.Choice(SHELLS))
@with_output
def command(out: Output, /, *, shell: str) -> None:
    """Print what lets a shell finish commands, options and their choices.

    Every command and every option is known, those of the next version too: the shell asks grange.
    Put it where the shell looks; new shells have it then.
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise ConfigurationError(f"There is no completion for {shell}.")
    context: Any = click.get_current_context()
    text = kind(context.find_root().command, {}, "grange", _VARIABLE).source()
    if out.as_json:
        out.data({"shell": shell, "script": text})
    else:
        click.echo(text)
