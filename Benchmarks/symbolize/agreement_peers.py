"""The tools that Benchmarks/symbolize/agree compares: how each is asked, and what its output says."""

import collections
import json
import os
import re
import resource
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))

# function: linkage name or None; file: None without a line; chain: names of inlined functions, innermost first; calls:
# where each of them was called, None when the tool does not tell.
Answer = collections.namedtuple("Answer", "function file line chain calls")
NOTHING = Answer(None, None, 0, (), ())


def place(file, line):
    """File and line, both or none: without a line a tool's file is a guess."""
    if not line or not file or file.startswith("??"):
        return None, 0
    # normpath keeps two slashes at the beginning.
    return re.sub("^//", "/", os.path.normpath(file)), line


def name(text):
    # lldb makes names up for code without symbols.
    return None if text in (None, "", "??") or text.startswith("___lldb_unnamed_symbol") else text


def from_frames(frames):
    """An answer of frames, innermost first: [(function, file, line)]."""
    if not frames:
        return NOTHING
    file, line = place(frames[0][1], frames[0][2])
    calls = tuple(place(*frame[1:]) for frame in frames[1:])
    return Answer(name(frames[-1][0]), file, line, tuple(name(frame[0]) for frame in frames[:-1]), calls)


def dumpcollect(line):
    answer = json.loads(line)
    return from_frames(
        [(f.get("linkage") or f.get("function"), f.get("file"), f.get("line", 0)) for f in answer["frames"]]
    )


def llvm(line):
    answer = json.loads(line)
    return from_frames([(s["FunctionName"], s["FileName"], s["Line"]) for s in answer.get("Symbol", [])])


def debugger(line):
    function, file, line, chain, calls = json.loads(line)
    file, line = place(file, line)
    calls = None if calls is None else tuple(place(*call) for call in calls)
    return Answer(name(function), file, line, tuple(map(name, chain)), calls)


def by_line(parse):
    """One line of output is one answer; the last may be cut short."""
    return lambda text: [parse(line) for line in text.split("\n")[:-1] if line[:1] in "{["]


def by_pairs(text):
    """As addr2line -a -f -i prints: the address, then functions and places in turn."""
    answers, lines = [], []
    groups = re.split(r"^0x[0-9a-f]{16}\n", text, flags=re.M)[1:]
    for group in groups:
        lines = group.split("\n")
        frames = []
        for function, where in zip(lines[::2], lines[1::2]):
            function = re.sub(r" inlined at .*", "", function)
            where = re.match(r"(.*?):(\d+|\?)(?::\d+)?(?: \(discriminator.*)?$", where)
            line = int(where.group(2)) if where and where.group(2).isdigit() else 0
            frames.append((function, where.group(1) if where else None, line))
        answers.append(from_frames(frames))
    return answers[:-1] if len(answers) > 1 else answers  # the last may be cut short


def toolchain():
    compiler = shutil.which("swiftc")
    return os.path.join(os.path.dirname(os.path.realpath(compiler)), "llvm-symbolizer") if compiler else ""


def peers(file, debug, questions):
    """By name: the command line, and who reads its output. `debug`: a folder of debug files, or None."""
    json_style = ["--output-style=JSON", "--no-demangle", f"--obj={file}"]
    json_style += [f"--debug-file-directory={debug}"] if debug else []
    eu_debug = [f"--debuginfo-path={debug}"] if debug else []
    gdb_debug = ["-iex", f"set debug-file-directory {debug}"] if debug else []
    lldb_debug = ["-O", f"settings set target.debug-file-search-paths {debug}"] if debug else []
    addr2line = ["-a", "-f", "-i", "-e", file]
    script = f"command script import {HERE}/peers/lldb_peer.py"
    return {
        "llvm-symbolizer-19": (["/usr/lib/llvm-19/bin/llvm-symbolizer"] + json_style, by_line(llvm)),
        "llvm-symbolizer-21": ([toolchain()] + json_style, by_line(llvm)),
        "eu-addr2line": (["eu-addr2line", "-A", *eu_debug] + addr2line, by_pairs),
        "addr2line": (["addr2line"] + addr2line, by_pairs),
        "gdb": (
            ["gdb", "-nx", "-batch", *gdb_debug, "-ex", f"python questions = {questions!r}", "-x", f"{HERE}/peers/gdb_peer.py", file],
            by_line(debugger),
        ),
        "lldb-19": (["lldb-19", "--no-lldbinit", "-b", *lldb_debug, "-o", script, file], by_line(debugger)),
    }


def ask(command, parse, file_of_questions, count, folder, seconds, gigabytes):
    """Answers to the first questions, as many as the tool gave before its time or memory was used up."""
    answers = os.path.join(folder, "answers-" + os.path.basename(command[0] or "none"))

    def bound():
        resource.setrlimit(resource.RLIMIT_AS, (gigabytes << 30, gigabytes << 30))

    environment = dict(os.environ, QUESTIONS=file_of_questions, ANSWERS=answers, DEBUGINFOD_URLS="")
    is_lldb = "lldb" in command[0]
    with open(file_of_questions) as source, open(answers if not is_lldb else os.devnull, "w") as target:
        process = subprocess.Popen(
            command, stdin=source, stdout=target, stderr=subprocess.DEVNULL, preexec_fn=bound, env=environment, cwd=folder
        )
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if not os.path.exists(answers):
        return []
    with open(answers, errors="replace") as text:
        return parse(text.read())[:count]


def demangled(names):
    """What lldb shows for linkage names."""
    names = sorted(names)
    if not names:
        return {}
    tool = shutil.which("llvm-cxxfilt-19") or "/usr/lib/llvm-19/bin/llvm-cxxfilt"
    output = subprocess.run([tool], input="\n".join(names) + "\n", capture_output=True, text=True, check=True).stdout
    return dict(zip(names, output.split("\n")))
