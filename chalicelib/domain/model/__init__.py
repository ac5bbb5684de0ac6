"""What the control plane remembers, by subject.

Every entity is immutable and carries the version that its next write expects.
"""
