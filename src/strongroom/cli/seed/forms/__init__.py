"""What may stand in a file, by what it is about: the shapes that `document` puts together."""
