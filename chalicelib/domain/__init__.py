"""Pure rules. Time and randomness are passed in; no I/O, no AWS, no HTTP."""
