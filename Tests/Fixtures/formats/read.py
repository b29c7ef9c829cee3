"""Reads a file of speedscope or of the Firefox Profiler as those tools do.

Arguments: speedscope or firefox, the schema, the file. The file must follow the schema, and every index in it must be
one of the table that it points into. Prints a JSON list, an element for each sample: "threads" or "tasks", how many, and
the frames, innermost first, each as [name, file, line, column, functions that it is inlined into (firefox)].
"""
import json
import sys

import jsonschema


def check(holds, what):
    if not holds:
        sys.exit(f"inconsistent: {what}")


def speedscope(document):
    frames = document["shared"]["frames"]
    check(document["activeProfileIndex"] < len(document["profiles"]), "activeProfileIndex")
    for profile in document["profiles"]:
        samples, weights = profile["samples"], profile["weights"]
        check(len(samples) == len(weights), "one weight for each sample")
        check(profile["endValue"] - profile["startValue"] == sum(weights), "endValue")
        for sample, weight in zip(samples, weights):
            check(all(index < len(frames) for index in sample), "index of a frame")
            shown = [frames[index] for index in reversed(sample)]
            yield profile["name"], weight, [
                [frame["name"], frame.get("file"), frame.get("line"), frame.get("col"), None]
                for frame in shown
            ]


def firefox(document):
    shared, libs = document["shared"], document["libs"]
    strings = shared["stringArray"]
    stacks, frames, functions = shared["stackTable"], shared["frameTable"], shared["funcTable"]
    sources, resources = shared["sources"], shared["resourceTable"]
    tables = [table for name, table in shared.items() if name != "stringArray"]
    for table in tables + [thread["samples"] for thread in document["threads"]]:
        for name, column in table.items():
            if isinstance(column, list):
                check(len(column) == table["length"], f"length of column {name}")

    def below(table, column, length, none=None):
        check(all(index == none or index < length for index in table[column]), column)

    below(stacks, "frame", frames["length"])
    below(frames, "func", functions["length"])
    below(frames, "category", len(document["meta"]["categories"]))
    below(functions, "name", len(strings))
    below(functions, "resource", resources["length"], -1)
    below(functions, "source", sources["length"])
    below(sources, "filename", len(strings))
    below(resources, "name", len(strings))
    below(resources, "lib", len(libs))
    for index, offset in enumerate(stacks["prefixOffset"]):
        check(offset <= index, "a caller stands before the called")
    threads = document["threads"]
    check(len({thread["tid"] for thread in threads}) == len(threads), "tid is unique")
    for name in "initialVisibleThreads", "initialSelectedThreads":
        check(all(index < len(threads) for index in document["meta"].get(name, [])), name)
    for thread in threads:
        samples = thread["samples"]
        below(samples, "stack", stacks["length"])
        check(samples["time"] == sorted(samples["time"]), "time goes on")
        for stack in samples["stack"]:
            shown = []
            while stack is not None:
                frame = stacks["frame"][stack]
                function = frames["func"][frame]
                source = functions["source"][function]
                shown.append([
                    strings[functions["name"][function]],
                    None if source is None else strings[sources["filename"][source]],
                    frames["line"][frame], frames["column"][frame], frames["inlineDepth"][frame],
                ])
                offset = stacks["prefixOffset"][stack]
                stack = stack - offset if offset else None
            yield "tasks" if thread["tid"] == "tasks" else "threads", 1, shown


kind, schema, path = sys.argv[1:]
with open(schema) as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
with open(path, encoding="utf-8") as file:
    document = json.load(file)
jsonschema.validate(document, schema, jsonschema.Draft202012Validator)
counts = {}
for profile, weight, frames in {"speedscope": speedscope, "firefox": firefox}[kind](document):
    key = json.dumps([profile, frames])
    counts[key] = counts.get(key, 0) + weight
print(json.dumps([json.loads(key) + [count] for key, count in counts.items()]))
