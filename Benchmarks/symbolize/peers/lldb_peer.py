"""lldb as a peer of Benchmarks/symbolize/agree: lldb -b -o 'command script import lldb_peer.py' FILE

Writes to the file that `ANSWERS` names a line of JSON for each line of the file that `QUESTIONS` names: function, file, line, names of inlined functions,
places of their calls. lldb's Python tells the names of inlined functions demangled only.
"""
import json
import os

import lldb

module = lldb.debugger.GetSelectedTarget().GetModuleAtIndex(0)
everything = lldb.eSymbolContextEverything
with open(os.environ["QUESTIONS"]) as questions, open(os.environ["ANSWERS"], "w") as answers:
    for question in questions:
        context = module.ResolveFileAddress(int(question, 16)).GetSymbolContext(everything)
        names, calls = [], []
        block = context.GetBlock()
        while block.IsValid():
            if block.IsInlined():
                names.append(block.GetInlinedName())
                calls.append([block.GetInlinedCallSiteFile().fullpath, block.GetInlinedCallSiteLine()])
            block = block.GetParent()
        named = context.GetFunction() if context.GetFunction().IsValid() else context.GetSymbol()
        function = named.GetMangledName() or named.GetName() if named.IsValid() else None
        if function and named == context.GetSymbol() and named.GetType() == lldb.eSymbolTypeTrampoline:
            function += "@plt"
        place = context.GetLineEntry()
        file = place.GetFileSpec().fullpath if place.IsValid() else None
        answers.write(json.dumps([function, file, place.GetLine() if file else 0, names, calls]) + "\n")
        answers.flush()
