"""Markings as others write them: ISM, STANAG 4774, NITF, names and headers, documents."""
