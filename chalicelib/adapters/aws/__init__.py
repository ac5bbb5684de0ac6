"""AWS behind the ports. boto3 lives here and in `wiring`."""
