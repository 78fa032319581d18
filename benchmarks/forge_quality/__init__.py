"""How good the forged tasks are, against what a person would propose for the same data."""
