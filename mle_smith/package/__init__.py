"""Task packages: their format, and how they are built, sealed, graded and reported."""
