"""PyPI's symbolic as a command: addresses from standard input, answers as llvm-symbolizer prints them.

symbolic_peer.py FILE            makes the cache in memory, then answers from it
symbolic_peer.py --save FILE CACHE   makes the cache and writes it
symbolic_peer.py --saved CACHE   answers from a cache that was written before
"""
import sys

from symbolic.debuginfo import Archive
from symbolic.symcache import SymCache


def cache_of(path):
    return Archive.open(path).get_object(arch="x86_64").make_symcache()


if sys.argv[1] == "--save":
    with open(sys.argv[3], "wb") as file:
        cache_of(sys.argv[2]).dump_into(file)
    sys.exit()
cache = SymCache.open(sys.argv[2]) if sys.argv[1] == "--saved" else cache_of(sys.argv[1])
output = []
for line in sys.stdin:
    frames = cache.lookup(int(line, 16))
    for frame in frames:
        output.append(f"{frame.symbol or '??'}\n{frame.full_path or '??'}:{frame.line}:0\n")
    output.append("\n" if frames else "??\n??:0:0\n\n")
sys.stdout.write("".join(output))
