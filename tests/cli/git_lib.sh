# shellcheck shell=sh
# git_lib.sh - repositories for the cases of import git. Sourced by them, from lib.sh's folder.

command -v git >/dev/null || skip "git is not installed"

# Nobody's configuration, and a repository of this case only.
GIT_CONFIG_GLOBAL=/dev/null
GIT_CONFIG_SYSTEM=/dev/null
GIT_CEILING_DIRECTORIES=$(pwd)
GIT_AUTHOR_DATE='1600000000 +0000' # the same ids every time
GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
export GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM GIT_CEILING_DIRECTORIES
export GIT_AUTHOR_DATE GIT_COMMITTER_DATE

# numbered_commits COUNT: for git fast-import, a line of commits with one file, which holds the number of
# its commit; :1, :2, ... name them.
numbered_commits() {
    for i in $(seq "$1"); do
        printf 'commit refs/heads/main\nmark :%d\ncommitter A <a@example.org> %d +0000\ndata 0\n' "$i" $((1500000000 + i * 60))
        [ "$i" = 1 ] || printf 'from :%d\n' $((i - 1))
        printf 'M 100644 inline f\ndata 2\n%d\n\n' "$i"
    done
}

# a_history REPO COUNT: a bare repository whose line has COUNT commits: files that change, move, go
# and come back, modes, links, a file that becomes a folder, merges, reverts, a commit without a
# change, and trees that were there before. Every content is one line. The same every time.
a_history() {
    git init -q --bare -b main "$1"
    awk -v count="$2" '
        function commit(ref, what) {
            printf "commit refs/heads/%s\nmark :%d\n", ref, ++mark
            printf "author A <a@example.org> %d +0000\n", 1500000000 + mark * 60
            printf "committer A <a@example.org> %d +0000\n", 1500000000 + mark * 60
            printf "data %d\n%s\n", length(what), what
        }
        function file(mode, path, line) {
            printf "M %s inline %s\ndata %d\n%s\n", mode, path, length(line) + 1, line
        }
        function text(i, n) { return "line " i " of file " n }
        BEGIN {
            for (i = 0; i < count; i++) {
                n = i * 7 % 40
                path = "dir" n % 5 "/file" n
                if (i % 25 == 13) { # a branch, merged: its commit is not of the line
                    from = mark
                    commit("side", "side")
                    printf "from :%d\n", from
                    file("100644", "side/file" i, "of the side, " i)
                    file("100644", "side/passing" i, "gone before the merge, " i)
                    side = mark
                    commit("main", "merge")
                    printf "from :%d\nmerge :%d\n", from, side
                    file("100644", "side/file" i, "of the side, " i)
                    line = mark
                    continue
                }
                commit("main", "commit " i)
                if (i > 0) printf "from :%d\n", line
                line = mark
                if (i == 0) {
                    file("100644", "README", "begin")
                    file("120000", "link", "README")
                    printf "M 100644 inline empty\ndata 0\n\n"
                } else if (i % 25 == 3) { # moves
                    if (where[n] != "") {
                        printf "R %s moved/file%d\n", where[n], i
                        where[n] = ""
                    }
                } else if (i % 25 == 5) { # goes
                    if (where[n] != "") printf "D %s\n", where[n]
                    where[n] = ""
                } else if (i % 25 == 7) { # a mode only
                    file(i % 50 == 7 ? "100755" : "100644", "README", "begin")
                } else if (i % 25 == 9) { # no change
                } else if (i % 25 == 11) { # there and back again
                    file("100644", "README", "other " i)
                } else if (i % 25 == 12) {
                    file(i % 50 == 12 ? "100755" : "100644", "README", "begin")
                } else if (i % 25 == 15) { # a file and a folder take turns
                    printf "D turn\n"
                    file("100644", i % 50 == 15 ? "turn/below" : "turn", "turn " i)
                } else if (i % 25 == 17) {
                    file("120000", "link", "target" i)
                } else {
                    file("100644", path, text(i, n))
                    where[n] = path
                }
            }
        }' | git -C "$1" fast-import --quiet
}

# commits_of: from records of import git, "ORDINAL COMMIT" of each commit.
commits_of() {
    sed -n 's/.*"type":"version","name":"[^"]*:v\([0-9]*\)".*"commit":"\([0-9a-f]*\)".*/\1 \2/p' "$1"
}

# blobs_of REPO: ids of the blobs in the trees of the commits on standard input, each once.
blobs_of() {
    while read -r commit; do
        git -C "$1" ls-tree -r "$commit"
    done | awk '$2 == "blob" { print $3 }' | sort -u
}

# contents_of REPO DIR: the blobs whose ids are on standard input, one line each, as files.
contents_of() {
    mkdir -p "$2"
    git -C "$1" cat-file --batch='%(objectname) %(objectsize)' | awk -v dir="$2" '
        {
            name = dir "/" $1
            size = $2
            getline line
            text = line (size > length(line) ? "\n" : "")
            printf "%s", text >name
            close(name)
            if (size > length(line)) getline line
        }'
}
