"""The program `semantic-bit`: its commands, and the way out of it."""

import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from scripts.cli.doctor import doctor
from scripts.cli.failures import EXIT_CODES, Failure, Interrupted, WrongUsage
from scripts.cli.generate import fetch, generate
from scripts.cli.jobs import cancel, jobs, show
from scripts.cli.keys import key
from scripts.cli.options import ApiKey, Connection, Url
from scripts.cli.output import print_failure, print_json, results
from scripts.cli.serving import serve
from shared import VERSION

app = typer.Typer(
    name="semantic-bit",
    no_args_is_help=True,
    epilog=EXIT_CODES,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
for command in (generate, fetch, jobs, show, cancel, doctor, key):
    app.command(epilog=EXIT_CODES)(command)
app.command(
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],  # Its arguments are those of ./run.sh, which explains them.
    }
)(serve)


def _print_version(wanted: bool) -> None:  # noqa: FBT001  # As the callback of an option is called.
    if wanted:
        results().print(f"semantic-bit {VERSION}")
        raise typer.Exit


@app.callback()
def choose(
    context: typer.Context,
    *,
    url: Url = None,
    api_key: ApiKey = None,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it."),
    ] = False,
) -> None:
    """Pictures from text: ask a Semantic Bit GPU Server for them, or run one."""
    context.obj = Connection(url, api_key)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command; say in one line what was wrong, and exit with the code that means it."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        sys.exit(app(args=words, prog_name="semantic-bit", standalone_mode=False))
    except typer.TyperException as error:
        failure = _wrong_usage(error)
        if "--json" in words:
            print_json(failure.report)
    except Failure as error:
        failure = error
    except (KeyboardInterrupt, typer.Abort):
        failure = Interrupted("interrupted")
    if failure.message:  # There is none where the help was shown instead.
        print_failure(failure)
    sys.exit(failure.exit_code)


def _wrong_usage(error: typer.TyperException) -> Failure:
    command = getattr(getattr(error, "ctx", None), "command_path", "semantic-bit")
    message = error.format_message().replace("Value error, ", "")
    return WrongUsage(message, hint=f"{command} --help shows what there is")


if __name__ == "__main__":
    main()
