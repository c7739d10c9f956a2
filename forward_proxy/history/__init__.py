"""What do the log and the rules say of each other?  Past exchanges by other rules, and rules by what they did."""
