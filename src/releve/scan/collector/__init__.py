"""The program that runs on the machine it reads: standard library only, Python 3.6 and later.

Each module yields one kind of fact; `scan/program.py` joins them into the one file that is fed to
`python3 -`. They import nothing but the standard library and `system`.
"""
