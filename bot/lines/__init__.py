"""Lines: buying, bringing and releasing a number, how each is settled, and whether it is well."""
