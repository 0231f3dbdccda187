"""Several systems: the same losses of several predictions, ranked, with the settings that their files' names tell."""
