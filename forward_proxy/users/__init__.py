"""Who has an account, and whose password is right?  An htpasswd file, and proofs that are not made twice."""
