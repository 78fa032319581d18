"""How the embedded Brainstormer measures a data set and reasons over what it measured."""
