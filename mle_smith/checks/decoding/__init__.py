"""Reads public files of any format as tables and texts. It runs in a sandbox.

Decoders of packed and binary formats can be made to swell, to hang or to crash. `program` calls
them where that harms nobody: handed to the sandbox as it lies here, it imports nothing of
MLE-Smith, only what the image holds.
"""
