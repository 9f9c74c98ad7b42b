import sys

print("test1.py was given", sys.argv[1:])
