"""The program itself: Python 3.6 and its standard library, from memory alone once it runs."""
