"""What a program was seen to ask for, as the smallest rule file that allows it.  Pure: records in, texts out."""
