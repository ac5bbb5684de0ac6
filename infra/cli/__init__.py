"""`sluice`, the operator's command line. It talks to the `/v1` API with a token and knows nothing else."""
