"""Rosters: who leaves a primary school this year, from EDEXML, a CSV file or a workbook."""
