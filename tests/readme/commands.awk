# commands.awk - the commands of a Markdown file, and what it says that they print.
#
# usage: awk -v dir=DIR -f commands.awk README.md
#
# For the n-th command of the file DIR/NNN.command holds the command, DIR/NNN.want the lines that
# the file shows as its output, DIR/NNN.where "LINE KIND SECTION", with the heading above it.
#
#   shown   in an indented block, behind "$ ": the lines up to the next one are its output
#   plain   a line of an indented block that has no "$ ": a comment may stand behind it
#   inline  between backquotes in the running text: `make`, or anything that has a space in it
#
# What cannot be read for certain is written to DIR/errors, one line each: better no test than one
# that passes over a command.

function wrong(what) {
    printf "%s:%d: %s\n", FILENAME, FNR, what >(dir "/errors")
}
function name(suffix) {
    return sprintf("%s/%03d.%s", dir, count, suffix)
}
function command(kind, text) {
    if (count > 0) end_command()
    count++
    printf "%d %s %s\n", FNR, kind, section >name("where")
    close(name("where"))
    print text >name("command")
    close(name("command"))
    want = ""
}
function end_command() {
    printf "%s", want >name("want")
    close(name("want"))
}
function block_line(text) {
    if (text ~ /^\$ /) {
        shown = 1
        command("shown", substr(text, 3))
    } else if (shown) {
        want = want text "\n"
    } else {
        sub(/ +# .*$/, "", text)
        command("plain", text)
    }
}
function inline_spans(text,    parts, n, i) {
    n = split(text, parts, "`")
    if (n > 0 && n % 2 == 0) wrong("a backquote without its other on the same line")
    for (i = 2; i <= n; i += 2)
        if (parts[i] == "make" || parts[i] ~ / /) command("inline", parts[i])
}

BEGIN { before = "" }
/^ *(```|~~~)/ { wrong("a fence: commands stand in indented blocks") }
/^ *\t/ { wrong("a tab at the beginning of a line") }
/^#/ {
    section = $0
    sub(/^#+ */, "", section)
}
{
    if ($0 ~ /^    / && (before == "" || in_block)) {
        if (!in_block) shown = 0
        in_block = 1
        block_line(substr($0, 5))
    } else {
        in_block = 0
        inline_spans($0)
    }
    before = $0
}
END {
    if (count > 0) end_command()
    if (count == 0) wrong("no command")
}
