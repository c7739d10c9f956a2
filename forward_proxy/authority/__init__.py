"""The certificate authority that signs for inspected hosts: its files, its soundness, the certificates it signs."""
