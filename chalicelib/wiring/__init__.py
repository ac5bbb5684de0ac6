"""The composition root: which adapter stands behind which port, and which service gets what. Everything is made when it
is first needed, so that importing a handler costs little and touches nothing. `edges` and `following` hold what
functions need that must start fast, `services` everything.
"""
