#!/bin/sh
# git_history.sh - makes a repository whose history looks like that of a program people work on.
#
# usage: git_history.sh REPO COMMITS FILES [SEED [START]]
#
# REPO becomes a bare repository. Its line of first parents has COMMITS commits and ends with about
# FILES files, in folders up to six deep. Each commit changes a few files, some far more often than
# others; files come, move and go, folders are renamed, one commit in ten is a merge, and now and
# then one is undone. The same arguments make the same ids, whatever awk and git there are.
set -eu
usage='usage: git_history.sh REPO COMMITS FILES [SEED [START]]'
repo=${1:?$usage}
commits=${2:?$usage}
files=${3:?$usage}

git init -q --bare -b main "$repo"
LC_ALL=C awk -v commits="$commits" -v files="$files" -v seed="${4:-1}" -v first="${5:-}" '
    # Park and Miller: exact in double precision
    function draw(n) {
        state = state * 16807 % 2147483647
        return int(state / 2147483647 * n)
    }
    function word() { return words[draw(word_count)] }
    function fill(list, text,   parts, count, i) {
        count = split(text, parts, " ")
        for (i = 1; i <= count; i++) list[i - 1] = parts[i]
        return count
    }

    # --- the tree: files 0..live-1, and what the next commit does to it (edits) ---

    function new_folder(   above) {
        above = draw(4) == 0 ? 0 : draw(folder_count)
        if (depth[above] == 5) above = 0
        folder[folder_count] = folder[above] word() folder_count "/"
        depth[folder_count] = depth[above] + 1
        return folder_count++
    }
    function new_path(   place) { # the youngest folders grow
        place = folder_count - 1 - int(folder_count * (draw(1000) / 1000) ^ 2)
        return folder[draw(25) == 0 ? new_folder() : place] word() "_" word() serial++ \
            endings[draw(ending_count)]
    }
    function put(i,   n, text) {
        for (n = 0; n < 7; n++) {
            text = text "file " number[i] " line " n " of " int((revision[i] + n) / 7) "\n"
        }
        edits = edits "M " mode[i] " inline " path[i] "\ndata " length(text) "\n" text "\n"
        if (length(edits) > 60000) { # a longer and longer text would be copied for each file
            held[held_count++] = edits
            edits = ""
        }
    }
    function add() {
        path[live] = new_path()
        number[live] = serial
        mode[live] = draw(40) == 0 ? "100755" : draw(150) == 0 ? "120000" : "100644"
        revision[live] = latest[live] = 0
        put(live++)
    }
    function edit(i) {
        if (i in before) return
        before[i] = revision[i]
        revision[i] = ++latest[i]
        put(i)
    }
    function drop(i) {
        edits = edits "D " path[i] "\n"
        live--
        path[i] = path[live]
        number[i] = number[live]
        mode[i] = mode[live]
        revision[i] = revision[live]
        latest[i] = latest[live]
    }
    function rename_file(i,   to) {
        to = new_path()
        edits = edits "R " path[i] " " to "\n"
        path[i] = to
    }
    function rename_folder(   from, to, i, moved) {
        from = folder[1 + draw(folder_count - 1)]
        to = word() serial++ "/"
        for (i = 0; i < live; i++) {
            if (index(path[i], from) == 1) {
                path[i] = to substr(path[i], length(from) + 1)
                moved = 1
            }
        }
        for (i = 0; i < folder_count; i++) {
            if (index(folder[i], from) == 1) folder[i] = to substr(folder[i], length(from) + 1)
        }
        if (moved) {
            edits = edits "R " substr(from, 1, length(from) - 1) " " \
                substr(to, 1, length(to) - 1) "\n"
        }
    }
    # What was changed lately is changed again, and with it what came at about the same time.
    function change(   n, i) {
        split("", before)
        for (n = live == 0 ? 0 : 1 + draw(3) + (draw(6) == 0 ? draw(12) : 0); n > 0; n--) {
            if (draw(4) == 0) i = lately[draw(8)] + 0
            else if (i != "" && draw(2)) i += draw(9) - 4
            else i = int(live * (draw(10000) / 10000) ^ 2.5)
            if (i < 0 || i >= live) i = 0
            edit(i)
            lately[lately_count++ % 8] = i
        }
        undoable = 1
        for (n = int(start + (files - start) * (at + 1) / commits) - live; n > 0; n--) {
            add()
            undoable = 0
        }
    }
    function undo(   i) {
        for (i = 0; i < live; i++) {
            if (i in before) {
                revision[i] = before[i]
                put(i)
            }
        }
        undoable = 0
    }
    function rearrange() { # before any edit: later ones name the paths as they are then
        if (draw(25) == 0) rename_file(draw(live))
        if (draw(30) == 0) drop(draw(live))
        if (draw(800) == 0 && folder_count > 1) rename_folder()
    }

    # --- the stream ---

    function commit(ref, what, parent, second,   when, i) {
        when = " A <a@example.org> " 1200000000 + ++mark * 600 " +0000\n"
        printf "commit refs/heads/%s\nmark :%d\nauthor%scommitter%s", ref, mark, when, when
        printf "data %d\n%s\n", length(what), what
        if (parent) printf "from :%d\n", parent
        if (second) printf "merge :%d\n", second
        for (i = 0; i < held_count; i++) printf "%s", held[i]
        printf "%s\n", edits
        return mark
    }
    BEGIN {
        state = seed * 48271 % 2147483646 + 1
        word_count = fill(words, "read write cluster index parser table node stream buffer cache " \
            "server client util test common handler request queue view model config driver page")
        ending_count = fill(endings, ".c .h .c .h .rb .md .txt .json")
        folder[0] = ""
        folder_count = 1
        live = serial = 0
        start = first != "" ? first + 0 : files < 100 ? files / 2 : 50
        for (at = 0; at < commits; at++) {
            edits = ""
            held_count = 0
            if (undoable && draw(60) == 0) {
                undo()
                line = commit("main", "undo", line)
            } else if (at > 0 && draw(10) == 0) { # of a branch: its commits are not of the line
                change()
                line = commit("main", "merge", line, commit("side", "work", line))
            } else {
                if (at > 0 && draw(500) == 0) undoable = 0 # a commit that changes nothing
                else {
                    if (live > 20) rearrange()
                    change()
                    if (edits ~ /^[RD]|\n[RD] /) undoable = 0
                }
                line = commit("main", "change " at, line)
            }
        }
    }' | git -C "$repo" fast-import --quiet
