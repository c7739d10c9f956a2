"""The one matcher grammar: which requests does a rule, an anonymity level, an inspection or a cache override mean?"""
