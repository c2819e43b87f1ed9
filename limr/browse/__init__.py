"""A trajectory store as a small local website, to read what each problem taught the policy."""
