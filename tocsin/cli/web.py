"""`tocsin web`: the dashboard by itself."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from argon2 import PasswordHasher

from tocsin.cli.context import out


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(web)


def web(
    *,
    new_password: Annotated[bool, typer.Option(help="Ask for a password and print its hash for `web.users`.")] = False,
) -> None:
    """Serve the dashboard until stopped, as `tocsin serve` does beside the flows."""
    if new_password:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        out.print(PasswordHasher().hash(password), markup=False)
        return
    # The same process goes on as the server, so that a signal sent to it arrives.
    os.execv(sys.executable, [sys.executable, "-m", "tocsin.web"])
