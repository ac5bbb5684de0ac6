"""The host of a standalone installation: one process that serves the Chalice application and runs what AWS runs for it
elsewhere: the table's stream, the queues, the minute.
"""
