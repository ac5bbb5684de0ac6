"""Who watches: viewers counted, links checked, copies for SRT."""
