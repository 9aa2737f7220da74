# shellcheck shell=sh disable=SC2154,SC2034 # variables are those of demo.sh
# demo_packages.sh - what real packages hold, release after release: import, delete a third,
# collect. Sourced by demo.sh. The lists are those of fixtures/histories.

CULL_STORE=$top/packages
histories=fixtures/histories

# digests LIST...: of every file in the lists, each once, whichever of the two forms they have.
digests() {
    awk -F '\t' 'NF == 3 { print $2; next } { print substr($0, 1, 32) }' "$@" | sort -u
}
import_rest() { # COLLECTION FOLDER: v1, v2, ... of the folder
    ordinal=1
    while [ -e "$2/v$ordinal.tsv" ]; do
        "$cull" import list "$1" "$2/v$ordinal.tsv" >>imported
        ordinal=$((ordinal + 1))
    done
    echo "... and the next $((ordinal - 1)) releases"
}

step "Releases of two npm packages and packages of Debian: path, MD5 and size of every file"
run init --objects none --digest md5
for package in axios eslint; do
    run import list demo/npm/$package $histories/npm/$package/v0.tsv
    import_rest demo/npm/$package $histories/npm/$package
done
for list in "$histories"/debian/*.md5sums; do
    package=$(basename "$list" .md5sums)
    run import list "demo/debian/$package" "$list" | head -n 2
done
run ls
digests $histories/npm/*/v*.tsv $histories/debian/*.md5sums >all
same "blobs in the index" "$(figure blobs stat)" "$(lines all)"
versions=$(figure versions stat)
say "$versions versions, $(figure references stat) files, $(lines all) different contents"

step "What would deleting every third release free? Only what the releases beside it do not hold"
third=
: >kept-lists
for package in axios eslint; do
    ordinal=0
    while [ -e "$histories/npm/$package/v$ordinal.tsv" ]; do
        if [ $((ordinal % 3)) = 1 ]; then
            third="$third demo/npm/$package:v$ordinal"
        else
            echo "$histories/npm/$package/v$ordinal.tsv" >>kept-lists
        fi
        ordinal=$((ordinal + 1))
    done
done
# shellcheck disable=SC2086 # a list of names
run_brief delete $third --dry-run
# shellcheck disable=SC2086
would=$(figure blobs_would_free delete $third --dry-run)
# shellcheck disable=SC2046 # one word a line
digests $(cat kept-lists) $histories/debian/*.md5sums >kept
same "blobs that would go" "$would" "$(comm -23 all kept | wc -l)"

step "Delete them, and one package of Debian: a third of all versions"
# shellcheck disable=SC2086
run_brief delete $third
run delete demo/debian/fakeroot:v0 --delete-aliases
same "versions deleted" "$(figure versions_in_trash stat)" $((versions / 3))
for list in "$histories"/debian/*.md5sums; do
    [ "$(basename "$list")" = fakeroot.md5sums ] || echo "$list" >>kept-lists
done
# shellcheck disable=SC2046
digests $(cat kept-lists) >kept

collect_index all kept
say "left are exactly the $(lines kept) contents that the lists of the $(figure versions stat) versions kept name"
