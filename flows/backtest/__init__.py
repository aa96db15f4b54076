"""`tocsin backtest`: an archive of articles through the functions of a live sweep, under a virtual clock.

`archive` says what is replayed, `reading` finds the triggers on all cores, `clock` plays, `outcome` is what came of it.
`comparison` holds two outcomes against each other, `truth` one against what is known to have happened. It all happens
in a temporary store; the live one is only read.
"""
