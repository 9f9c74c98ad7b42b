import sys

print("test2.py was given", sys.argv[1:])
