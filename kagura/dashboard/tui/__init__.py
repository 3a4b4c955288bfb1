"""The live monitor, a Textual application: screens, widgets, and the process that reads the store for them."""
