"""Tables written at random by a writer that shares no code with the project, read back as they were meant."""
