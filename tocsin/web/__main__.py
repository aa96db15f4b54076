"""`python -m tocsin.web`: serve the dashboard until SIGTERM. `tocsin web` and `tocsin serve` start it."""

from __future__ import annotations

import datetime as dt
import getpass
import logging
import os
import sys

import uvicorn

from tocsin.config.folder import find_folder, load_or_last_good
from tocsin.errors import TocsinError
from tocsin.keys import kept_key
from tocsin.store import Store
from tocsin.web.app import application
from tocsin.web.desk import Desk


def main() -> None:
    """Serve what the configuration says. SetupError in words and exit code 2 where that cannot be."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        _serve()
    except TocsinError as error:
        sys.stderr.write(f"tocsin: {error}\n")
        sys.exit(2)


def _serve() -> None:
    folder = find_folder(os.environ)
    loaded = load_or_last_good(folder, os.environ)
    config, web = loaded.config, loaded.config.settings.web
    with Store.open(config.database, config.state) as store:
        desk = Desk(
            store,
            lambda: load_or_last_good(folder, os.environ),
            clock=lambda: dt.datetime.now(dt.UTC),
            key=kept_key(config.state / "web.key"),
            user=getpass.getuser(),
        )
        sys.stderr.write(f"dashboard at http://{f'[{web.host}]' if ':' in web.host else web.host}:{web.port}\n")
        # No Server header; what a proxy says of the scheme counts only from loopback, uvicorn's default.
        uvicorn.run(application(desk), host=web.host, port=web.port, log_level="warning", server_header=False)


if __name__ == "__main__":
    main()
