"""How many planted defects the checks find, and how often they raise an alarm over nothing.

The mutators know the format of a package and nothing of the checks: what they plant, and how
strongly, is decided from the catalogue of defects alone.
"""
