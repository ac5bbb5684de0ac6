"""Who calls, what he may, what he set; the settings of the account."""
