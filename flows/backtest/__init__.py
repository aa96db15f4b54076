"""`tocsin backtest`: an archive of articles through the functions of a live sweep, under a virtual clock.

`archive` says what is replayed, `reading` finds the triggers on all cores, `clock` plays, `outcome` is what came of it.
`record` is what is kept of that, `saved` keeps it under a name, `comparison` holds two records against each other, and
`truth` an outcome against what is known to have happened. It all happens in a store of its own, and the
live one is only read.
"""
