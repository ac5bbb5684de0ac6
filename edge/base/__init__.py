"""What every room stands on: clocks, errors, logs, bounded calls, sockets. Knows none of them."""
