"""gdb as a peer of Benchmarks/symbolize/agree: gdb -nx -batch -ex 'python questions = "…"' -x gdb_peer.py FILE

One line of JSON for each line of the file `questions`: function, file, line, names of inlined functions; gdb's
Python does not tell where an inlined function was called.
"""
import json
import re

import gdb

gdb.execute("set print demangle off")
gdb.execute("set print asm-demangle off")
gdb.execute("set width 0")
for question in open(questions):  # noqa: F821 - set on the command line
    address = int(question, 16)
    names, function = [], None
    try:
        block = gdb.block_for_pc(address)
    except (RuntimeError, gdb.error):
        block = None
    while block is not None and not block.is_static and not block.is_global:
        if block.function is not None:
            names.append(block.function.linkage_name)
        block = block.superblock
    place = gdb.find_pc_line(address)
    symbol = re.match(r"(.*?)(?: \+ \d+)? in section ", gdb.execute(f"info symbol {address}", to_string=True))
    if names:
        function = names.pop()
    elif symbol:
        function = symbol.group(1)
    file = place.symtab.fullname() if place.symtab else None
    print(json.dumps([function, file, place.line, names, None]), flush=True)
