"""Comparison of applications with another region: blinded pseudonyms, questions, answers, and what they told."""
