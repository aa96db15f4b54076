"""The dashboard: what the store holds, for people and for programs. `python -m tocsin.web` serves it.

desk.py      configuration, store, clock: what every page starts from
guard.py     who may come in, from where, and what a browser may do with a page
signin.py    sessions, form tokens, passwords
lists.py     alerts, events, articles, rules, feeds: as pages, JSON, CSV and Atom
details.py   one alert, event or article
acts.py      acknowledge, resolve, mute, verdict
overview.py  a watch at a glance
charts.py    Plotly's script
metrics.py   /metrics and /healthz
"""
