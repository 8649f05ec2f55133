"""The development commands: ``python dev <command>``.

Standard library only, because these modules make the environment that everything else runs in.
Tests reach them as ``attention_bending.dev``.
"""
