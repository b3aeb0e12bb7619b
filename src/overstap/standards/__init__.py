"""Versions of the OSO standard that an administrator adds: from an official schema to a catalogue.

The result is a folder of the form that `overstap.oso.catalogue` reads; see docs/standard.md.
"""
