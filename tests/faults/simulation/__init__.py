"""A deterministic simulation of edge and cloud: the real agent and the real services on a made-up clock, disk and
network, driven by one seed. The same seed makes the same story, also in another process:

    PYTHONHASHSEED=0 python -m tests.faults.simulation --seeds 17-17 --trace
"""
