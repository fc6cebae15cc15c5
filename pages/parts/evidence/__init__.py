"""The sections of the Evidence page, one file each. They are drawn one at a time."""
