"""What bench/run measures, and how.

process   one process from start to end, with what it used
setting   two private servers, trees, proxies; copies from one to the other
figures   medians and ranges of many runs
sections  what is measured: small, large, trees and local hold it
goals     what the figures are held against
output    tables and the machine's description
"""
