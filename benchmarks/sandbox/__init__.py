"""How long the same job takes in each kind of sandbox, and without one."""
