"""The real template and the packaged functions on an emulator of AWS (ministack). For tests alone."""
