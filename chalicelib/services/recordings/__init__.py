"""Recordings: while they run, finished, shared, given up; where they lie."""
