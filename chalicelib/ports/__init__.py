"""What the services need of the world. Adapters implement these; unit tests have hand-written fakes of them."""
