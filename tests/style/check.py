#!/usr/bin/python3
"""Checks the rules of style and layering that no compiler checks.

    tests/style/check.py             checks the tree this file stands in
    tests/style/check.py --self-test proves on small bad samples that each rule can fail

Prints `file:line: rule: what is wrong`, one line for each finding; exit 1 when there is one.
Only Python's standard library is used. Function lengths are found by matching braces, which is
right for code as clang-format lays it out.
"""

import argparse
import pathlib
import re
import sys
import tempfile
from typing import Iterator, NamedTuple

# The folders of src/ that each folder of src/ may include, besides itself and nfsferry/.
LAYERS = {
    "base": set(),
    "loop": {"base"},
    "tree": {"base", "loop"},
    "nfs4": {"base", "loop", "tree"},
    "nfs3": {"base", "loop", "tree"},
    "local": {"base", "loop", "tree"},
    "copy": {"base", "loop", "tree"},
    "report": {"base"},
    "api": {"base", "loop", "tree", "nfs4", "nfs3", "local", "copy"},
    "recover": {"base", "api", "report"},
    "cli": {"api", "recover", "report", "base"},
}

# Headers of other projects (and the kernel's io_uring), and the folders of src/ that may use them.
FENCES = {
    "liburing.h": {"loop"},
    "liburing/": {"loop"},
    "linux/io_uring.h": {"loop"},
    "nfsc/": {"nfs3"},
    "malloc.h": {"nfs3"},
    "sanitizer/asan_interface.h": {"loop"},
    "nettle/": {"base"},
    "xxhash.h": {"copy"},
    "xxh3.h": {"copy"},
    "xxh_x86dispatch.h": {"copy"},
    "sqlite3.h": {"recover"},
    "curl/": {"recover"},
    "CLI/": {"cli"},
    "spdlog/": {"base"},
    "fmt/": {"base"},
    "nlohmann/": {"report", "recover"},
}

STANDARD = set("""
algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono
cinttypes climits clocale cmath compare complex concepts condition_variable coroutine csetjmp
csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception
execution filesystem format forward_list fstream functional future initializer_list iomanip ios
iosfwd iostream istream iterator latch limits list locale map memory memory_resource mutex new
numbers numeric optional ostream queue random ranges ratio regex scoped_allocator semaphore set
shared_mutex source_location span sstream stack stdexcept stop_token streambuf string string_view
syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set
utility valarray variant vector version
""".split())

POSIX = re.compile(r"(sys|net|netinet|arpa|linux)/[\w/]+\.h|"
                   r"(aio|dirent|dlfcn|endian|err|errno|fcntl|fnmatch|getopt|glob|grp|netdb|poll|"
                   r"pthread|pwd|sched|signal|spawn|stdint|string|syslog|termios|time|unistd)\.h")

LINE_LENGTH = 100
FILE_LINES = {"src": 500, "include": 500, "tests": 800, "bench": 800}
FUNCTION_LINES = 70
MACROS = re.compile(r"NFSFERRY_(TRY|JOIN)\w*")
MACRO_FILE = "src/base/result.hpp"
EMPTY_NAMES = {"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"}

ROOTS = ("src", "include", "tests", "bench", "tools", "docs", "cmake", ".ci")
SKIPPED = {"build", "__pycache__", "data", "corpus"}
CODE = {".cpp", ".hpp"}
FOREIGN_CODE = {".c", ".cc", ".cxx", ".h", ".hh", ".hxx"}
TEXT = CODE | {".py", ".sh", ".md", ".txt", ".cmake", ".json", ".yml", ".yaml", ""}

# Written in pieces, so that this file passes its own check.
LEFT_OVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}-])/wo" r"rk/")
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]*)[>"]')
DEFINE = re.compile(r"\s*#\s*define\s+(\w+)")


class Finding(NamedTuple):
    path: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


# co_await on the right of && or ||, or in an arm of ?: (a case label's colon is no arm).
HIDDEN_AWAIT = re.compile(r"(&&|\|\||\?)\s*[!*(]*co_await\b")


def check_names(path: pathlib.PurePosixPath) -> Iterator[Finding]:
    for part in (*path.parts[:-1], path.stem):
        for word in re.split(r"[_.\-]", part):
            if word.lower() in EMPTY_NAMES:
                yield Finding(str(path), 1, "name", f"'{word}' says nothing about what is inside")
    if path.suffix in FOREIGN_CODE:
        yield Finding(str(path), 1, "name", "C++ files end in .cpp or .hpp")
    if path.suffix in CODE and not re.fullmatch(r"[a-z][a-z0-9_]*", path.stem):
        yield Finding(str(path), 1, "name", "file names are snake_case")


def check_text(path: str, text: str, is_code: bool) -> Iterator[Finding]:
    lines = text.split("\n")
    if text and lines[-1] != "":
        yield Finding(path, len(lines), "newline", "no newline at the end of the file")
    for number, line in enumerate(lines, 1):
        if "\t" in line:
            yield Finding(path, number, "tab", "a tab; indent with spaces")
        if line.endswith("\r"):
            yield Finding(path, number, "newline", "a carriage return at the end of the line")
        if LEFT_OVER.search(line):
            yield Finding(path, number, "left-over", "do it now, or leave the note out")
        if MACHINE_PATH.search(line):
            yield Finding(path, number, "machine-path", "a path of one machine")
        if is_code and len(line) > LINE_LENGTH:
            yield Finding(path, number, "line-length",
                          f"{len(line)} columns, the limit is {LINE_LENGTH}")


def check_layers(path: str, lines: list[str]) -> Iterator[Finding]:
    """Includes of a file in src/: which folder, which third party, which form."""
    parts = path.split("/")
    layer = parts[1] if len(parts) > 2 else ""
    if layer not in LAYERS:
        yield Finding(path, 1, "layer", "code in src/ stands in one of: " + " ".join(LAYERS))
        return
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        mark, header = match.groups()
        folder = header.split("/")[0]
        if mark == '"':
            if folder not in LAYERS and folder != "nfsferry" or "/" not in header:
                yield Finding(path, number, "include-form",
                              f'"{header}": name our headers by folder, as in "base/result.hpp"')
            elif folder not in LAYERS[layer] | {layer, "nfsferry"}:
                allowed = " ".join(sorted(LAYERS[layer])) or "nothing"
                yield Finding(path, number, "layer", f"{layer} may include {allowed}; not {folder}")
        else:
            yield from check_fence(path, number, layer, header)


def check_fence(path: str, number: int, layer: str, header: str) -> Iterator[Finding]:
    if header.split("/")[0] in LAYERS.keys() | {"nfsferry"}:
        yield Finding(path, number, "include-form", f"<{header}>: our headers stand in quotes")
        return
    for fenced, folders in FENCES.items():
        if header == fenced or fenced.endswith("/") and header.startswith(fenced):
            if layer not in folders:
                yield Finding(path, number, "fence",
                              f"<{header}> belongs to {' '.join(sorted(folders))} alone")
            return
    if header not in STANDARD and not POSIX.fullmatch(header):
        yield Finding(path, number, "fence", f"<{header}> is in no list of tests/style/check.py")


def check_public(path: str, lines: list[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        mark, header = match.groups()
        good = header.startswith("nfsferry/") if mark == '"' else header in STANDARD
        if not good:
            yield Finding(path, number, "public-api",
                          f"{header}: include/ uses the standard library and nfsferry/ alone")


def blank(text: str) -> str:
    """The code with comments, literals and preprocessor lines blanked, line by line as before."""
    token = re.compile(
        r'//[^\n]*'
        r'|/\*.*?\*/'
        r'|\bu?8?[LuU]?R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"'
        r'|"(?:\\.|[^"\\\n])*"'
        r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'"
        r'|^[ ]*\#(?:[^\n\\]|\\.|\\\n)*', re.DOTALL | re.MULTILINE)
    return token.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


SCOPE = re.compile(r"\s*(template\b.*)?(inline\s+)?(namespace|class|struct|union|extern)\b", re.S)
TYPE = re.compile(r"\b(class|struct|union)\s+\w[\w:<>, ]*(final\b)?\s*(:[^:]|$)")
MEMBER_BRACE = re.compile(r"@\s*(noexcept\s*@?\s*)?:[^:].*[\w>]\s*$", re.S)
ACCESS = re.compile(r"\s*(public|private|protected)\s*")
LAMBDA = re.compile(r"\]\s*@[^=]*$")


def brace_kind(head: str) -> str:
    """What a brace outside of functions opens, from the text before it: "scope" (of a namespace
    or a type), "function", or "other" (an initialiser, an enum)."""
    flat, before = head, ""
    while flat != before:  # what stands in parentheses holds no evidence
        flat, before = re.sub(r"\([^()]*\)", "@", flat), flat
    assigned = "=" in re.sub(r"operator\s*[^\s\w@]+|[=!<>]=", "", flat)
    if "(" in flat or re.match(r"\s*enum\b", flat) or MEMBER_BRACE.search(flat):
        return "other"
    if SCOPE.match(flat) and not assigned and ("@" not in flat or TYPE.search(flat)):
        return "scope"
    if "@" in flat and (not assigned or LAMBDA.search(flat)):
        return "function"
    return "other"


def functions(text: str) -> Iterator[tuple[int, int]]:
    """First and last line of each function that stands in no other function."""
    code = blank(text)
    scopes = 0  # open braces of namespaces and types
    depth = 0  # open braces inside of a function or an initialiser
    kind = ""  # of the outermost of those
    head, first, line = "", 0, 1  # text since the last boundary, and the line where it begins
    for index, character in enumerate(code):
        if character == "\n":
            line += 1
        if depth > 0:
            depth += {"{": 1, "}": -1}.get(character, 0)
            if depth > 0:
                continue
            if kind == "function":
                yield first, line
                head = ""
            else:  # an initialiser: of a member before a body, or the end of a declaration
                head = head + "@" if code[index + 1:].lstrip()[:1] in ("{", ",") else ""
        elif character == "{":
            kind = brace_kind(head)
            if kind == "scope":
                scopes, head = scopes + 1, ""
            else:
                depth = 1
        elif character == "}":
            scopes, head = scopes - 1, ""
        elif character == ";" or character == ":" and ACCESS.fullmatch(head):
            head = ""
        else:
            if not head.strip():
                head, first = "", line
            head += character


def check_code(path: str, text: str) -> Iterator[Finding]:
    lines = text.split("\n")
    top = path.split("/")[0]
    limit = FILE_LINES.get(top)
    if limit and len(lines) - 1 > limit:
        yield Finding(path, limit + 1, "file-length",
                      f"{len(lines) - 1} lines, the limit is {limit}")
    if path.endswith(".hpp") and not any(line.strip() == "#pragma once" for line in lines):
        yield Finding(path, 1, "pragma-once", "a header starts with #pragma once")
    for number, line in enumerate(lines, 1):
        match = DEFINE.match(line)
        if match and not (path == MACRO_FILE and MACROS.fullmatch(match[1])):
            yield Finding(path, number, "macro", f"{match[1]}: no macro but NFSFERRY_TRY")
    for match in HIDDEN_AWAIT.finditer(blank(text)):
        yield Finding(path, text.count("\n", 0, match.start()) + 1, "hidden-await",
                      "g++ 12 evaluates what stands behind it early; use an if of its own")
    for first, last in functions(text):
        if last - first + 1 > FUNCTION_LINES:
            yield Finding(path, first, "function-length",
                          f"{last - first + 1} lines, the limit is {FUNCTION_LINES}")
    if top == "src":
        yield from check_layers(path, lines)
    elif top == "include":
        yield from check_public(path, lines)


def text_files(root: pathlib.Path) -> Iterator[pathlib.Path]:
    yield from (path for path in sorted(root.iterdir()) if path.is_file())
    for name in ROOTS:
        for path in sorted((root / name).rglob("*")):
            inner = path.relative_to(root).parts
            if path.is_file() and not SKIPPED.intersection(inner[:-1]):
                yield path


def check_tree(root: pathlib.Path) -> list[Finding]:
    findings: list[Finding] = []
    for path in text_files(root):
        inner = pathlib.PurePosixPath(path.relative_to(root))
        findings += check_names(inner)
        if inner.suffix not in TEXT:
            continue
        try:
            text = path.read_bytes().decode()
        except UnicodeDecodeError:
            findings.append(Finding(str(inner), 1, "encoding", "not UTF-8"))
            continue
        findings += check_text(str(inner), text, inner.suffix in CODE | {".py"})
        if inner.suffix in CODE:
            findings += check_code(str(inner), text)
    return findings


def long_body(count: int) -> str:
    return "  step();\n" * count


# Each sample: file, text, the one rule that it breaks ("" for none).
SAMPLES = [
    ("src/base/good.hpp", "#pragma once\n#include <sys/stat.h>\n#include <vector>\n", ""),
    ("src/nfs4/good.cpp", '#include "tree/a.hpp"\n#include "nfs4/b.hpp"\n', ""),
    ("src/cli/good.cpp", '#include <CLI/CLI.hpp>\n#include "nfsferry/report.hpp"\n', ""),
    ("src/copy/up.cpp", '#include "nfs4/tree.hpp"\n', "layer"),
    ("src/base/up.cpp", '#include "loop/loop.hpp"\n', "layer"),
    ("src/api/side.cpp", '#include "report/report_json.hpp"\n', "layer"),
    ("src/elsewhere/a.cpp", "int a;\n", "layer"),
    ("src/a.cpp", "int a;\n", "layer"),
    ("src/base/bare.cpp", '#include "result.hpp"\n', "include-form"),
    ("src/base/angle.cpp", "#include <base/result.hpp>\n", "include-form"),
    ("src/nfs4/ring.cpp", "#include <liburing.h>\n", "fence"),
    ("src/copy/json.cpp", "#include <nlohmann/json.hpp>\n", "fence"),
    ("src/loop/hash.cpp", "#include <xxhash.h>\n", "fence"),
    ("src/copy/unknown.cpp", "#include <boost/any.hpp>\n", "fence"),
    ("include/nfsferry/a.hpp", "#pragma once\n#include <unistd.h>\n", "public-api"),
    ("include/nfsferry/b.hpp", '#pragma once\n#include "base/error.hpp"\n', "public-api"),
    ("src/base/long.cpp", "// " + "x" * 98 + "\n", "line-length"),
    ("src/base/fits.cpp", "// " + "\u00fc" * 97 + "\n", ""),
    ("src/base/large.cpp", "int a;\n" * 501, "file-length"),
    ("tests/base/large_test.cpp", "int a;\n" * 800, ""),
    ("bench/large.cpp", "int a;\n" * 801, "file-length"),
    ("src/base/once.hpp", "int a;\n", "pragma-once"),
    ("src/base/macro.cpp", "#define LIMIT 3\n", "macro"),
    ("src/base/try.cpp", "#define NFSFERRY_TRY(a) a\n", "macro"),
    ("src/base/result.hpp", "#pragma once\n#define NFSFERRY_TRY(a) a\n", ""),
    ("src/base/string_util.cpp", "int a;\n", "name"),
    ("tests/common/a.cpp", "int a;\n", "name"),
    ("src/base/Name.cpp", "int a;\n", "name"),
    ("src/base/a.h", "int a;\n", "name"),
    ("src/base/tab.cpp", "int\ta;\n", "tab"),
    ("tools/script", "#!/bin/bash\n\techo\n", "tab"),
    ("docs/a.md", "text", "newline"),
    ("docs/b.md", "text\r\n", "newline"),
    ("docs/c.md", "TO" "DO: more\n", "left-over"),
    ("tools/a", "cd /wo" "rk/main\n", "machine-path"),
    ("src/base/f68.cpp", "int f() {\n" + long_body(68) + "}\n", ""),
    ("src/base/f69.cpp", "int f() {\n" + long_body(69) + "}\n", "function-length"),
    ("src/base/method.hpp", "#pragma once\nnamespace a {\nclass B : public C {\n public:\n"
     "  int f() const override {\n" + long_body(69) + "  }\n};\n}\n", "function-length"),
    ("src/base/constructor.cpp", "namespace {\nB::B(int a)\n    : a_{a}, b_{} {\n" + long_body(69) +
     "}\n}\n", "function-length"),
    ("src/base/template.hpp", "#pragma once\ntemplate <typename T>\nclass A : public B<T> {\n"
     "  A() noexcept : a_(1) {\n" + long_body(69) + "  }\n};\n", "function-length"),
    ("src/base/returns.cpp", "struct stat look(int a) {\n" + long_body(69) + "}\n",
     "function-length"),
    ("src/base/operator.cpp", "bool A::operator==(const A& b) const {\n" + long_body(69) + "}\n",
     "function-length"),
    ("src/base/enum.hpp", "#pragma once\nenum class A : int {\n" + "  kA = f(1),\n" * 90 + "};\n",
     ""),
    ("src/base/braces.cpp", 'int f() {\n  g("{", \'{\', R"({)");  // {\n' + long_body(69) + "}\n",
     "function-length"),
    ("src/base/lambda.cpp", "const auto kF = [](int a) {\n" + long_body(69) + "};\n",
     "function-length"),
    ("tests/base/a_test.cpp", "TEST(A, B) {\n" + long_body(69) + "}\n", "function-length"),
    ("src/base/table.cpp", "const Row kRows[] = {\n" + "    {f(1), 2},\n" * 90 + "};\n", ""),
    ("src/base/await.cpp", "int f() {\n  if (a &&\n      !co_await b()) c();\n}\n", "hidden-await"),
    ("src/base/await_ok.cpp", "int f() {\n  if (co_await b() && a) c();  // || co_await\n}\n", ""),
    ("src/base/many.cpp", "int f(int a = 1) {\n" + long_body(40) + "}\nint g() {\n" +
     long_body(40) + "}\n", ""),
    ("src/base/struct.hpp", "#pragma once\nstruct A {\n  int f() { return 1; }\n" +
     "  std::vector<int> a{f(1), 2};\n" * 90 + "};\n", ""),
]


def self_test() -> int:
    wrong = 0
    for path, text, expected in SAMPLES:
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / path
            file.parent.mkdir(parents=True)
            file.write_bytes(text.encode())
            found = sorted({finding.rule for finding in check_tree(pathlib.Path(folder))})
        if found != ([expected] if expected else []):
            print(f"self-test: {path}: expected {expected or 'nothing'}, found {found}")
            wrong += 1
    proved = {sample[2] for sample in SAMPLES}
    print(f"self-test: {len(SAMPLES)} samples, {len(proved) - 1} rules, {wrong} wrong")
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks style and layering.")
    parser.add_argument("--self-test", action="store_true", help="check the checks")
    parser.add_argument("--root", type=pathlib.Path, help="the tree to check",
                        default=pathlib.Path(__file__).resolve().parents[2])
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    findings = check_tree(arguments.root)
    for finding in findings:
        print(finding)
    print(f"style: {len(findings)} findings" if findings else "style: fine")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
