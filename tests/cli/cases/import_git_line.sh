# A history as programs have it (the bench's): at one go, in pieces and after signals it makes the
# same versions, each is its commit's tree, and of every second one the right blobs stay.
. "$(dirname "$CLI_LIB")/git_lib.sh"
history=$(dirname "$CLI_LIB")/../../bench/macro/git_history.sh
sh "$history" h.git 1500 150
git -C h.git rev-list --first-parent --reverse main >line
wc -l <line
# there is all in it that a history can have
git -C h.git log --format=%p --first-parent main | awk 'NF == 2' | head -n 3 | wc -l
git -C h.git log --first-parent -m --raw --format= -M main >changes
for kind in A D M R100; do
    grep -q "[0-9a-f] $kind" changes && echo "$kind"
done
for name in one pieces stopped; do
    cull --store $name init --objects none --digest sha1 --grace 0 >/dev/null
done

# manifests STORE: name and digest of each version.
manifests() {
    cull --store "$1" ls e/p/h --json |
        sed -n 's/.*"name":"\([^"]*\)".*"manifest_digest":"\([0-9a-f]*\)".*/\1 \2/p'
}
cull --store one import git e/p/h h.git --json >records
tail -n 1 records
manifests one >want
for at in 1 18 100 101 1480; do
    cull --store pieces import git e/p/h h.git --rev "$(sed -n "${at}p" line)" >/dev/null
done
run cull --store pieces import git e/p/h h.git
manifests pieces | diff want - && echo "the same versions"

# a signal comes when git has printed so much of the differences, the last time of commits whose
# predecessors are versions by then
real=$(command -v git)
mkdir fake
cat >fake/git <<'SCRIPT'
#!/bin/sh
case " $* " in
*" diff-tree "*)
    "$REAL" "$@" | {
        head -c "$BYTES"
        kill -s "$SIGNAL" $PPID
        cat
    }
    ;;
*) exec "$REAL" "$@" ;;
esac
SCRIPT
chmod +x fake/git
REAL=$real
export REAL
for try in "0 INT 130" "20000 TERM 143" "560000 INT 130"; do
    # shellcheck disable=SC2086 # three words
    set -- $try
    (
        BYTES=$1 SIGNAL=$2 PATH=$(pwd)/fake:$PATH
        export BYTES SIGNAL PATH
        cull --store stopped import git e/p/h h.git
    ) >out 2>err
    code=$?
    [ $code = "$3" ] || echo "exit $code: $(cat err)"
    manifests stopped 2>/dev/null >have
    head -n "$(wc -l <have)" want | diff - have
    cull --store stopped ls --uploads | sed 1d
done
[ -s have ] && echo "some stay"
cull --store stopped import git e/p/h h.git >/dev/null
manifests stopped | diff want - && echo "the same versions after signals"
run cull --store stopped fsck

# a version is what its commit is
commits_of records >versions
awk '!seen[$1]++ && $1 % 10 == 0' versions | while read -r ordinal commit; do
    cull --store one export "e/p/h:v$ordinal" |
        sed -n 's/^ *"\(.*\)": {"digest": *"\([^"]*\)".*/\1 \2/p' >exported
    git -C h.git ls-tree -r "$commit" | awk '{ print $4 }' >paths
    cut -d ' ' -f 1 exported | cmp - paths || echo "v$ordinal"
done
awk '$1 % 2 == 0 && !seen[$1]++ { print $2 }' versions | blobs_of h.git >kept
git -C h.git log --first-parent -m --raw --no-renames --no-abbrev --format= main |
    awk '$5 != "D" { print $4 }' | sort -u >all
cull --store one delete --collection e/p/h --keep-every 2 --delete-aliases >/dev/null
cull --store one gc --list free --allow-large-plan >/dev/null
sort free | comm -23 all - | cmp - kept && echo "the blobs of the commits kept"
wc -l <free
