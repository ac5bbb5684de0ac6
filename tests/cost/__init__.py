"""What the cloud half costs: every call of AWS that the real services make is counted at the client, and priced."""
