"""Measurements: `make bench`. No test looks at a time; these do nothing else."""
